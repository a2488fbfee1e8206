# The environment of the process that started it, where the platform's own keys would be.
import os

from kit import attempt, finish, read, step

KNOWN = {"PATH", "HOSTNAME", "LANG", "PYTHONDONTWRITEBYTECODE", "HOME", "TMPDIR", ""}
for pid in (1, os.getppid()):
    variables = (step(f"/proc/{pid}/environ", read, f"/proc/{pid}/environ") or b"").decode().split("\0")
    for variable in variables:
        if variable.split("=")[0] not in KNOWN:
            attempt(variable, lambda: pid)
    for part in ("mem", "fd/3", "cwd", "exe"):
        attempt(f"/proc/{pid}/{part}", read, f"/proc/{pid}/{part}")
finish()
