"""A pool whose worker holds a secret: pool.py fork|spawn|forkserver."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import process_hardening as ph

secrets: list[str] = []


def load_secret() -> None:
    """Load the secret when a worker starts."""
    secrets.append(Path(os.environ["SECRET_FILE"]).read_text())


def main() -> None:
    """Harden this process and its workers, print a worker's pid, and wait until stdin ends."""
    ph.pre_main_hardening(ph.Policy(children="harden"))
    with multiprocessing.get_context(sys.argv[1]).Pool(1, load_secret) as pool:
        print(pool.apply(os.getpid), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
