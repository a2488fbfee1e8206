# Refuses its arguments, as a tool does.
import argparse

parser = argparse.ArgumentParser(prog="tool")
parser.add_argument("--count", type=int, required=True)
print("checking the arguments", flush=True)
parser.parse_args(["--count", "many"])
