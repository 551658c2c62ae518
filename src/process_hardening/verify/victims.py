"""The victims by name, how each is started, and why one may be unavailable."""

from __future__ import annotations

import os
import shutil
import site
import stat
import sys
from dataclasses import dataclass, replace

import process_hardening
from process_hardening.state import status
from process_hardening.verify.model import CONTROL

# Placeholders for programs that verify/lab/installation.py installs for one run.
INTERPRETER = "@interpreter"
ROOTS_INTERPRETER = "@interpreter-of-root"
ROOTS_LAUNCHER = "@harden-by-root"
INSTALLED = frozenset({INTERPRETER, ROOTS_INTERPRETER, ROOTS_LAUNCHER})


@dataclass(frozen=True)
class Start:
    """How a victim is started.

    launcher -- the words before the program; () if the program is started directly
    program -- the program and its arguments
    scripts_only -- the launcher starts only Python scripts
    place -- the method that this victim represents and `LAUNCHER --explain` must print, or None
    refuses_place -- whether fsopen(2) fails, so that the launcher cannot make its own file system
    """

    launcher: tuple[str, ...]
    program: tuple[str, ...]
    scripts_only: bool = False
    place: str | None = None
    refuses_place: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.launcher, *self.program)


def _find_python() -> str:
    """Return an interpreter that does not harden the programs it starts, if there is one.

    This is our own interpreter, unless our environment has the start-up hook or an execute-only
    interpreter. In that case, it is the environment's base interpreter.
    """
    is_readable = os.stat(sys.executable).st_mode & stat.S_IROTH  # os.access() is true for root
    if status().dumpable and is_readable:
        return sys.executable
    return getattr(sys, "_base_executable", sys.executable)


PYTHON = _find_python()
"""The interpreter that runs our victims."""

_FOLDER = os.path.dirname(os.path.dirname(process_hardening.__file__))
_IS_FOUND = sys.executable == PYTHON and _FOLDER in site.getsitepackages()
PACKAGE_VARIABLES = {} if _IS_FOUND else {"PYTHONPATH": _FOLDER}
"""The variables that the laboratory and its victims need to find the package; mostly none."""

_PROGRAM = (PYTHON, os.path.join(os.path.dirname(__file__), "lab", "victim.py"))
_SCRIPT = _PROGRAM[1:]
_RUN = (sys.executable, "-m", "process_hardening", "run", "--method")
_OWN_NAME = "stand-in under the program's own path"
_IN_MEMORY = "stand-in in memory"


def find_launcher() -> str | None:
    """Return the command `harden` of this environment, or None."""
    beside = os.path.join(os.path.dirname(sys.executable), "harden")
    return beside if os.access(beside, os.X_OK) else shutil.which("harden")


def _start_with_harden(launcher: str, place: str, refuses_place: bool = False) -> Start:
    words = (launcher, "--method", "execute-only", "--")
    return Start(words, _PROGRAM, place=place, refuses_place=refuses_place)


_HARDEN = find_launcher() or "harden"

_KINDS: dict[str, Start] = {
    CONTROL: Start((), _PROGRAM),
    "pre-main": Start((), (*_PROGRAM, "--harden")),
    "reexec": Start((), (*_PROGRAM, "--reexec")),
    "execute-only": Start((*_RUN, "execute-only", "--"), _PROGRAM),
    "preload": Start((*_RUN, "preload", "--"), _PROGRAM),
    "in-process": Start((*_RUN, "in-process"), _SCRIPT, scripts_only=True),
    "harden-own-name": _start_with_harden(_HARDEN, _OWN_NAME),
    "harden-memfd": _start_with_harden(_HARDEN, _IN_MEMORY, refuses_place=True),
    "harden-by-root": _start_with_harden(ROOTS_LAUNCHER, _OWN_NAME),
    "interpreter": Start((), (INTERPRETER, *_SCRIPT)),
    "interpreter-of-root": Start((), (ROOTS_INTERPRETER, *_SCRIPT)),
}
_BROKEN_KINDS: dict[str, Start] = {
    "undone": Start((), (*_PROGRAM, "--harden", "--undo")),
    "without-inspection": Start((), (*_PROGRAM, "--harden", "--without", "inspection")),
    "core-dumps": Start(
        (), (*_PROGRAM, "--harden", "--without", "inspection", "--without", "core_limit")
    ),
    "kept-injector": Start((*_RUN, "execute-only", "--keep", "LD_*", "--"), _PROGRAM),
}

VICTIMS = tuple(kind for kind in _KINDS if kind != CONTROL)
"""The hardened victims."""

SAMPLES = ("pre-main", "execute-only", "interpreter")
"""One victim of each kind: hardened from inside, by a launcher, or by the mode of its file."""

BROKEN_VICTIMS = tuple(_BROKEN_KINDS)
"""Victims whose hardening is broken on purpose, which verify must detect."""


def start_of(victim: str) -> Start:
    """Return how a built-in victim, or the control, is started."""
    return {**_KINDS, **_BROKEN_KINDS}[victim]


def find_missing(start: Start, as_root: bool, as_container_root: bool) -> str | None:
    """Return why a victim cannot be tried here, or None.

    as_root -- whether verify runs as root
    as_container_root -- whether the victims run as root without CAP_SYS_PTRACE
    """
    words = start.words
    is_roots = ROOTS_LAUNCHER in words or ROOTS_INTERPRETER in words
    if is_roots and not as_root:
        return "only root can install it: run verify as root"
    if as_container_root and (is_roots or INTERPRETER in words):
        return "root can read every file, so its mode protects nothing"
    if start.place and find_launcher() is None:
        return "the command `harden` is not installed"
    return None


def starts_for(argv: list[str]) -> dict[str, Start]:
    """Return how a user's program is started: plainly, and with each method.

    argv -- the program (an absolute path, or a name without a path) and its arguments
    """
    is_script = argv[0].endswith(".py")
    plain = (sys.executable, *argv) if is_script else tuple(argv)
    starts = {CONTROL: Start((), plain)}
    for name, kind in _KINDS.items():
        if kind.scripts_only and is_script:
            starts[name] = replace(kind, launcher=(*kind.launcher, "--"), program=tuple(argv))
        elif kind.launcher and not kind.scripts_only:
            starts[name] = replace(kind, program=plain)
    return starts
