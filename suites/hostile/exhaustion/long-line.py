# A hundred megabytes without a newline: whoever reads lines holds all of it.
import sys

for _ in range(100):
    sys.stdout.buffer.write(b"x" * (1024 * 1024))
