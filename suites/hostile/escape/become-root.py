# Be root by asking, by programs with the set-user bit, and by setting that bit on one's own.
import os
import shutil
import subprocess

from kit import attempt, finish, step

attempt("setuid", os.setuid, 0)
attempt("setgid", os.setgid, 0)
attempt("setreuid", os.setreuid, 0, 0)
attempt("setresuid", os.setresuid, 0, 0, 0)
attempt("setgroups", os.setgroups, [0])
for argv in (["sudo", "-n", "id"], ["su", "-c", "id"], ["pkexec", "id"], ["/usr/bin/su", "root", "-c", "id"]):
    attempt(" ".join(argv), lambda: subprocess.check_output(argv, stdin=subprocess.DEVNULL, timeout=3))
shutil.copy("/usr/bin/id", "own-id")
step("set the bit on a copy", os.chmod, "own-id", 0o6755)
said = subprocess.run(["./own-id"], capture_output=True, text=True, check=False).stdout
print(said)
if "=0(" in said:
    attempt("the bit worked", lambda: said)
attempt("give it to root", os.chown, "own-id", 0, 0)
finish()
