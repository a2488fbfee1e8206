# A second name in a place of one's own, for a file that may not be written to under its first.
import os

from kit import attempt, finish, syscall

for number, target in enumerate(["/etc/passwd", "/usr/bin/python3", "/etc/hostname", "/proc/self/exe", "/dev/null"]):

    def write_by_second_name():
        os.link(target, f"second-{number}", follow_symlinks=False)
        with open(f"second-{number}", "r+b") as file:
            return file.write(b"x")

    attempt(target, write_by_second_name)
descriptor = os.open("/etc/passwd", os.O_RDONLY)
attempt("a name for a descriptor", lambda: syscall(265, descriptor, b"", -100, b"/work/by-descriptor", 0x1000))
attempt("a name by /proc", lambda: os.link(f"/proc/self/fd/{descriptor}", "by-proc"))
finish()
