# The old way to leave without being missed: fork, a session of one's own, fork again, close everything. Then the
# program ends well, and its daemon means to stay.
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 3)
        os.chdir("/")
        while True:
            time.sleep(0.05)
    os._exit(0)
os.wait()
print("the program ends, its daemon stays")
