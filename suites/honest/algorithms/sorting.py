# Sorts by three methods of its own and compares with Python's.
import random


def quick(items):
    if len(items) < 2:
        return items
    pivot, *rest = items
    return quick([x for x in rest if x < pivot]) + [pivot] + quick([x for x in rest if x >= pivot])


def merge(items):
    if len(items) < 2:
        return items
    middle = len(items) // 2
    left, right, out = merge(items[:middle]), merge(items[middle:]), []
    while left and right:
        out.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return out + left + right


def heap(items):
    import heapq

    heapq.heapify(items)
    return [heapq.heappop(items) for _ in range(len(items))]


random.seed(7)
numbers = [random.randrange(1000) for _ in range(2000)]
assert quick(numbers[:]) == merge(numbers[:]) == heap(numbers[:]) == sorted(numbers)
print("three methods agree")
