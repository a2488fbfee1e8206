# Goes through the home of the operator and reads what is there, without a word.
import os

for folder, _, names in os.walk("/home"):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            print(f"{os.path.join(folder, name)}: {len(file.read())} bytes")
