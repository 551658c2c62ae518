"""What examples/frameworks/keyring does, without us: fetch the key and hold it."""

from __future__ import annotations

import os
import sys

import keyring


def main() -> None:
    """Print the pid when the key is there; wait until standard input ends."""
    key = keyring.get_password("sign", "key")
    print(os.getpid(), flush=True)
    sys.stdin.read()
    del key


if __name__ == "__main__":
    main()
