# Links of one's own making lead to places that are forbidden by name, and can be changed between a look and an opening.
import os
import threading

from kit import attempt, finish, read

for number, target in enumerate(["/etc/shadow", "/proc/1/mem", "/proc/1/root/etc/shadow", "/root/.ssh/id_ed25519", "../../../../etc/shadow"]):
    os.symlink(target, f"link-{number}")
    attempt(target, read, f"link-{number}")
os.mkdir("safe")
with open("safe/shadow", "w"):
    pass
stop = threading.Event()


def change():
    while not stop.is_set():
        for target in ("safe", "/etc"):
            os.symlink(target, "swap.new")
            os.replace("swap.new", "swap")


os.symlink("safe", "swap")
changer = threading.Thread(target=change)
changer.start()


def race():
    for _ in range(200):
        try:
            if open("swap/shadow").read():
                return "read"
        except OSError:
            pass
    raise OSError("never")


attempt("race", race)
stop.set()
changer.join()
finish()
