"""A task that holds a secret until standard input ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Load the secret, print the pid of the runner, and wait."""
    secret = Path(os.environ["SECRET_FILE"]).read_text()
    print(os.getpid(), flush=True)
    sys.stdin.read()
    del secret


if __name__ == "__main__":
    main()
