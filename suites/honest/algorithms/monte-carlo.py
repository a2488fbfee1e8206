# Estimates pi with random numbers, and says how sure it is.
import random
import statistics

random.seed(1)
guesses = [4 * sum(random.random() ** 2 + random.random() ** 2 < 1 for _ in range(10_000)) / 10_000 for _ in range(20)]
print(f"{statistics.mean(guesses):.3f} +- {statistics.stdev(guesses):.3f}")
assert abs(statistics.mean(guesses) - 3.1416) < 0.02
