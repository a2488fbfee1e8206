# One file larger than the folder that holds it: with holes first, then reserved, then written.
import os

file = os.open("large", os.O_RDWR | os.O_CREAT)
try:
    os.posix_fallocate(file, 0, 1 << 40)
except OSError as refusal:
    print(f"reserving a terabyte: {refusal}", flush=True)
while True:
    os.write(file, b"\xff" * (1 << 20))
