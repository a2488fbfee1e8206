# The first process measures this one. Attach to it, read its memory, write into it, steal its descriptors.
import ctypes

from kit import attempt, finish, read, syscall

ATTACH, SEIZE, PEEKDATA = 16, 0x4206, 2
attempt("attach", lambda: syscall(101, ATTACH, 1, 0, 0))
attempt("seize", lambda: syscall(101, SEIZE, 1, 0, 0))
attempt("peek", lambda: syscall(101, PEEKDATA, 1, 0x400000, 0))
buffer = ctypes.create_string_buffer(64)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


mine, theirs = Vector(ctypes.addressof(buffer), 64), Vector(0x400000, 64)
for number, name in ((310, "process_vm_readv"), (311, "process_vm_writev")):
    attempt(name, lambda: syscall(number, 1, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))
attempt("/proc/1/mem", read, "/proc/1/mem")
process = None
try:
    process = syscall(434, 1, 0)
except OSError as refusal:
    print(f"refused  pidfd_open: {refusal}")
attempt("pidfd_getfd", lambda: syscall(438, process if process is not None else 5, 0, 0))
finish()
