"""Command-line values that several commands accept."""

from __future__ import annotations

from process_hardening.errors import CommandError, hide_value

_PID_LIMIT = 1 << 31  # pid_t is a signed 32-bit integer


def parse_pid(text: str) -> int:
    """Return the process ID in an argument. Raises CommandError (exit code 2) for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_PID_LIMIT))
    if not is_number or not 0 < int(text) < _PID_LIMIT:
        shown = hide_value(text)
        raise CommandError(f"{shown!r} is not a process ID: give a number, as ps prints it")
    return int(text)
