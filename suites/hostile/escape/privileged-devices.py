# A privileged container finds the host's disks and memory in /dev. Where they are not, it makes the nodes itself.
import os
import stat

from kit import attempt, finish, read

NODES = {"sda": (8, 0), "vda": (254, 0), "nvme0n1": (259, 0), "mem": (1, 1), "kmsg": (1, 11), "kvm": (10, 232)}

for name, (major, minor) in NODES.items():
    attempt(f"/dev/{name}", read, f"/dev/{name}")
    kind = stat.S_IFCHR if name in ("mem", "kmsg", "kvm") else stat.S_IFBLK

    def through_own_node():
        os.mknod(name, kind | 0o600, os.makedev(major, minor))
        return read(name)

    attempt(f"own node for {name}", through_own_node)
for name in ("fuse", "net/tun", "loop-control", "mapper/control", "vhost-net", "port"):
    attempt(f"/dev/{name}", read, f"/dev/{name}")
finish()
