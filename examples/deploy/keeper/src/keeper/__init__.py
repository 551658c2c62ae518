"""A service that keeps a token in memory, shipped and started by the recipes of docs/deploy.md.

keeper PIDFILE: reads the token from the file that SECRET_FILE names, then writes its pid.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Keep the token until a signal terminates this process."""
    token = Path(os.environ["SECRET_FILE"]).read_text()
    Path(sys.argv[1]).write_text(f"{os.getpid()}\n")
    signal.pause()
    del token


if __name__ == "__main__":
    main()
