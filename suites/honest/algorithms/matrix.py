# Multiplies matrices and inverts one by Gauss and Jordan.
from fractions import Fraction


def times(a, b):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]


def inverse(matrix):
    size = len(matrix)
    rows = [[Fraction(x) for x in row] + [Fraction(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for at in range(size):
        pivot = next(i for i in range(at, size) if rows[i][at] != 0)
        rows[at], rows[pivot] = rows[pivot], rows[at]
        rows[at] = [x / rows[at][at] for x in rows[at]]
        for i in range(size):
            if i != at:
                rows[i] = [x - rows[i][at] * y for x, y in zip(rows[i], rows[at])]
    return [row[size:] for row in rows]


matrix = [[(i * 7 + j * 3) % 11 + (i == j) * 5 for j in range(12)] for i in range(12)]
assert times(matrix, inverse(matrix)) == [[int(i == j) for j in range(12)] for i in range(12)]
print("the product with its inverse is one")
