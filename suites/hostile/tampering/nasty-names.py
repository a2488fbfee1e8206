# Names of files, arguments and processes that want to be obeyed where they are listed.
import ctypes
import os
import subprocess

from kit import attempt, finish, write

NAMES = ["\x1b[2Jgone", "line\nbreak", "\r overwritten", "<img src=x onerror=alert(1)>", "..\u2215..\u2215etc\u2215passwd", "-rf", "$(id)", "\u202egnp.exe", "a" * 255]
for name in NAMES:
    with open(f"/work/{name}", "w") as file:
        file.write(name)
    subprocess.run(["/bin/true", name], check=False)
    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)
    attempt(repr(name[:30]), write, f"/etc/{name}", "x")
print(f"{len(os.listdir('/work'))} names")
finish()
