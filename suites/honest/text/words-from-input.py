# Reads standard input to its end and counts words.
import collections
import sys

words = collections.Counter(word.strip(".,;").lower() for line in sys.stdin for word in line.split())
for word, count in words.most_common(3):
    print(word, count)
print(sum(words.values()), "words")
