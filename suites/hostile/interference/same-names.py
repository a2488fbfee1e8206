# Every sandbox of a suite has the same file names. Write under those of others, lock them, and see whether anyone minds.
import fcntl
import os
import time

from kit import attempt, finish

for name in ("result.json", "output.log", "score.txt", "main.py", "suite.yaml"):
    if name != "main.py" and os.path.exists(name):
        attempt(f"somebody's {name}", lambda: open(name).read(100))
    with open(name, "a") as file:
        file.write(f"# {os.urandom(4).hex()}\n")
held = open("result.json")
fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
time.sleep(0.3)
print(f"{len(os.listdir('/work'))} names in here")
finish()
