# A neighbour can be heard through the time that things take: measures the processor and shared files, and tries to
# receive a byte that way.
import os
import statistics
import time

from kit import finish


def work():
    begun = time.perf_counter_ns()
    for _ in range(200):
        os.stat("/usr/bin/python3.11")
    return time.perf_counter_ns() - begun


samples = [work() for _ in range(200)]
middle = statistics.median(samples)
bits = "".join("1" if sum(samples[at : at + 25]) > 25 * middle * 1.2 else "0" for at in range(0, 200, 25))
print(f"received {int(bits, 2):#04x}, median {middle / 1e3:.0f} us, deviation {statistics.pstdev(samples) / middle:.2f}")
finish()
