# A file in memory, searched and changed in place.
import mmap

with open("data.bin", "wb") as file:
    file.write(bytes(range(256)) * 4096)
with open("data.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    place = view.find(b"\x10\x11\x12", 5000)
    view[place : place + 3] = b"zyx"
    view.flush()
    print(place, len(view))
assert open("data.bin", "rb").read().count(b"zyx") == 1
