# Does nothing for ever, on every core, deaf to every signal that can be ignored.
import os
import signal

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
os.fork()
print("looping", flush=True)
while True:
    pass
