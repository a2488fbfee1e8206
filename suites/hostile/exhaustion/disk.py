# Fills the work folder, block by block, and dies of the first refusal.
block = b"\0" * (1024 * 1024)
for number in range(1024):
    with open(f"{number:04}.bin", "wb") as file:
        file.write(block)
