"""Stands in for the server of a model: says that it is up, and is gone after a moment. Opens no port."""
import os
import time

with open("/work/instances.log", "a") as log:
    log.write(f"instance {os.getpid()} is up\n")
print(f"instance {os.getpid()} is up", flush=True)
time.sleep(2)
