# The kernel's keyrings are not divided by every container: look for keys of the host, and for faults in their keeping.
import ctypes

from kit import attempt, finish, read, step, syscall

step("join a session", lambda: syscall(250, 1, b"probe"))
step("a key of my own", lambda: syscall(248, b"user", b"mark", b"payload", 7, -3))
for name in (b"krb5cc", b"fscrypt:0", b".builtin_trusted_keys", b"docker"):
    attempt(f"request {name.decode()}", lambda: syscall(249, b"user", name, b"", -3))
buffer = ctypes.create_string_buffer(256)
for serial in (1, 2, 100, 0x2A2A2A):
    attempt(f"read key {serial}", lambda: syscall(250, 11, serial, buffer, 256, 0))
attempt("/proc/keys", read, "/proc/keys")
finish()
