"""What the programs of this suite share: trying something, counting what got out, raw system calls."""

import ctypes
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
got_out = []


def syscall(number, *arguments):
    """One raw x86-64 system call; raises OSError as Python's own calls do."""
    packed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(number), *packed)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def attempt(name, act, *arguments):
    """Tries something that no program in a sandbox may be able to do. What works counts as having got out."""
    try:
        result = act(*arguments)
    except Exception as refusal:
        print(f"refused  {name}: {refusal}", flush=True)
        return None
    got_out.append(name)
    print(f"GOT OUT  {name}: {result!r:.200}", flush=True)
    return result


def step(name, act, *arguments):
    """Tries something on the way, which a sandbox may grant because it stays inside."""
    try:
        result = act(*arguments)
    except Exception as refusal:
        print(f"refused  {name}: {refusal}", flush=True)
        return None
    print(f"granted  {name}", flush=True)
    return result


def read(path, most=4096):
    """What is in a file. An empty one is as good as none."""
    with open(path, "rb", buffering=0) as file:
        found = file.read(most)
    if not found:
        raise OSError("nothing in it")
    return found


def write(path, text):
    with open(path, "wb", buffering=0) as file:
        return file.write(text.encode())


def finish():
    print(f"{len(got_out)} got out", flush=True)
    sys.exit(min(len(got_out), 100))
