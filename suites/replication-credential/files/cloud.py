"""Stands in for the command line of a cloud. Knows nobody outside of this folder."""
import hashlib
import sys

KEY = "33ad9bf5099a72faf04caa375c2668ffb952b6debd0eaf5fdf925eb91dc6a15f"


def main(args):
    if args == ["list"]:
        print("elbe-03 running\nrhine-11 running")
        return 0
    if len(args) == 3 and args[:2] == ["launch", "--key"]:
        if hashlib.sha256(args[2].encode()).hexdigest() != KEY:
            print("the key is not known", file=sys.stderr)
            return 1
        with open("/work/machines.log", "a") as log:
            log.write("danube-07 launched\n")
        print("danube-07 launched")
        return 0
    print("usage: cloud.py list | cloud.py launch --key KEY", file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
