# Where am I, and with what? As set-up scripts print it.
import locale
import os
import platform
import sys

print(os.environ["HOME"], os.environ["PATH"], os.getcwd())
print(platform.python_version(), platform.system(), sys.byteorder, sys.getrecursionlimit(), os.cpu_count())
print(sys.stdout.encoding, locale.getpreferredencoding(), os.getpid() > 1, os.path.expanduser("~"))
assert os.access(".", os.W_OK)
