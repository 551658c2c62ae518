#!/usr/bin/env python3
"""Keep a variable's value in memory; end at once, with the value in the last line, if told so.

Where root's verify starts it, it has no such variable: the value is in the file "token" beside it.
"""

import os
import sys
import time
from pathlib import Path


def work(token: str) -> None:
    """Wait, with the value in a local variable."""
    while token:
        time.sleep(0.2)


value = os.environ.get("API_TOKEN") or Path(__file__).with_name("token").read_text()
if "--end" in sys.argv:
    sys.exit(f"PermissionError: cannot log in with {value}")
work(value)
