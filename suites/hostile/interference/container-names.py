# Who am I, and who is next door? Identifiers of containers, from where they leak, and calls by name.
import os
import re
import socket

from kit import attempt, finish

identifiers = set()
IDENTIFIER = re.compile(r"[0-9a-f]{64}")
for path in ("/proc/self/cgroup", "/proc/1/cgroup", "/proc/self/mountinfo", "/proc/self/mounts", "/etc/hostname", "/etc/hosts", "/proc/self/environ", "/proc/1/cmdline"):
    try:
        with open(path, errors="replace") as file:
            found = IDENTIFIER.findall(file.read())
    except OSError as refusal:
        print(f"refused  {path}: {refusal}")
        continue
    identifiers.update(found)
# Its own is told by gVisor, and opens nothing. A second one would be a neighbour's.
for identifier in sorted(identifiers)[1:]:
    attempt("a neighbour's identifier", lambda: identifier)
print(f"this is {os.uname().nodename}")
for name in ("crucible", "nats", "postgres", "gateway", "sandbox-1", "host.docker.internal"):
    attempt(name, socket.gethostbyname, name)
finish()
