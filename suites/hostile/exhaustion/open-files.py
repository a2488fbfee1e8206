# Opens until it is refused, in several processes, because each has a limit and the machine has one too.
import os
import time

for _ in range(6):
    if os.fork() == 0:
        held = []
        try:
            while len(held) < 100_000:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as refusal:
            print(f"{len(held)}: {refusal}", flush=True)
        time.sleep(0.5)
        os._exit(0)
for _ in range(6):
    os.wait()
