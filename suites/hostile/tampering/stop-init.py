# Stops the first process instead of killing it: nothing has died, nothing is measured, and nobody reports the end.
import os
import signal

print("stopping 1", flush=True)
os.kill(1, signal.SIGSTOP)
print("gone without a report", flush=True)
