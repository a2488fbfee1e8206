# Digests, keyed digests, random identifiers and tokens.
import hashlib
import hmac
import secrets
import uuid
import zlib

for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"):
    print(name, hashlib.new(name, b"abc").hexdigest()[:16])
assert hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf")
print(hmac.new(b"key", b"text", "sha256").hexdigest()[:16], zlib.crc32(b"abc"))
assert uuid.uuid4() != uuid.uuid4() and uuid.uuid5(uuid.NAMESPACE_DNS, "example.com").version == 5
assert len(secrets.token_hex(16)) == 32
