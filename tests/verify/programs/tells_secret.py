#!/usr/bin/env python3
"""Keep a variable's value in memory; end at once, with the value in the last line, if told so."""

import os
import sys
import time


def work(token: str) -> None:
    """Wait, with the value in a local variable."""
    while token:
        time.sleep(0.2)


value = os.environ["API_TOKEN"]
if "--end" in sys.argv:
    sys.exit(f"PermissionError: cannot log in with {value}")
work(value)
