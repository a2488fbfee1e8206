# Children that have ended and whose end nobody asks for keep their numbers until there are none left.
import os
import time

dead = 0
try:
    while True:
        if os.fork() == 0:
            os._exit(0)
        dead += 1
except OSError as refusal:
    print(f"{dead} ended and unasked for: {refusal}", flush=True)
time.sleep(0.2)
raise SystemExit(1)
