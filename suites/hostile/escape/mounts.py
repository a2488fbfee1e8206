# Mounts, by the old call and by the new ones: the host's disk, its kernel's file systems, its root once more, writable.
import os

from kit import attempt, finish, syscall

os.makedirs("there", exist_ok=True)
for source, kind, flags, data in [
    (b"/dev/sda1", b"ext4", 0, b""),
    (b"proc", b"proc", 0, b""),
    (b"debugfs", b"debugfs", 0, b""),
    (b"tracefs", b"tracefs", 0, b""),
    (b"cgroup2", b"cgroup2", 0, b""),
    (b"overlay", b"overlay", 0, b"lowerdir=/,upperdir=/work,workdir=/tmp"),
    (b"/", b"none", 0x1000 | 0x4000, b""),
    (b"none", b"none", 0x20, b""),
]:
    attempt(f"mount {kind.decode()} {flags:#x}", lambda: syscall(165, source, b"/work/there", kind, flags, data))
attempt("unmount /work", lambda: syscall(166, b"/work", 2))
attempt("open_tree", lambda: syscall(428, -100, b"/", 1))
attempt("fsopen", lambda: syscall(430, b"ext4", 0))
attempt("fsmount", lambda: syscall(432, 3, 0, 0))
attempt("fspick", lambda: syscall(433, -100, b"/", 0))
attempt("move_mount", lambda: syscall(429, -100, b"/", -100, b"/work/there", 0))
attempt("pivot_root", lambda: syscall(155, b"/work", b"/work/there"))
finish()
