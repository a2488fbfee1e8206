# Takes memory and touches every page of it, so that it is really used.
taken = []
while True:
    taken.append(b"\x2a" * (4 * 1024 * 1024))
    print(f"{len(taken) * 4} MiB", flush=True)
