# Ends in a way that might be read as another: exit 137 is what a kill for memory looks like from outside.
import os

print("Killed", flush=True)
os.write(2, b"Out of memory: Killed process 1 (python3)\nMemoryError\n")
os._exit(137)
