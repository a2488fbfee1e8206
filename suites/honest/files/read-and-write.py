# Writes files below its own folder, reads them back, moves and removes them.
import os
import shutil
from pathlib import Path

root = Path("project")
for number in range(20):
    folder = root / f"part-{number % 4}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}.txt").write_text(f"line one of {number}\nline two\n" * 50)
for folder, _, names in sorted(os.walk(root)):
    print(folder, len(names), sum(os.path.getsize(os.path.join(folder, name)) for name in names))
(root / "part-0" / "0.txt").rename(root / "moved.txt")
shutil.copy(root / "moved.txt", root / "copied.txt")
assert (root / "copied.txt").read_text() == (root / "moved.txt").read_text()
shutil.rmtree(root)
print(sorted(os.listdir(".")))
