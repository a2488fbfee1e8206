# Bytes that are no text: cut, overlong, surrogates, beyond the last character, and cut again where pieces end.
import os

for block in (b"\xff\xfe\xc0\x80\xed\xa0\x80\xf5\x80\x80\x80", b"\xe2\x82", b"\xac", b"\xf0\x9f\x92", b"\x80" * 4096, bytes(range(256)) * 16):
    os.write(1, block)
    os.write(2, block[::-1])
os.write(1, "\U0001f4a3".encode() * 20_000)
