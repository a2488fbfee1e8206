# The edit distance, a knapsack, and the longest common part of two texts.
from functools import lru_cache


@lru_cache(maxsize=None)
def edits(a, b):
    if not a or not b:
        return len(a) + len(b)
    return min(edits(a[1:], b) + 1, edits(a, b[1:]) + 1, edits(a[1:], b[1:]) + (a[0] != b[0]))


def knapsack(things, most):
    best = [0] * (most + 1)
    for weight, worth in things:
        for room in range(most, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + worth)
    return best[most]


assert edits("kitten", "sitting") == 3
assert knapsack([(12, 4), (2, 2), (1, 1), (1, 2), (4, 10)], 15) == 15
print("both are right")
