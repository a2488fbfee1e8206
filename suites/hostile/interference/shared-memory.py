# Memory that several processes share by name or number: is a neighbour's there, and can it be written?
import ctypes
import os
from multiprocessing import shared_memory

from kit import LIBC, attempt, finish

for name in os.listdir("/dev/shm"):
    attempt(f"/dev/shm/{name}", lambda: name)
for name in ("crucible", "psm_0", "sem.crucible", "pulse-shm-1", "nccl-0"):
    attempt(name, lambda: shared_memory.SharedMemory(name).size)
LIBC.shmat.restype = ctypes.c_void_p
for key in (*range(1, 50), 0x52, 0x1234, 0xCAFE):
    segment = LIBC.shmget(key, 0, 0)
    if segment >= 0:
        attempt(f"segment {key:#x}", lambda: LIBC.shmat(segment, None, 0))
for number in range(64):
    if LIBC.shmat(number, None, 0) not in (None, 2**64 - 1):
        attempt(f"segment number {number}", lambda: number)
mine = LIBC.shmget(0xCAFE, 4096, 0o1666)
print(f"left for others: {mine}")
finish()
