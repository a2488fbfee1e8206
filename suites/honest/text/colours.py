# A report with a little colour and a bar of progress, as tools print them.
import sys
import time

for done in range(0, 101, 20):
    sys.stdout.write(f"\r[{'#' * (done // 10):10}] {done:3}%")
    sys.stdout.flush()
    time.sleep(0.01)
print("\n\x1b[32mpassed\x1b[0m 12  \x1b[31mfailed\x1b[0m 0")
