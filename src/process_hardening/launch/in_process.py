"""Hardens this process, then runs a Python script or module in it."""

from __future__ import annotations

import os
import sys

from process_hardening.environment import hand_over, read_initial_entries
from process_hardening.errors import NOT_FOUND, CannotProtectError, NotFoundError, hide_value
from process_hardening.terminal import complain
from process_hardening.variables import INJECTOR, is_loader_variable, kind_of

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Sequence


def leave_injected(removed: tuple[str, ...]) -> None:
    """Re-execute this command without an injected library, if there was one.

    removed -- the variables that harden() removed. Returns if no injector is among them. Raises
    CannotProtectError or HardeningError.
    """
    if not any(is_loader_variable(name) and kind_of(name) == INJECTOR for name in removed):
        return
    entries = read_initial_entries()
    env: dict[bytes, bytes] = {}
    for entry in [*hand_over(), *entries]:
        name, equals, value = entry.partition(b"=")
        if equals:
            env.setdefault(name, value)
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], env)
    except OSError as error:
        raise CannotProtectError(
            "a library was injected into this process, which cannot be re-executed without it:"
            f" {sys.executable}: {error.strerror}"
        ) from None


def find(name: str) -> str:
    """Return the path of a program or a script in PATH.

    Raises NotFoundError, or CannotProtectError if it is unknown whether the file exists.
    """
    import shutil

    path = shutil.which(name) if name else None
    if path is None:
        where = "no such file, here or in PATH" if name.endswith(".py") else "not found in PATH"
        shown = hide_value(name) or repr(name)
        if os.path.dirname(name):
            where = "no such file"
            try:
                os.stat(name)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise CannotProtectError(f"{shown}: {error.strerror}") from None
        raise NotFoundError(f"{shown}: {where}")
    return path


def find_script(name: str) -> str:
    """Return the path of a Python script. Raises NotFoundError or CannotProtectError."""
    path = name if os.path.exists(name) else find(name)
    if not os.path.isfile(path):
        raise CannotProtectError(f"{path}: not a file")
    try:
        with open(path, "rb") as file:
            first_line = file.readline(256)
    except OSError as error:
        raise CannotProtectError(f"{path}: cannot be read: {error.strerror}") from None
    if not path.endswith(".py") and not (first_line.startswith(b"#!") and b"python" in first_line):
        raise CannotProtectError(f"{path}: cannot run in-process: not a Python script")
    return path


def run_script(path: str, arguments: Sequence[str]) -> int:
    """Run a script like `python path arguments...`. Raises whatever it raises.

    Returns the exit status, 0.
    """
    import runpy

    sys.argv = [path, *arguments]
    if _has_own_path_entry():
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    runpy.run_path(path, run_name="__main__")
    return 0


def run_module(name: str, arguments: Sequence[str]) -> int:
    """Run a module like `python -m name arguments...`. Raises whatever it raises.

    Returns the exit status. If there is no such module, prints that and returns NOT_FOUND.
    """
    import runpy

    sys.argv = [name, *arguments]
    if _has_own_path_entry():
        sys.path[0] = _read_working_directory()
    if not _has_module(name):
        complain(f"{hide_value(name)}: no such module")
        return NOT_FOUND
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    return 0


def _has_own_path_entry() -> bool:
    """Return whether sys.path[0] is the script's directory, as it is without -I and -P."""
    return not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))


def _read_working_directory() -> str:
    """Return the working directory as Python puts it into sys.path: "" if it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _has_module(name: str) -> bool:
    """Return whether `python -m name` would find a module. Imports its parent packages.

    If a parent package fails to import a different module, raises that ModuleNotFoundError.
    """
    from importlib.util import find_spec

    try:
        spec = None if name.startswith(".") else find_spec(name)
        if spec and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name or name}."):
            raise
        return False
    except ValueError:  # "__main__" itself
        return False
    return spec is not None
