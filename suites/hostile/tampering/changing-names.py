# One thread opens a file while another changes its name in memory: the watchers and the kernel read different ones.
import ctypes
import threading
import time

libc = ctypes.CDLL(None)
name = ctypes.create_string_buffer(b"/work/main.py\0", 32)
until = time.monotonic() + 1


def change():
    while time.monotonic() < until:
        ctypes.memmove(name, b"/etc/shadow\0\0\0", 14)
        ctypes.memmove(name, b"/work/main.py\0", 14)


changer = threading.Thread(target=change)
changer.start()
opened = 0
while time.monotonic() < until:
    descriptor = libc.open(name, 0)
    if descriptor >= 0:
        opened += 1
        libc.close(descriptor)
changer.join()
print(f"{opened} opened")
