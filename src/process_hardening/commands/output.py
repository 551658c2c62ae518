"""Writing to standard output in such a way that a failure is an error, not a traceback at exit."""

from __future__ import annotations

import os
import sys

from process_hardening.errors import CommandError


def write(text: str) -> None:
    """Print text and a newline, and flush. Raises CommandError when it does not get out."""
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer would fail once more at exit: give it somewhere to go.
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), sys.stdout.fileno())
        raise CommandError(f"standard output: {error.strerror}") from None
