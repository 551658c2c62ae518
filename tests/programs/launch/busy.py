"""Does what programs do: worker processes, a child, a thread, a terminal, an event loop."""

import asyncio
import multiprocessing
import os
import subprocess
import threading


def square(number: int) -> int:
    """The work of a worker process."""
    return number * number


if __name__ == "__main__":
    for name in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(name).Pool(2) as pool:
            assert pool.map(square, [1, 2, 3]) == [1, 4, 9]
    assert subprocess.check_output(["echo", "hi"]) == b"hi\n"
    thread = threading.Thread(target=print, args=("thread",))
    thread.start()
    thread.join()
    master, slave = os.openpty()
    assert os.isatty(slave)
    print(asyncio.run(asyncio.sleep(0, "done")))
