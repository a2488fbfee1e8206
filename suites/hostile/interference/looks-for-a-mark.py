# Looks for the mark that its neighbour leaves, again and again, while that one runs.
import os
import socket
import time

from kit import LIBC, attempt, finish

MARK = "crucible-neighbour-mark"
IPC_CREAT_NONE = 0


def look():
    found = [folder for folder in ("/tmp", "/dev/shm", "/work", "/var/tmp") if os.path.exists(f"{folder}/{MARK}")]
    for name in ("shmget", "semget", "msgget"):
        arguments = {"shmget": (0, 0), "semget": (0, 0), "msgget": (0,)}[name]
        if getattr(LIBC, name)(0x6D61726B, *arguments) >= 0:
            found.append(name)
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(f"\0{MARK}")
            found.append("abstract socket")
        except OSError:
            pass
    return found


until = time.monotonic() + 1.5
found = []
while time.monotonic() < until and not found:
    found = look()
    time.sleep(0.1)
for place in found:
    attempt(place, lambda: place)
finish()
