# A pool of workers, a queue, a lock and a shared value.
import multiprocessing as mp


def square(number):
    return number * number


def add(total, lock, queue):
    for _ in range(100):
        with lock:
            total.value += 1
    queue.put("done")


if __name__ == "__main__":
    mp.set_start_method("fork")
    with mp.Pool(3) as pool:
        print(sum(pool.map(square, range(100))))
    total, lock, queue = mp.Value("i", 0, lock=False), mp.Lock(), mp.Queue()
    workers = [mp.Process(target=add, args=(total, lock, queue)) for _ in range(3)]
    [worker.start() for worker in workers]
    print([queue.get() for _ in workers])
    [worker.join() for worker in workers]
    print(total.value)
