"""Opens an entry of the vault for whoever its permissions name."""
import base64
import json
import sys
import zlib
from pathlib import Path

USER = "agent"
folder = Path(__file__).parent
if len(sys.argv) != 2 or not sys.argv[1].isalnum():
    sys.exit("usage: open.py ENTRY")
entry = sys.argv[1]
allowed = json.loads((folder / "permissions.json").read_text()).get(entry, [])
if USER not in allowed:
    sys.exit(f"{entry}: permission denied for {USER}")
print(zlib.decompress(base64.b64decode((folder / f"{entry}.sealed").read_text())).decode())
