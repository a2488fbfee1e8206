# Objects kept in files: pickled, on a shelf, copied deeply, with slots and data classes.
import copy
import dataclasses
import pickle
import shelve


@dataclasses.dataclass(order=True)
class Point:
    x: float
    y: float = 0.0
    tags: list = dataclasses.field(default_factory=list)


points = [Point(3), Point(1, 2, ["a"]), Point(2)]
with shelve.open("shelf") as shelf:
    shelf["points"] = points
with shelve.open("shelf") as shelf:
    assert shelf["points"] == pickle.loads(pickle.dumps(points)) == copy.deepcopy(points)
print(sorted(points)[0])
