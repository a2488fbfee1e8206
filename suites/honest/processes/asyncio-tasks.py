# Tasks that wait for each other, time out and are cancelled, and a program run by one of them.
import asyncio


async def fetch(number):
    await asyncio.sleep(0.01 * (number % 3))
    return number


async def main():
    print(sum(await asyncio.gather(*(fetch(number) for number in range(50)))))
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError:
        print("timed out, as it should")
    queue = asyncio.Queue()
    task = asyncio.create_task(queue.get())
    await queue.put("heard")
    print(await task)
    child = await asyncio.create_subprocess_exec("echo", "from a child", stdout=asyncio.subprocess.PIPE)
    print((await child.communicate())[0].decode().strip())


asyncio.run(main())
