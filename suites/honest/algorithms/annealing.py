# A round trip through forty towns, made shorter by simulated annealing.
import math
import random

random.seed(11)
towns = [(random.random(), random.random()) for _ in range(40)]
length = lambda trip: sum(math.dist(towns[a], towns[b]) for a, b in zip(trip, trip[1:] + trip[:1]))
trip = list(range(40))
begun = best = length(trip)
heat = 1.0
for _ in range(15_000):
    i, j = sorted(random.sample(range(40), 2))
    other = trip[:i] + trip[i : j + 1][::-1] + trip[j + 1 :]
    change = length(other) - best
    if change < 0 or random.random() < math.exp(-change / (heat * 0.1)):
        trip, best = other, best + change
    heat *= 0.9995
assert best < begun / 2
print(f"from {begun:.2f} to {best:.2f}")
