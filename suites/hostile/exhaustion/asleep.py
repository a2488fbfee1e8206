# Waits for ever for something that never comes, and costs nothing but a place.
import signal

signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
print("asleep", flush=True)
while True:
    signal.pause()
