"""An execute-only interpreter: a private copy that its users can run but not read.

The kernel makes a process non-dumpable before its first instruction if the caller cannot read the
program's file (would_dump() in fs/exec.c). Every process is then born hardened, even with spawn,
forkserver, `-I -S` or an empty environment.

In the directory of a virtual environment's interpreter:

    python3.11           a copy of the base interpreter, mode 0111; so are `python` and `python3`
    .python3.11.readable the previous file, which `hook disable` restores

The names are regular files: Python would treat a link to another name of the environment as the
base interpreter, and create new environments from it (Modules/getpath.py, base_executable). Each
name is replaced by one rename, after the old file is saved, so every name works at all times.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import os
import re
import stat

from process_hardening.changers import find_changers
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

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator

READABLE = "readable"
EXECUTE_ONLY = "execute-only"
REOPENED = "reopened"
OUTDATED = "outdated"
"""The states: ordinary, execute-only, readable again (or unfinished), and older than its base."""

_READ_BITS = 0o444
_UNFINISHED = ".python.unfinished"
"""Temporary name of the copy, in the same directory, until it replaces the interpreter."""


class Names(Record):
    """The names of an environment's interpreter.

    paths -- names that are regular files or links into other directories; a system interpreter has
        only one name
    source -- the file to copy: the base interpreter, or the file that the copy replaced
    """

    paths: tuple[str, ...]
    source: str


def find_names(executable: str, is_virtual: bool) -> Names:
    """Find the names of an interpreter.

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
    """Return READABLE, EXECUTE_ONLY, REOPENED or OUTDATED."""
    if not any(_is_kept(path) or _is_execute_only(path) for path in names.paths):
        return READABLE
    if not all(map(_is_execute_only, names.paths)):
        return REOPENED
    return (
        EXECUTE_ONLY if all(_is_copy_of(names.source, path) for path in names.paths) else OUTDATED
    )


def find_reopeners(names: Names) -> list[int]:
    """Return the uids of users, except root, who can make the interpreter readable again.

    The uid SOMEBODY means a group or all users; see find_changers().
    """
    return sorted(set().union(*map(find_changers, names.paths)))


def make_execute_only(names: Names) -> None:
    """Make every name an execute-only copy of the source, after testing that the copy starts.

    Raises CommandError. A failure before the first name is replaced changes nothing; after a later
    failure, repeat the call or call make_readable().
    """
    if not IS_LINUX:
        raise CommandError("execute-only interpreters need Linux: they have no effect elsewhere")
    with _locked(names) as folder:
        source = _find_new_source(names)
        image = check_source(source)
        unfinished = os.path.join(folder, _UNFINISHED)
        link_libraries(image, folder)
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
    """Undo make_execute_only(). Raises CommandError."""
    with _locked(names) as folder:
        for path in names.paths:
            try:
                if _is_kept(path) and (_is_execute_only(path) or not _is_new(path)):
                    os.replace(_kept(path), path)
                elif _is_execute_only(path):  # the old file is lost: keep this one
                    os.chmod(path, 0o755)
                _remove(_kept(path))  # rename() does nothing if both are the same file
            except OSError as error:
                raise CommandError(f"{path}: cannot be restored: {error.strerror}") from None
        unlink_libraries(names.source, folder)


@contextlib.contextmanager
def _locked(names: Names) -> Iterator[str]:
    """Lock the directory of the names, and remove what an interrupted change left behind.

    Raises CommandError.
    """
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
        try:
            _remove_unfinished(folder)
        finally:
            os.close(fd)  # also unlocks


def _remove_unfinished(folder: str) -> None:
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None
    for name in names:
        if name.startswith(_UNFINISHED):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _kept(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.readable")


def _is_kept(path: str) -> bool:
    return os.path.lexists(_kept(path))


def _kept_file(path: str) -> str | None:
    """Return the saved readable file of this name, unless that is a link to another name."""
    kept = _kept(path)
    return kept if os.path.lexists(kept) and not _leads_to_another_name(kept) else None


def _leads_to_another_name(path: str) -> bool:
    target = os.path.dirname(os.path.realpath(path))
    return os.path.islink(path) and target == os.path.realpath(os.path.dirname(path))


def _is_name_of(path: str, executable: str, source: str) -> bool:
    """Return whether this directory entry starts the interpreter."""
    name = os.path.basename(path)
    if name.startswith(".") or not os.path.isfile(path):
        return False
    if _is_kept(path) or os.path.samefile(path, executable):
        return True
    if not os.path.isfile(source):  # the base interpreter no longer exists
        return False
    if os.path.samefile(path, source):
        return True
    if os.path.islink(path) or not re.fullmatch(r"python[0-9.]*t?", name):
        return False
    # `venv --copies` makes each name a separate file.
    return _is_execute_only(path) or filecmp.cmp(path, source, shallow=False)


def _is_execute_only(path: str) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and not mode & _READ_BITS


def _is_copy_of(source: str, path: str) -> bool:
    """Return whether the copy is up to date.

    Compares sizes and times, because nobody can read the copy.
    """
    try:
        now, then = os.stat(source), os.stat(path)
    except OSError:
        return False
    # Image layers and archives store only whole seconds.
    return (now.st_size, int(now.st_mtime)) == (then.st_size, int(then.st_mtime))


def _is_new(path: str) -> bool:
    """Return whether a readable file differs from its saved version, as after an upgrade."""
    kept = _kept(path)
    if os.path.islink(path):
        return True
    return not os.path.islink(kept) and not _is_copy_of(kept, path)


def _find_new_source(names: Names) -> str:
    """Return the file to copy: a newly installed interpreter, or else the saved one."""
    for path in names.paths:
        is_replaced = _is_kept(path) and not _is_execute_only(path) and _is_new(path)
        if is_replaced and not _leads_to_another_name(path):
            return os.path.realpath(path)
    return names.source


def _keep(path: str) -> None:
    """Save the existing directory entry itself or, if that is not allowed, a copy of the file."""
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
    """Replace a name with the finished copy, as a hard link if possible."""
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
