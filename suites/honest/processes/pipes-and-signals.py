# Talks with a child through a pipe, and reminds itself by an alarm.
import os
import signal

reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(reader)
    os.write(writer, b"hello from the child")
    os._exit(3)
os.close(writer)
print(os.read(reader, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
rung = []
signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
child = os.fork()
if child == 0:
    signal.pause()
os.kill(child, signal.SIGTERM)
print(rung, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
