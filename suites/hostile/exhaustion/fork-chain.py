# Each process starts the next and ends: there is never more than a few, and never the same to kill.
import os
import time

print("running away", flush=True)
until = time.monotonic() + 60
while time.monotonic() < until:
    try:
        if os.fork() != 0:
            os._exit(0)
    except OSError:
        time.sleep(0.01)
