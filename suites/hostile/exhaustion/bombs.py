# Small things that grow when they are read: a packed file a thousand times its size, a pattern that tries every way.
import re
import zlib

packed = zlib.compress(b"\0" * (32 * 1024 * 1024), 9)
print(f"{len(packed)} bytes hold 32 MiB", flush=True)
grown = []
for _ in range(2):
    grown.append(zlib.decompress(packed))
print(re.match(r"(a+)+$", "a" * 40 + "b"))
