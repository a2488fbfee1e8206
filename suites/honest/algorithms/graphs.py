# Shortest ways by Dijkstra, an order of dependencies, and the parts that hang together.
import graphlib
import heapq
import random

random.seed(3)
graph = {node: {random.randrange(200): random.randint(1, 9) for _ in range(4)} for node in range(200)}
distance, queue = {0: 0}, [(0, 0)]
while queue:
    far, node = heapq.heappop(queue)
    if far > distance[node]:
        continue
    for neighbour, length in graph[node].items():
        if far + length < distance.get(neighbour, 1 << 30):
            distance[neighbour] = far + length
            heapq.heappush(queue, (far + length, neighbour))
order = list(graphlib.TopologicalSorter({"cake": {"dough", "icing"}, "dough": {"flour", "eggs"}, "icing": {"sugar"}}).static_order())
print(f"{len(distance)} reached, farthest {max(distance.values())}, {order[-1]} is last")
