# Means to outlive process 1: no parent's death reaches it, it adopts orphans, it ignores all it can, and it comes back.
import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None)
SET_CHILD_SUBREAPER, SET_PDEATHSIG, SET_NAME = 36, 1, 15
libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
libc.prctl(SET_PDEATHSIG, 0, 0, 0, 0)
libc.prctl(SET_NAME, b"kthreadd", 0, 0, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            # Whichever is killed, another starts it anew.
            if os.fork() == 0:
                time.sleep(0.2)
                os._exit(0)
            os.wait()
time.sleep(0.3)
print("ending, and staying", flush=True)
os.kill(1, signal.SIGKILL)
time.sleep(1)
