# All sandboxes share the files of one image. A lock on one of them would be a bit that neighbours can read.
import fcntl
import time

from kit import attempt, finish

SHARED = ("/usr/bin/python3.11", "/usr/bin/sh", "/etc/passwd", "/usr/lib/os-release", "/etc/hostname")
held = []
for path in SHARED:
    file = open(path, "rb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(file)
    except BlockingIOError:
        attempt(f"a neighbour holds {path}", lambda: path)
    except OSError as refusal:
        print(f"refused  {path}: {refusal}")
time.sleep(1)
print(f"{len(held)} locks held")
finish()
