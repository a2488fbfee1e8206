# A straight line through points, and quantiles, without a library for it.
import random
import statistics

random.seed(5)
xs = [n / 10 for n in range(200)]
ys = [3 * x + 2 + random.gauss(0, 1) for x in xs]
slope, intercept = statistics.linear_regression(xs, ys)
print(f"{slope:.1f} {intercept:.0f} {statistics.correlation(xs, ys):.2f} {statistics.quantiles(xs, n=4)}")
assert abs(slope - 3) < 0.1
