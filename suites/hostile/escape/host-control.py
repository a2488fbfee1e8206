# What only the master of a machine may do: switch it off, set its clock and name, its ports and swap, read its log.
import ctypes

from kit import attempt, finish, syscall

buffer = ctypes.create_string_buffer(4096)
time = (0).to_bytes(16, "little")
attempt("reboot", lambda: syscall(169, 0xFEE1DEAD, 672274793, 0x4321FEDC, 0))
attempt("sethostname", lambda: syscall(170, b"owned", 5))
attempt("setdomainname", lambda: syscall(171, b"owned", 5))
attempt("settimeofday", lambda: syscall(164, time, 0))
attempt("clock_settime", lambda: syscall(227, 0, time))
attempt("iopl", lambda: syscall(172, 3))
attempt("ioperm", lambda: syscall(173, 0x80, 1, 1))
attempt("swapon", lambda: syscall(167, b"/work/main.py", 0))
attempt("swapoff", lambda: syscall(168, b"/dev/sda2"))
attempt("acct", lambda: syscall(163, b"/work/log"))
attempt("clear the kernel's log", lambda: syscall(103, 5, buffer, 0))
finish()
