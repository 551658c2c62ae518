"""Finds the program that a command would run, without starting it (native/launch/program.c)."""

from __future__ import annotations

import os

from process_hardening.environment import PRELOAD_LIBRARY, encode
from process_hardening.launch import check_system, make_error
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable


class Program(Record):
    """The program that a command ends up running.

    path -- the file, as it was found
    name -- the name that our library compares with its exceptions
    argv -- the arguments that it receives
    variables -- the NAME=VALUE entries that env(1) sets in "#!" lines
    no_library -- why our library cannot be loaded into it; None: it can
    runtime -- the library that has to come before ours, such as AddressSanitizer's, or ""
    is_unreadable -- whether it would be born hardened because it is the unreadable file that this
        process runs; any other unreadable file may be a script
    loaded -- the program that it loads if it is a dynamic loader; else None
    """

    path: str
    name: str
    argv: tuple[str, ...]
    variables: tuple[str, ...]
    no_library: str | None
    runtime: str
    is_unreadable: bool
    loaded: str | None


def find_program(words: Iterable[str], folders: str) -> Program:
    """Find the program that a command would run, following PATH, "#!" lines and env(1).

    words -- the command; folders -- the directories to search, as in PATH

    Raises CommandError, which says why there is no such program.
    """
    check_system()
    from process_hardening._launcher import find

    library = os.fsencode(PRELOAD_LIBRARY)
    status, line, found = find(encode(words), os.fsencode(folders), library)
    if found is None:
        raise make_error(status, line)
    path, name, argv, variables, no_library, runtime, is_unreadable, loaded = found
    return Program(
        path=os.fsdecode(path),
        name=os.fsdecode(name),
        argv=tuple(map(os.fsdecode, argv)),
        variables=tuple(map(os.fsdecode, variables)),
        no_library=no_library,
        runtime=os.fsdecode(runtime),
        is_unreadable=is_unreadable,
        loaded=None if loaded is None else os.fsdecode(loaded),
    )
