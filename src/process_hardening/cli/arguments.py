"""Command-line values that several commands accept."""

from __future__ import annotations

import os

from process_hardening.errors import CommandError, hide_value

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

_PID_LIMIT = 1 << 31  # pid_t is a signed 32-bit integer


def parse_pid(text: str) -> int:
    """Return the process ID in an argument. Raises CommandError (exit code 2) for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_PID_LIMIT))
    if not is_number or not 0 < int(text) < _PID_LIMIT:
        shown = hide_value(text)
        raise CommandError(f"{shown!r} is not a process ID: give a number, as ps prints it")
    return int(text)


def parse_file_name(text: str) -> str:
    """Return the argument of an option that takes a FILE, for argparse. Raises if it is empty."""
    if not text:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError("empty, as if from an unset variable: name a file")
    return text


def check_files_differ(
    options: argparse.Namespace | SimpleNamespace, first: str, second: str
) -> None:
    """Raise CommandError if two options name the same file: one would replace the other's."""
    paths = getattr(options, first), getattr(options, second)
    if None not in paths and len(set(map(os.path.abspath, paths))) == 1:
        raise CommandError(f"--{first} and --{second}: both name {paths[0]}: name two files")
