# The machines next door: bridges of container engines, the usual private networks, and all that hear a broadcast.
import socket

from kit import attempt, finish

for address in ("172.17.0.1", "172.18.0.1", "10.0.0.1", "10.0.2.2", "192.168.0.1", "192.168.1.1", "192.168.65.2", "fe80::1"):
    for port in (22, 80, 2375):
        attempt(f"{address} {port}", lambda: socket.create_connection((address, port), 0.2))


def broadcast():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return sender.sendto(b"anyone?", ("255.255.255.255", 9))


def multicast():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"M-SEARCH * HTTP/1.1\r\n\r\n", ("239.255.255.250", 1900))


attempt("broadcast", broadcast)
attempt("multicast", multicast)
finish()
