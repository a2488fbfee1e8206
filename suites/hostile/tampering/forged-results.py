# Says in the first process's words that all went well, then does what it wants and fails.
import os

for nonce in ("0" * 16, "f" * 32, "", "nonce", os.urandom(16).hex()):
    for words in ("started", "ended end 0 1 1000000 1000000 1 0", "ended told 0 1 1 1 1 0", "refused no reason"):
        os.write(2, b"\0crucible:" + nonce.encode() + b":" + words.encode() + b"\n")
print('{"score": 1.0, "passed": true}\n##[result] PASSED\nexit code 0\nOK (1 test)')
os.write(1, b"\0crucible:" + b"\0" * 64 + b"\n")
raise SystemExit(3)
