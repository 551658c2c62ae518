"""Print by how many pages this process grows with 100 children that load a library (argument)."""

import os
import subprocess
import sys

env = {**os.environ, "LD_PRELOAD": sys.argv[1]}


def size() -> int:
    """The size of this process after it has started 100 children."""
    for _ in range(100):
        subprocess.run(["true"], env=env, check=True)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0])


size()
print(size() - size())
