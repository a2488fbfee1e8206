# Descriptors that the platform forgot to close: look at each, and open host files relative to those that are folders.
import os
import stat

from kit import attempt, finish

EXPECTED = {0, 1, 2}
for descriptor in range(1024):
    try:
        about = os.fstat(descriptor)
    except OSError:
        continue
    kind = stat.S_IFMT(about.st_mode)
    print(f"{descriptor}: {kind:o} {os.readlink(f'/proc/self/fd/{descriptor}')}")
    if descriptor not in EXPECTED:
        attempt(f"leaked {descriptor}", lambda: descriptor)
for descriptor in (0, 1, 2, *range(3, 20)):
    for path in ("../../../../../etc/shadow", "etc/shadow", "docker.sock"):
        attempt(f"{path} from {descriptor}", lambda: os.open(path, os.O_RDONLY, dir_fd=descriptor))
finish()
