# Between a virtual machine and its host there is a family of sockets of its own, which no network rule covers.
import socket

from kit import attempt, finish

HYPERVISOR, HOST, LOCAL = 0, 2, 1
for context in (HYPERVISOR, HOST, LOCAL, 3):
    for port in (22, 1024, 2375, 9999):

        def call():
            with socket.socket(40, socket.SOCK_STREAM) as line:
                line.settimeout(0.3)
                line.connect((context, port))
                return line.recv(1)

        attempt(f"vsock {context}:{port}", call)
finish()
