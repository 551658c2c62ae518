"""Harden this process with the installed wheel: each step must do what this system has.

    python tools/smoke.py

What the wheels of every platform are tested with, see pyproject.toml and .github/workflows/.
"""

from __future__ import annotations

import os
import sys

import process_hardening as ph

# What inspection, the core limit and the environment come to: docs/platforms.md.
DONE, ABSENT = ("applied", "already in place"), ("unsupported here",)
EXPECTED = {
    "linux": (DONE, DONE, DONE),
    "android": (DONE, DONE, DONE),
    "darwin": (DONE, DONE, DONE),
    "freebsd": (DONE, DONE, DONE),
    "openbsd": (ABSENT, DONE, DONE),
    "netbsd": (ABSENT, DONE, DONE),
    "win32": (ABSENT, ABSENT, ABSENT),
}


def main() -> int:
    """Print the report and the state; return 1 when they are not as they should be."""
    system = sys.platform.rstrip("0123456789") if "bsd" in sys.platform else sys.platform
    expected = EXPECTED[system]
    variable = "DYLD_LIBRARY_PATH" if system == "darwin" else "LD_LIBRARY_PATH"
    os.environ[variable] = "/nowhere"
    report = ph.pre_main_hardening()
    status = ph.status()
    print(report)
    print(status)
    seen = (report.inspection, report.core_limit, report.environment)
    right = all(outcome in wanted for outcome, wanted in zip(seen, expected, strict=True))
    if expected[1] is DONE:
        right = right and status.core_limit == (0, 0)
    if expected[2] is DONE:
        right = right and variable not in os.environ
    # Protection is claimed only where the kernel says so.
    if system not in ("linux", "android", "freebsd"):
        right = right and status.inspectable is None
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
