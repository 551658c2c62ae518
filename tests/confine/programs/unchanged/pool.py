"""Run pools of worker processes, one for each start method."""

import multiprocessing

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(method, pool.map(abs, [-1, -2]))
