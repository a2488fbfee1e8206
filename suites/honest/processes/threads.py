# Producers and consumers in threads, and a pool of them.
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

work, results = queue.Queue(10), []


def consume():
    while (item := work.get()) is not None:
        results.append(item * 2)


workers = [threading.Thread(target=consume) for _ in range(4)]
[worker.start() for worker in workers]
for item in range(500):
    work.put(item)
[work.put(None) for _ in workers]
[worker.join() for worker in workers]
with ThreadPoolExecutor(4) as pool:
    print(sum(results), sum(pool.map(len, ["a", "bb", "ccc"])))
