# The same through /sys: a program for device events, the power switch, control groups, security modules.
import os

from kit import attempt, finish, step, write

SETTINGS = {
    "/sys/kernel/uevent_helper": "/work/payload.sh",
    "/sys/class/mem/null/uevent": "change",
    "/sys/power/state": "mem",
    "/sys/kernel/mm/transparent_hugepage/enabled": "never",
    "/sys/kernel/security/apparmor/.remove": "docker-default",
    "/sys/kernel/debug/tracing/kprobe_events": "p do_sys_open",
    "/sys/module/kernel/parameters/panic": "1",
    "/sys/firmware/efi/vars/del_var": "x",
    "/sys/fs/cgroup/cgroup.subtree_control": "+memory",
    "/sys/bus/pci/rescan": "1",
}
for path, value in SETTINGS.items():
    attempt(path, write, path, value)
# The groups a sandbox sees are its own kernel's. Lifting a limit there must lift none outside.
step("more memory", write, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1")
step("more processes", write, "/sys/fs/cgroup/pids/pids.max", "max")
taken = []
while len(taken) < 1024:
    taken.append(os.urandom(1) * (1024 * 1024))
finish()
