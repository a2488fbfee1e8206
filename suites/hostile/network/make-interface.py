# No interface but loopback: so make one. A tunnel, a pair of ends, an address, a route.
import fcntl
import os
import socket
import struct

from kit import attempt, finish, step, syscall

TUNSETIFF = 0x400454CA


def tunnel():
    device = os.open("/dev/net/tun", os.O_RDWR)
    return fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tap0", 0x1002))


def netlink(kind, body):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as talk:
        talk.settimeout(0.5)
        talk.send(struct.pack("=LHHLL", 16 + len(body), kind, 0x0605, 1, 0) + body)
        answer = talk.recv(4096)
        error = struct.unpack_from("=i", answer, 16)[0]
        if error != 0:
            raise OSError(-error, os.strerror(-error))
        return answer


attempt("a tunnel", tunnel)
attempt("a link", netlink, 16, struct.pack("=BxHiII", 0, 0, 0, 0, 0) + struct.pack("=HH8s", 12, 3, b"veth0\0\0\0"))
attempt("a route", netlink, 24, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0))
step("a network of my own", lambda: syscall(272, 0x10000000 | 0x40000000))
step("a tunnel in it", tunnel)
attempt("a way out of it", lambda: socket.create_connection(("1.1.1.1", 443), 0.3))
finish()
