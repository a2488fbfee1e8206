# Conway's game of life on a torus, a hundred generations of a glider.
from collections import Counter

SIZE = 32
cells = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
for _ in range(128):
    near = Counter(((x + dx) % SIZE, (y + dy) % SIZE) for x, y in cells for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
    cells = {cell for cell, count in near.items() if count == 3 or count == 2 and cell in cells}
for y in range(6):
    print("".join("#" if (x, y) in cells else "." for x in range(SIZE)))
assert cells == {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
