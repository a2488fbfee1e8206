# Empty files need no space, only names: as many as there is room for names.
import os

made = 0
try:
    while True:
        if made % 1000 == 0:
            os.mkdir(f"{made}")
        os.close(os.open(f"{made - made % 1000}/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
        if made % 1000 == 0:
            print(made, flush=True)
except OSError as refusal:
    print(f"{refusal} after {made}", flush=True)
