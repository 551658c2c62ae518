"""Starts programs so that they are hardened before their first statement (native/launch/)."""

from __future__ import annotations

import os

from process_hardening import _native
from process_hardening.environment import PRELOAD_LIBRARY, encode, read_initial_entries
from process_hardening.errors import CannotProtectError, CommandError
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

_HELP = "process-hardening run --help"
_PREFIX = "process-hardening: "


def check_system() -> None:
    """Raise CannotProtectError on systems other than Linux."""
    if not IS_LINUX:
        raise CannotProtectError("programs can be hardened from outside only on Linux")


def make_error(status: int, line: bytes) -> CommandError:
    """Make an exception from the launcher's message and exit status."""
    error = CommandError(os.fsdecode(line).removeprefix(_PREFIX))
    error.exit_code = status
    return error


def _launch(
    words: Iterable[str], entries: Iterable[bytes], bypass: str | None, as_given: bool
) -> str:
    """Become a program. Returns and raises like become()."""
    check_system()
    from process_hardening._launcher import launch

    library = os.fsencode(PRELOAD_LIBRARY)
    status, line, text = launch(encode(words), tuple(entries), library, bypass, _HELP, as_given)
    if line:
        raise make_error(status, line)
    return os.fsdecode(text)


def become(words: Iterable[str]) -> str:
    """Harden this process and become a program, as the command `harden` does.

    words -- the options of `harden`, then the program and its arguments

    Returns what --explain prints. Raises CommandError, which says why the program was not started,
    and HardeningError.
    """
    return _launch(words, read_initial_entries(), _native.BYPASS_VARIABLE, as_given=False)


def become_execute_only(argv: Iterable[str], entries: Iterable[bytes]) -> None:
    """Become an execute-only image of a program, with these environment entries.

    Raises CommandError, which says why the program was not started.
    """
    _launch(["--method=execute-only", "--", *argv], entries, None, as_given=True)
