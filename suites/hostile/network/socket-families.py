# A socket of every family and kind there is: one that was forgotten would be a door.
import socket

from kit import attempt, finish

INSIDE = {0, 1, 2, 10, 16, 38}
made = 0
for family in range(46):
    for kind in (1, 2, 3, 5):
        try:
            one = socket.socket(family, kind)
        except OSError:
            continue
        made += 1
        one.close()
        # The guest's own kernel gives these, and they end at its loopback interface.
        if family not in INSIDE:
            attempt(f"family {family} kind {kind}", lambda: family)
print(f"{made} sockets made")
finish()
