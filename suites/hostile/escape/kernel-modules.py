# Code in the kernel ends every argument: load a module from memory, from a file, remove one, load another kernel.
import os
from pathlib import Path

from kit import attempt, finish, read, syscall

image = b"\x7fELF\x02\x01\x01" + b"\0" * 200
Path("evil.ko").write_bytes(image)
attempt("init_module", lambda: syscall(175, image, len(image), b""))
file = os.open("evil.ko", os.O_RDONLY)
attempt("finit_module", lambda: syscall(313, file, b"", 3))
attempt("delete_module", lambda: syscall(176, b"seccomp", 0o4000))
attempt("kexec_load", lambda: syscall(246, 0, 0, 0, 0))
attempt("kexec_file_load", lambda: syscall(320, file, -1, 0, b"", 4))
for folder in ("/lib/modules", "/boot", "/sys/module/kvm"):
    attempt(folder, lambda: os.listdir(folder)[0])
for path in ("/proc/modules", "/proc/kallsyms", "/boot/vmlinuz"):
    attempt(path, read, path)
os.close(file)
finish()
