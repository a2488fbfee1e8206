# In a shared process namespace the host's processes are in /proc: read their secrets, step through their roots.
import os
import signal

from kit import attempt, finish, read, step

mine = {os.getpid(), os.getppid()}
others = sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine)
print(f"{len(others)} others: {others}")
for pid in sorted({1, *others}):
    # What the platform's own first process shows of itself is no secret; another's would be.
    for part in ("environ", "maps"):
        (step if pid == 1 else attempt)(f"/proc/{pid}/{part}", read, f"/proc/{pid}/{part}")
    for part in ("mem", "root/etc/shadow", "cwd/secret"):
        attempt(f"/proc/{pid}/{part}", read, f"/proc/{pid}/{part}")
for pid in range(3, 400):
    if pid in mine:
        continue
    try:
        os.kill(pid, signal.SIGTERM)
        attempt(f"signal to {pid}", lambda: pid)
    except ProcessLookupError:
        pass
    except OSError as refusal:
        attempt(f"there is a {pid}", lambda: str(refusal))
finish()
