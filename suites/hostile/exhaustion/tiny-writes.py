# Little output in very many pieces: each may cost whoever keeps them more than its one byte.
import os

for number in range(60_000):
    os.write(1 + number % 2, b".")
