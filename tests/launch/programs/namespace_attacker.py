"""Kill or stop every process called `namespace` of this session, until the input ends.

Usage: namespace_attacker.py SIGNAL-NUMBER. Says "ready" when it has begun.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path


def main() -> None:
    """Look at every process again and again; the helper's name is 15 bytes or less."""
    number = int(sys.argv[1])
    print("ready", flush=True)
    while not select.select([0], [], [], 0)[0]:
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.getsid(int(entry)) != os.getsid(0):
                    continue
                name = Path(f"/proc/{entry}/comm").read_text().strip()
                if name in ("namespace", "memfd:namespace") or name.isdigit():
                    os.kill(int(entry), number)
            except OSError:
                continue


if __name__ == "__main__":
    main()
