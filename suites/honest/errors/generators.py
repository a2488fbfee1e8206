# Generators, context managers, decorators and what happens when they are left half-way.
import contextlib
import itertools


@contextlib.contextmanager
def opened(name):
    print("open", name)
    try:
        yield name
    finally:
        print("close", name)


def numbers():
    try:
        for number in itertools.count():
            yield number
    finally:
        print("left")


with contextlib.suppress(ValueError), opened("a"), opened("b"):
    for number in numbers():
        if number == 3:
            raise ValueError
print(list(itertools.islice((a * b for a, b in itertools.combinations(range(10), 2)), 5)))
