# Threads instead of processes, until one is refused, which this program does not survive.
import threading
import time

threading.stack_size(32768 * 2)
count = 0
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    count += 1
    print(f"{count} threads", flush=True)
