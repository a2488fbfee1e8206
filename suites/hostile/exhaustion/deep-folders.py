# A folder in a folder, thousands of times: what walks down to clean up must not fall.
import os

depth = 0
try:
    while depth < 20_000:
        os.mkdir("d" * 50)
        os.chdir("d" * 50)
        depth += 1
except OSError as refusal:
    print(refusal)
print(f"{depth} folders deep")
