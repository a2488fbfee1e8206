# Packets made by hand: under the firewall, with a sender of one's choice, or everything that passes by.
import socket
import struct

from kit import attempt, finish

ETH_P_ALL = 3


def ping():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.settimeout(0.3)
        sender.sendto(struct.pack(">BBHHH", 8, 0, 0xF7FF, 0, 0), ("8.8.8.8", 0))
        return sender.recv(100)


def forged():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20, 0, 0, 64, 17, 0, b"\x0a\0\0\x01", b"\x08\x08\x08\x08")
        return sender.sendto(packet, ("8.8.8.8", 0))


def overhear():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as listener:
        listener.settimeout(0.3)
        return listener.recv(100)


for name, act in (("ping", ping), ("a forged sender", forged), ("listening to all", overhear)):
    attempt(name, act)
attempt("ping without privilege", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b"\x08" + b"\0" * 7, ("8.8.8.8", 0)))
finish()
