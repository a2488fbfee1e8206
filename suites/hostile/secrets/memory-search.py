# What the platform's first process left in memory: its own, which this one was forked from, searched for keys and nonces.
import re

from kit import attempt, finish

WANTED = re.compile(rb"CRUCIBLE_[A-Z_]+=|nats://[^\0]{8,}|\0crucible:[0-9a-f]{16,}|postgres://[^\0]{8,}|BEGIN [A-Z ]*PRIVATE KEY-----\n")
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
    for line in maps:
        place, rights = line.split()[:2]
        if not rights.startswith("rw"):
            continue
        begin, end = (int(part, 16) for part in place.split("-"))
        try:
            memory.seek(begin)
            block = memory.read(min(end - begin, 8 * 1024 * 1024))
        except (OSError, ValueError, OverflowError):
            continue
        for match in WANTED.finditer(block):
            if WANTED.pattern not in block[max(0, match.start() - 400) : match.end() + 400]:
                attempt(f"at {begin:#x}", lambda: match.group())
finish()
