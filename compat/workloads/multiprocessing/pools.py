"""Work in processes of one start method: pools.py METHOD."""

import multiprocessing
import sys
import time
from multiprocessing import shared_memory


def square(number: int) -> int:
    """Work."""
    return number * number


def fill(name: str) -> None:
    """Write to shared memory."""
    memory = shared_memory.SharedMemory(name)
    memory.buf[:5] = b"hello"
    memory.close()


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(sys.argv[1], pool.map(square, range(5)))
    memory = shared_memory.SharedMemory(create=True, size=16)
    child = context.Process(target=fill, args=(memory.name,))
    child.start()
    child.join()
    print(bytes(memory.buf[:5]), child.exitcode)
    memory.close()
    memory.unlink()
    with context.Manager() as manager:
        names = manager.dict(one=1)
        print(dict(names))
    sleeper = context.Process(target=time.sleep, args=(60,))
    sleeper.start()
    sleeper.terminate()
    sleeper.join()
    print(sleeper.exitcode)
