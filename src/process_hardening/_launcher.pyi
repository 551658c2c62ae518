"""The launcher (native/launch/module.c; Linux). Words and environment entries are bytes."""

from typing import TypeAlias

Words: TypeAlias = tuple[bytes, ...]

def launch(
    words: Words,
    entries: Words,
    library: bytes,
    bypass: str | None,
    help_command: str,
    as_given: bool,
    /,
) -> tuple[int, bytes, bytes]:
    """Harden this process and execute a program.

    words -- the options of `harden`, then the program and its arguments
    entries -- the initial environment
    library -- the path of our preload library
    bypass -- the variable that starts the program unprotected if it is 1; None: there is none
    help_command -- the command that explains the options
    as_given -- whether the program gets the entries unchanged

    Returns (exit status, message, b"") on failure, and (0, b"", the lines) with --explain.
    """

Found: TypeAlias = tuple[
    bytes, bytes, list[bytes], list[bytes], str | None, bytes, bool, bytes | None
]

def find(words: Words, folders: bytes, library: bytes, /) -> tuple[int, bytes, Found | None]:
    """Find the program that a command line would run, following PATH, "#!" lines and env(1).

    words -- the command line; folders -- where to search, in the format of PATH
    library -- the path of our preload library

    Returns (0, b"", found) or (exit status, message, None). found is a tuple: the program's path,
    its name, its arguments, the variables that env lines set, why our library cannot be loaded
    into it, the library that has to come before ours (or b""), whether it is the unreadable file
    of this process, which is hardened by its file mode, and what it loads if it is a loader.
    """

def library_objection(path: bytes, /) -> str | None:
    """Return why LD_PRELOAD cannot load a library from this path into a program, or None."""
