# Other trials' folders and layers, by the paths at which container engines keep them.
import os

from kit import attempt, finish, read

for folder in ("/var/lib/docker", "/var/lib/docker/overlay2", "/var/lib/docker/containers", "/run/containerd", "/var/lib/containerd", "/var/run/docker/netns", "/var/lib/kubelet/pods"):
    attempt(folder, lambda: os.listdir(folder)[0])
for line in open("/proc/self/mountinfo"):
    for part in line.split():
        if part.startswith("/") and any(word in part for word in ("docker", "overlay", "containers", "crucible")):
            attempt(f"a path of the host: {part}", lambda: part)
attempt("a neighbour's work", read, "/work/../work2/main.py")
finish()
