# Two processes send each other signals without an end.
import os
import signal
import time

heard = 0


def count(*_):
    global heard
    heard += 1


for number in (signal.SIGUSR1, signal.SIGRTMIN):
    signal.signal(number, count)
parent = os.getpid()
child = os.fork()
other = child or parent
until = time.monotonic() + 1.5
while time.monotonic() < until:
    try:
        os.kill(other, signal.SIGUSR1)
        os.kill(other, signal.SIGRTMIN)
    except ProcessLookupError:
        break
    except BlockingIOError:
        # As many wait as may.
        pass
if child == 0:
    os._exit(0)
print(f"{heard} signals heard, {int(heard > 10) and 'a storm'}", flush=True)
os._exit(0)
