"""An execute-only interpreter: a private copy that its users may start and not read.

The kernel makes a process non-dumpable before its first instruction when the caller may not read
the program's file (would_dump() in fs/exec.c). Every start is then born hardened: spawn,
forkserver, `-I -S`, an empty environment.

In the folder of a virtual environment's interpreter:

    python3.11           a copy of the base interpreter, mode 0111; `python` and `python3` too
    .python3.11.readable what was there before: `hook disable` puts it back

The names are regular files: Python takes a link to another name of the environment for the base
interpreter, and would make new environments from it (Modules/getpath.py, base_executable).
Each name is replaced by one rename, after what was there is kept: every name works at any moment.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import os
import re
import stat

from process_hardening.errors import CommandError
from process_hardening.interpreter_copy import (
    MODE,
    check_source,
    check_start,
    copy,
    link_libraries,
    unlink_libraries,
)
from process_hardening.record import Record
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterator

READABLE = "readable"
EXECUTE_ONLY = "execute-only"
REOPENED = "reopened"
OUTDATED = "outdated"
"""The states: ordinary, execute-only, readable again (or half-made), older than its base."""

_READ_BITS = 0o444
_UNFINISHED = ".python.unfinished"
"""The copy before it takes the place of the names, in the same folder."""


class Names(Record):
    """The names of an environment's interpreter.

    paths -- the names that are files of their own or lead out of their folder; a system
        interpreter has one
    source -- the file to copy: the base interpreter, or what was in the place of the copy
    """

    paths: tuple[str, ...]
    source: str


def find_names(executable: str, is_virtual: bool) -> Names:
    """The names of an interpreter.

    executable -- its sys.executable; is_virtual -- whether it is in a virtual environment

    Raises CommandError.
    """
    if not is_virtual:
        path = os.path.realpath(executable)
        return Names(paths=(path,), source=_kept_file(path) or path)
    folder = os.path.dirname(os.path.abspath(executable))
    try:
        entries = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None
    source = os.path.realpath(next(filter(None, map(_kept_file, entries)), executable))
    paths = tuple(path for path in entries if _is_name_of(path, executable, source))
    return Names(paths=paths, source=source)


def read_state(names: Names) -> str:
    """READABLE, EXECUTE_ONLY, REOPENED or OUTDATED."""
    if not any(_is_kept(path) or _is_execute_only(path) for path in names.paths):
        return READABLE
    if not all(map(_is_execute_only, names.paths)):
        return REOPENED
    return (
        EXECUTE_ONLY if all(_is_copy_of(names.source, path) for path in names.paths) else OUTDATED
    )


def find_reopeners(names: Names) -> list[int]:
    """The users other than root who can make the interpreter readable again, by uid.

    They own the file or a folder above it, or may write to such a folder (uid -1: others).
    """
    users = set()
    folders = (os.path.realpath(os.path.dirname(path)) for path in names.paths)
    for path in (*names.paths, *folders):
        path = os.path.abspath(path)
        while True:
            try:
                facts = os.stat(path)
            except OSError:
                break
            users.add(facts.st_uid)
            mode = facts.st_mode
            if stat.S_ISDIR(mode) and mode & 0o022 and not mode & stat.S_ISVTX:
                users.add(-1)
            if path == "/":
                break
            path = os.path.dirname(path)
    return sorted(users - {0})


def make_execute_only(names: Names) -> None:
    """Make every name an execute-only copy of the source, once the copy is known to start.

    Raises CommandError. What fails before the first name is replaced changes nothing; after
    that, repeat it or call make_readable().
    """
    if not IS_LINUX:
        raise CommandError("execute-only interpreters need Linux: elsewhere they gain nothing")
    with _locked(names) as folder:
        source = _find_new_source(names)
        check_source(source)
        unfinished = os.path.join(folder, _UNFINISHED)
        link_libraries(source, folder)
        try:
            copy(source, unfinished, MODE)
            check_start(unfinished, source)
        except CommandError:
            if not any(map(_is_execute_only, names.paths)):
                unlink_libraries(source, folder)
            raise
        for path in names.paths:
            if not _is_execute_only(path) and (not _is_kept(path) or _is_new(path)):
                _keep(path)
            _put(unfinished, path, source)


def make_readable(names: Names) -> None:
    """Put back what was there before make_execute_only(). Raises CommandError."""
    with _locked(names) as folder:
        for path in names.paths:
            try:
                if _is_kept(path) and (_is_execute_only(path) or not _is_new(path)):
                    os.replace(_kept(path), path)
                elif _is_execute_only(path):  # what was there is lost: the file itself stays
                    os.chmod(path, 0o755)
                _remove(_kept(path))  # rename() leaves it where both are one file
            except OSError as error:
                raise CommandError(f"{path}: cannot be put back: {error.strerror}") from None
        unlink_libraries(names.source, folder)


@contextlib.contextmanager
def _locked(names: Names) -> Iterator[str]:
    """Change the folder of the names alone, and remove what an interrupted change left there."""
    folder = os.path.dirname(names.paths[0])
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(fd, fcntl.LOCK_EX)
        _remove_unfinished(folder)
        yield folder
    finally:
        _remove_unfinished(folder)
        os.close(fd)


def _remove_unfinished(folder: str) -> None:
    for name in os.listdir(folder):
        if name.startswith(_UNFINISHED):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _kept(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.readable")


def _is_kept(path: str) -> bool:
    return os.path.lexists(_kept(path))


def _kept_file(path: str) -> str | None:
    """The readable interpreter that was in the place of this name, unless it was another name."""
    kept = _kept(path)
    return kept if os.path.lexists(kept) and not _leads_to_another_name(kept) else None


def _leads_to_another_name(path: str) -> bool:
    target = os.path.dirname(os.path.realpath(path))
    return os.path.islink(path) and target == os.path.realpath(os.path.dirname(path))


def _is_name_of(path: str, executable: str, source: str) -> bool:
    """Whether this entry of the folder starts the interpreter."""
    name = os.path.basename(path)
    if name.startswith(".") or not os.path.isfile(path):
        return False
    if _is_kept(path) or os.path.samefile(path, executable):
        return True
    if not os.path.isfile(source):  # the base interpreter is gone
        return False
    if os.path.samefile(path, source):
        return True
    if os.path.islink(path) or not re.fullmatch(r"python[0-9.]*t?", name):
        return False
    # `venv --copies` gives each name a file of its own.
    return _is_execute_only(path) or filecmp.cmp(path, source, shallow=False)


def _is_execute_only(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and not mode & _READ_BITS


def _is_copy_of(source: str, path: str) -> bool:
    """Whether the copy is of what the source is now, as make(1) tells: nobody can read it."""
    try:
        now, then = os.stat(source), os.stat(path)
    except OSError:
        return False
    # Layers of images and archives keep whole seconds.
    return (now.st_size, int(now.st_mtime)) == (then.st_size, int(then.st_mtime))


def _is_new(path: str) -> bool:
    """Whether a readable name is another than the one that was kept: after an upgrade."""
    kept = _kept(path)
    if os.path.islink(path):
        return True
    return not os.path.islink(kept) and not _is_copy_of(kept, path)


def _find_new_source(names: Names) -> str:
    """The file to copy: an interpreter that an upgrade put there comes before the kept one."""
    for path in names.paths:
        is_replaced = _is_kept(path) and not _is_execute_only(path) and _is_new(path)
        if is_replaced and not _leads_to_another_name(path):
            return os.path.realpath(path)
    return names.source


def _keep(path: str) -> None:
    """Keep what is there: the entry itself, or where that is not allowed, one like it."""
    kept = _kept(path)
    try:
        _remove(kept)
        try:
            os.link(path, kept, follow_symlinks=False)
        except OSError:
            if os.path.islink(path):
                os.symlink(os.readlink(path), kept)
            else:
                copy(path, kept, stat.S_IMODE(os.stat(path).st_mode))
    except OSError as error:
        raise CommandError(f"{kept}: {error.strerror}") from None


def _put(unfinished: str, path: str, source: str) -> None:
    """Make a name the finished copy: one file with several names, where possible."""
    new = f"{unfinished}.{os.path.basename(path)}"
    try:
        try:
            os.link(unfinished, new)
        except OSError:
            copy(source, new, MODE)
        os.replace(new, path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
