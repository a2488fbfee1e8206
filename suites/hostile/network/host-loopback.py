# What listens on the host's loopback trusts whoever reaches it: the engine, the bus, the database, the platform itself.
import socket

from kit import attempt, finish

PORTS = (22, 80, 443, 2375, 2376, 2379, 4222, 4700, 5432, 6379, 6443, 8080, 8222, 9090, 10250, 11434)
for host in ("127.0.0.1", "127.0.0.53", "::1"):
    for port in PORTS:
        attempt(f"{host} {port}", lambda: socket.create_connection((host, port), 0.2).recv(1) or host)
finish()
