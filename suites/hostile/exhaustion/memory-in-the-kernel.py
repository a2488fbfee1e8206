# Memory that belongs to no process: filled pipes, sockets and files in memory, which a count of processes would miss.
import os
import socket

held = []
block = b"x" * 65536
for number in range(4000):
    if number % 3 == 0:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        held += [reader, writer]
    elif number % 3 == 1:
        one, other = socket.socketpair()
        one.setblocking(False)
        held += [one, other]
        writer = one.fileno()
    else:
        writer = os.memfd_create("held")
        held.append(writer)
    try:
        for _ in range(64):
            os.write(writer, block)
    except BlockingIOError:
        pass
    print(f"{number} full", flush=True)
