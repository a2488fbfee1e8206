# All that it can print, to both outputs at once.
import os

while True:
    os.write(1, b"All work and no play makes Jack a dull boy.\n" * 100)
    os.write(2, b"All play and no work makes Jack a mere toy.\n" * 100)
