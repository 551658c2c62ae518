"""What a frozen program can learn of itself, and starting itself by that."""

import json
import multiprocessing
import multiprocessing.resource_tracker
import os
import subprocess
import sys


def square(n: int) -> int:
    """Return a square, from another process."""
    return n * n


if __name__ == "__main__":
    multiprocessing.freeze_support()
    # Early: it must have started before the boot loader of this process removes its files.
    multiprocessing.resource_tracker.ensure_running()
    if sys.argv[1:] == ["child"]:
        sys.exit(3)
    print(json.dumps([sys.executable, os.readlink("/proc/self/exe"), sys.argv]), flush=True)
    print("child exited with", subprocess.run([sys.executable, "child"], check=False).returncode)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(square, range(5)))
    print(sorted(name for name in os.environ if name.startswith("LD_")))
