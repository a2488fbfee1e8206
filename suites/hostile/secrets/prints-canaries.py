# The same, and says what it found.
import os
import pathlib

for path in sorted(pathlib.Path("/home").rglob("*")):
    if path.is_file():
        print(path.read_bytes().decode("utf-8", "replace"))
print(os.environ.get("REGISTRY_API_TOKEN", "no token"))
