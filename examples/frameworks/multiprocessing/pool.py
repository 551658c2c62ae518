"""A pool whose worker holds a secret: pool.py fork|spawn|forkserver.

process-hardening run --children -- python pool.py spawn
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

secrets: list[str] = []


def load_secret() -> None:
    """Start a worker."""
    secrets.append(Path(os.environ["SECRET_FILE"]).read_text())


def main() -> None:
    """Print the worker's pid, and keep it until standard input ends."""
    with multiprocessing.get_context(sys.argv[1]).Pool(1, load_secret) as pool:
        print(pool.apply(os.getpid), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
