# Every copy makes copies, and waits for room when it is refused.
import os
import time

print("forking", flush=True)
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.05)
