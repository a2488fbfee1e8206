# A parser for sums, by recursive descent, with patterns for its words.
import re

WORDS = re.compile(r"\s*(?:(\d+\.?\d*)|(.))")


def parse(text):
    words = [number or sign for number, sign in WORDS.findall(text)] + [""]

    def atom():
        word = words.pop(0)
        if word == "(":
            value = total()
            assert words.pop(0) == ")"
            return value
        return -atom() if word == "-" else float(word)

    def product():
        value = atom()
        while words[0] in ("*", "/"):
            value = value * atom() if words.pop(0) == "*" else value / atom()
        return value

    def total():
        value = product()
        while words[0] in ("+", "-"):
            value = value + product() if words.pop(0) == "+" else value - product()
        return value

    return total()


for text in ("1 + 2 * 3", "(1 + 2) * 3", "-4 / (2 - 6)", "2 * (3 + 4) * 5 - 1"):
    print(text, "=", parse(text))
    assert parse(text) == eval(text)
