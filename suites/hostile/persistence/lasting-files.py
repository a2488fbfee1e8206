# Leaves something in every place that might outlive the sandbox.
from kit import attempt, finish, write

for path in ("/var/lib/back", "/opt/back", "/srv/back", "/usr/local/bin/back", "/mnt/back", "/media/back", "/boot/back", "/home/back", "/run/back", "/var/log/back", "/back"):
    attempt(path, write, path, "I was here\n")
finish()
