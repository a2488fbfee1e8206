# CVE-2020-15257: abstract Unix sockets belong to the network, not to the file system. Container shims listened there.
import socket

from kit import attempt, finish

NAMES = [
    "\0/containerd-shim/moby/0123456789abcdef/shim.sock",
    "\0/containerd-shim/k8s.io/0123456789abcdef/shim.sock",
    "\0/tmp/.X11-unix/X0",
    "\0/tmp/dbus-0123456789",
    "\0/run/systemd/journal/stdout",
    "\0crucible",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
    "/tmp/.X11-unix/X0",
]


def call(name):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(0.5)
        caller.connect(name)
        return caller.recv(10)


for name in NAMES:
    attempt(repr(name), call, name)
finish()
