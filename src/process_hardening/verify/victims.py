"""The victims by name, and the command line that starts each."""

from __future__ import annotations

import os
import sys

from process_hardening.verify.model import CONTROL

_PROGRAM = (os.path.join(os.path.dirname(__file__), "lab", "victim.py"),)
_RUN = ("-m", "process_hardening", "run", "--method")

_KINDS: dict[str, tuple[str, ...]] = {
    CONTROL: _PROGRAM,
    "pre-main": (*_PROGRAM, "--harden"),
    "reexec": (*_PROGRAM, "--reexec"),
    "execute-only": (*_RUN, "execute-only", "--", sys.executable, *_PROGRAM),
    "preload": (*_RUN, "preload", "--", sys.executable, *_PROGRAM),
    "in-process": (*_RUN, "in-process", *_PROGRAM),
}
_BROKEN_KINDS: dict[str, tuple[str, ...]] = {
    "undone": (*_PROGRAM, "--harden", "--undo"),
    "without-inspection": (*_PROGRAM, "--harden", "--without", "inspection"),
    "core-dumps": (*_PROGRAM, "--harden", "--without", "inspection", "--without", "core_limit"),
    "kept-injector": (*_RUN, "execute-only", "--keep", "LD_*", "--", sys.executable, *_PROGRAM),
}

VICTIMS = tuple(kind for kind in _KINDS if kind != CONTROL)
"""The hardened victims."""

BROKEN_VICTIMS = tuple(_BROKEN_KINDS)
"""Victims whose hardening is broken on purpose: verify must find them out."""


def command_for(victim: str) -> list[str]:
    """The command line that starts a victim of ours, or the control."""
    return [sys.executable, *{**_KINDS, **_BROKEN_KINDS}[victim]]


def commands_for(argv: list[str]) -> dict[str, list[str]]:
    """The command lines that start a user's program: plain, and with each method of `run`.

    argv -- the program and its arguments; a path, where it has one, is absolute
    """
    is_script = argv[0].endswith(".py")
    plain = [sys.executable, *argv] if is_script else argv
    run = [sys.executable, *_RUN]
    commands = {CONTROL: plain}
    for method in ("execute-only", "preload"):
        commands[method] = [*run, method, "--", *plain]
    if is_script:
        commands["in-process"] = [*run, "in-process", "--", *argv]
    return commands
