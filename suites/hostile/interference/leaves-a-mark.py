# Leaves a mark for other trials wherever two sandboxes might meet: names in folders, keys, locks, abstract sockets.
import os
import socket
import time

from kit import LIBC

MARK = "crucible-neighbour-mark"
for folder in ("/tmp", "/dev/shm", "/work"):
    with open(f"{folder}/{MARK}", "w") as file:
        file.write(f"{os.getpid()}\n")
door = socket.socket(socket.AF_UNIX)
door.bind(f"\0{MARK}")
door.listen()
LIBC.shmget(0x6D61726B, 4096, 0o1666)
LIBC.semget(0x6D61726B, 1, 0o1666)
LIBC.msgget(0x6D61726B, 0o1666)
print("marked", flush=True)
time.sleep(1.5)
