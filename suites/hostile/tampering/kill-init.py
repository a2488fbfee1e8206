# The first process of a sandbox is the platform's own and measures the guest. Without it nobody would.
import os
import signal
import time

print(f"I am {os.getpid()}, killing 1", flush=True)
os.kill(1, signal.SIGKILL)
time.sleep(1)
print("still here")
