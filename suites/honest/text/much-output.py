# Prints a lot, and stays within what it may.
for number in range(4000):
    print(f"{number:5} {'*' * (number % 40)}")
