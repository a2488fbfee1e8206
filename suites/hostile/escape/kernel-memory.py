# The kernel's own memory and addresses, for exploits that need to know where things are.
from kit import attempt, finish, read

for path in (
    "/proc/kcore",
    "/proc/kmsg",
    "/proc/kallsyms",
    "/proc/kpagecount",
    "/proc/timer_list",
    "/sys/kernel/debug/kmemleak",
    "/sys/kernel/notes",
    "/sys/kernel/vmcoreinfo",
    "/sys/firmware/acpi/tables/DSDT",
    "/boot/System.map",
    "/dev/mem",
    "/dev/kmem",
):
    attempt(path, read, path)
finish()
