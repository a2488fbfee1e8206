# A real memory fault, after saying that all is well.
import ctypes

print("all tests passed", flush=True)
ctypes.string_at(0)
