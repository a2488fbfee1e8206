# Meets many errors and gets over each.
import contextlib
import warnings

CASES = [lambda: 1 / 0, lambda: int("x"), lambda: {}["a"], lambda: [][1], lambda: open("missing.txt"), lambda: None.x, lambda: "a" + 1, lambda: b"\xff".decode(), lambda: next(iter([]))]
for case in CASES:
    try:
        case()
    except Exception as error:
        print(type(error).__name__, error)


def deep(n):
    return deep(n + 1)


with contextlib.suppress(RecursionError):
    deep(0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("mind the gap")
print(len(caught), "warning")
raise SystemExit(0)
