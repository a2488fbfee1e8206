# Recursion without an end, in a frame that Python does not count: the stack runs out, and the fault is real.
import ctypes
import sys
import threading

sys.setrecursionlimit(1 << 30)
threading.stack_size(0)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc = ctypes.CDLL(None)
array = (ctypes.c_int * 2)(2, 1)


def deeper(one, other):
    libc.qsort(array, 2, 4, callback)
    return 0


callback = COMPARE(deeper)
print("going down", flush=True)
libc.qsort(array, 2, 4, callback)
