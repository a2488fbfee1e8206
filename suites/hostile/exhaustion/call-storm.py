# Calls that are watched from outside, as fast as three processes can make them: can the watching be drowned?
import os
import time

until = time.monotonic() + 2
for _ in range(2):
    if os.fork() == 0:
        break
calls = 0
while time.monotonic() < until:
    for _ in range(100):
        os.close(os.open("main.py", os.O_RDONLY))
        calls += 1
print(f"{calls} files opened", flush=True)
