"""Start a program confined with a function of the package, as a careful caller does.

Usage: start_confined.py confined|popen_confined|confine PROGRAM [ARG...]. A ConfinementError is
printed in one line and ends with its exit code; otherwise the status is the program's.
"""

from __future__ import annotations

import subprocess
import sys

import process_hardening as ph


def confine(argv: list[str]) -> int:
    """Confine this process, and start the program from it."""
    ph.confine()
    return subprocess.run(argv).returncode


STARTS = {
    "confined": lambda argv: subprocess.run(ph.confined(argv)).returncode,
    "popen_confined": lambda argv: ph.popen_confined(argv).wait(),
    "confine": confine,
}

try:
    status = STARTS[sys.argv[1]](sys.argv[2:])
except ph.ConfinementError as error:
    print(f"process-hardening: {error}", file=sys.stderr)
    status = error.exit_code
sys.exit(status)
