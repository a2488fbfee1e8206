# Prints its environment, where keys so often are.
import os

for name, value in sorted(os.environ.items()):
    print(f"{name}={value}")
