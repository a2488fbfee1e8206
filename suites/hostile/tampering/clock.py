# A wall time is only as good as its clock: set the clock back, start a timer anew, stop the counting.
import resource
import signal
import time

from kit import attempt, finish, step, syscall

attempt("set the clock", time.clock_settime, time.CLOCK_REALTIME, 0)
attempt("settimeofday", lambda: syscall(164, (0).to_bytes(16, "little"), 0))
attempt("adjtimex", lambda: syscall(159, b"\x01\0\0\0" + b"\0" * 204))
step("no limit on my time", resource.setrlimit, resource.RLIMIT_CPU, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
step("timers of my own", signal.setitimer, signal.ITIMER_REAL, 1000)
time.sleep(60)
finish()
