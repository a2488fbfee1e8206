# Asks the first process to end, by every signal that might.
import os
import signal
import time

for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP}):
    for _ in range(3):
        try:
            os.kill(1, number)
        except OSError as refusal:
            print(f"{number}: {refusal}")
time.sleep(0.5)
print("nothing helped")
