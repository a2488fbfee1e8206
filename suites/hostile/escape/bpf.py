# Programs of one's own in the host's kernel, and the calls whose faults have given root most often.
import ctypes

from kit import attempt, finish, syscall

attributes = ctypes.create_string_buffer(128)
ctypes.memmove(attributes, (1).to_bytes(4, "little") + (4).to_bytes(4, "little") * 2 + (1).to_bytes(4, "little"), 16)
attempt("bpf map", lambda: syscall(321, 0, attributes, 72))
program = (ctypes.c_uint64 * 2)(0xB7, 0x95)
license_text = ctypes.create_string_buffer(b"GPL")
load = (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
load += ctypes.addressof(program).to_bytes(8, "little") + ctypes.addressof(license_text).to_bytes(8, "little") + b"\0" * 48
attempt("bpf program", lambda: syscall(321, 5, load, len(load)))
event = (1).to_bytes(4, "little") + (112).to_bytes(4, "little") + b"\0" * 104
attempt("perf_event_open", lambda: syscall(298, event, 0, -1, -1, 0))
attempt("userfaultfd", lambda: syscall(323, 0))
finish()
