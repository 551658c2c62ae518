"""Replace a file; with the name of a signal, send it to ourselves before the new one is in place.

Usage: replace_file.py PATH [SIGNAL]
"""

from __future__ import annotations

import os
import signal
import sys

from process_hardening.files import replace_file


def send_before_rename(name: str) -> None:
    """Send a signal to this process when it is about to rename a file."""
    number = signal.Signals[name]

    def hook(event: str, _: object) -> None:
        if event == "os.rename":
            os.kill(os.getpid(), number)

    sys.addaudithook(hook)


def main(path: str, *names: str) -> None:
    """Replace the file."""
    for name in names:
        send_before_rename(name)
    replace_file(path, "text")


if __name__ == "__main__":
    main(*sys.argv[1:])
