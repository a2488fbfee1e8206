# A cache that forgets what was not used for longest.
from collections import OrderedDict


class Cache:
    def __init__(self, most):
        self.most, self.items, self.hits = most, OrderedDict(), 0

    def get(self, key, make):
        if key in self.items:
            self.items.move_to_end(key)
            self.hits += 1
            return self.items[key]
        value = self.items[key] = make(key)
        if len(self.items) > self.most:
            self.items.popitem(last=False)
        return value


cache = Cache(100)
for number in range(20_000):
    assert cache.get(number * number % 137, lambda key: key * 2) % 2 == 0
print(f"{cache.hits} of 20000 from the cache, {len(cache.items)} kept")
