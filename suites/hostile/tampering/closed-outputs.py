# Closes what it should print to, opens other things in their places, and ends as if nothing were missing.
import os

print("before", flush=True)
os.closerange(0, 1024)
for number in range(3):
    os.open("/dev/null" if number else "main.py", os.O_RDWR)
os.write(1, b"never to be seen\n")
os.write(2, b"never to be seen\n")
os._exit(0)
