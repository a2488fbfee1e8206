# A picture written by hand, byte for byte, and read again.
import struct
import zlib

WIDTH = HEIGHT = 64


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


rows = b"".join(b"\0" + bytes((x * 4 + y * 4) % 256 for x in range(WIDTH)) for y in range(HEIGHT))
picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0))
picture += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
open("gradient.png", "wb").write(picture)
print(struct.unpack(">II", open("gradient.png", "rb").read()[16:24]))
