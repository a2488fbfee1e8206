# The sieve of Eratosthenes.
LIMIT = 500_000
sieve = bytearray([1]) * (LIMIT + 1)
sieve[:2] = b"\0\0"
for number in range(2, int(LIMIT**0.5) + 1):
    if sieve[number]:
        sieve[number * number :: number] = bytes(len(range(number * number, LIMIT + 1, number)))
print(f"{sum(sieve)} primes")
