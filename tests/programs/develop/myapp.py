"""A program that hardens itself, and starts again if its argument is `again`."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import process_hardening as ph

POLICY = ph.Policy(bypass_variable="MYAPP_DEV")


def main(arguments: list[str]) -> int:
    """Harden this process, print what became of it, and do what the arguments say."""
    report = ph.pre_main_hardening(POLICY, reexec="again" in arguments)
    print(ph.status().verdict, report.started, os.getpid(), flush=True)
    if "wait" in arguments:
        sys.stdin.readline()
    if "sleep" in arguments:
        time.sleep(2)
    if "crash" in arguments:
        ctypes.string_at(0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
