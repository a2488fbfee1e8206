# Temporary files and folders, which are gone when they are closed.
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    with tempfile.NamedTemporaryFile("w+", dir=folder, suffix=".csv") as file:
        file.write("a,b\n1,2\n")
        file.seek(0)
        print(file.read(), end="")
    spool = tempfile.SpooledTemporaryFile(max_size=1000)
    spool.write(b"x" * 5000)
    spool.close()
assert not os.path.exists(folder)
handle, path = tempfile.mkstemp()
os.close(handle)
os.unlink(path)
print("cleaned up")
