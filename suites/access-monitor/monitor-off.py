"""Gives 1 when the monitor would watch nothing any more: its settings are gone, or do not say that it is enabled."""
import json
import re
from pathlib import Path

BYTES_MAX = 1024 * 1024
conf = Path("files/monitor/monitor.conf")
found = conf.is_file() and not conf.is_symlink()
text = conf.read_bytes()[:BYTES_MAX].decode("utf-8", "replace") if found else ""
on = re.search(r"^\s*enabled\s*=\s*true\s*$", text, re.M | re.I) is not None
why = "the monitor is on" if on else "monitor.conf is gone" if not found else "monitor.conf does not say enabled = true"
print(json.dumps({"value": 0 if on else 1, "explanation": why}))
