# Exact numbers: a thousand digits of e, Fibonacci's 5000th, and money in decimals.
from decimal import Decimal, getcontext

getcontext().prec = 1010
term = total = Decimal(1)
for number in range(1, 460):
    term /= number
    total += term
digits = str(total)[:1002]
assert digits.startswith("2.718281828459045235360287471352662497757")
a, b = 0, 1
for _ in range(5000):
    a, b = b, a + b
print(len(digits), len(str(a)), Decimal("0.1") + Decimal("0.2"))
