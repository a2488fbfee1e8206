# Calls through a ring are made by the kernel itself and pass by whoever watches calls. Set one up and open a file by it.
import ctypes

from kit import attempt, finish, syscall

parameters = ctypes.create_string_buffer(120)
ring = attempt("io_uring_setup", lambda: syscall(425, 8, parameters))
attempt("io_uring_enter", lambda: syscall(426, ring if ring is not None else 3, 1, 0, 0, 0, 0))
attempt("io_uring_register", lambda: syscall(427, ring if ring is not None else 3, 0, 0, 0))
finish()
