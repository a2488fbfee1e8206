# Speaks to the first process in its own words, through the ends of pipes that both hold, and changes how they work.
import fcntl
import os
import resource

from kit import attempt, finish, step

attempt("its orders", lambda: os.write(os.open("/proc/1/fd/0", os.O_WRONLY), b"b"))
# Its two outputs are this program's own.
for descriptor in (1, 2):
    step(f"/proc/1/fd/{descriptor}", lambda: os.write(os.open(f"/proc/1/fd/{descriptor}", os.O_WRONLY), b"b"))
for descriptor in (1, 2):
    step(f"do not wait on {descriptor}", os.set_blocking, descriptor, False)
    step(f"a pipe of one page at {descriptor}", fcntl.fcntl, descriptor, 1031, 4096)
    step(f"signals from {descriptor}", fcntl.fcntl, descriptor, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
# gVisor grants these two. The first process needs no file of its own any more, and little time.
step("its limit on files", resource.prlimit, 1, resource.RLIMIT_NOFILE, (0, 0))
step("its limit on time", resource.prlimit, 1, resource.RLIMIT_CPU, (600, 600))
attempt("its memory", lambda: os.open("/proc/1/mem", os.O_RDWR))
finish()
