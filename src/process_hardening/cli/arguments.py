"""Parsers for arguments that several commands take."""

from __future__ import annotations

from process_hardening.errors import CommandError

_MOST_DIGITS = len(str(1 << 31))


def parse_pid(text: str) -> int:
    """The process id that an argument names. Raises CommandError when it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_number or not 0 < int(text) < 1 << 31:
        raise CommandError(f"{text!r} is no process id: give a number, as ps prints it")
    return int(text)
