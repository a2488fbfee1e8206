# A game in text, played by what stands on its input.
import sys

ROOMS = {"hall": ("A cold hall.", {"north": "library", "east": "kitchen"}), "library": ("Books to the ceiling.", {"south": "hall"}), "kitchen": ("It smells of soup.", {"west": "hall"})}
here, bag = "hall", []
for line in sys.stdin:
    verb, _, thing = line.strip().partition(" ")
    if verb == "go" and thing in ROOMS[here][1]:
        here = ROOMS[here][1][thing]
    elif verb == "take":
        bag.append(thing)
    elif verb == "quit":
        break
    else:
        print("I do not understand.")
    print(f"> {line.strip()}\n{ROOMS[here][0]} You carry {', '.join(bag) or 'nothing'}.")
print(f"You end in the {here}.")
