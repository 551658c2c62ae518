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
import errno
import fcntl
import filecmp
import os
import re
import stat
import subprocess

from process_hardening.elf import read_image
from process_hardening.errors import CannotProtectError, CommandError
from process_hardening.files import replace_bytes
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

MODE = 0o111

_READ_BITS = 0o444
_UNFINISHED = ".python.unfinished"
"""The copy before it takes the place of the names, in the same folder."""

_SELF_TEST = """
import os
if os.stat("/proc/self/environ").st_uid == os.geteuid() != 0:
    raise SystemExit(3)
"""
"""Whether it is dumpable: the files of a process that is not belong to root (proc(5))."""
_IS_DUMPABLE = 3


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
        _check_source(source)
        unfinished = os.path.join(folder, _UNFINISHED)
        _link_libraries(source, folder)
        try:
            _copy(source, unfinished, MODE)
            _check_start(unfinished, source)
        except CommandError:
            if not any(map(_is_execute_only, names.paths)):
                _unlink_libraries(source, folder)
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
        _unlink_libraries(names.source, folder)


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


def _check_source(source: str) -> None:
    """Refuse what a copy would change. Raises CommandError."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise CommandError(
            f"{source}: it may not be read, so no copy can be made: every start of it is born"
            " hardened already"
        ) from None
    except OSError as error:
        raise CommandError(f"{source}: {error.strerror}") from None
    try:
        mode = os.fstat(fd).st_mode
        if mode & (stat.S_ISUID | stat.S_ISGID) or _has_capabilities(fd):
            raise CommandError(
                f"{source}: a copy would lose its set-user-ID bit or file capabilities, and the"
                " kernel already keeps others out of such a program"
            )
        if read_image(fd, source) is None:
            raise CommandError(f"{source}: not an ELF program: a script cannot be execute-only")
    except CannotProtectError as error:
        raise CommandError(str(error)) from None
    finally:
        os.close(fd)


def _has_capabilities(fd: int) -> bool:
    try:
        return bool(os.getxattr(fd, "security.capability"))
    except OSError:  # ENODATA, or a file system without attributes
        return False


def _link_libraries(source: str, folder: str) -> None:
    """Let a copy find the libraries that the source finds relative to itself (uv, conda).

    Raises CommandError.
    """
    fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        image = read_image(fd, source)
    finally:
        os.close(fd)
    assert image is not None  # _check_source()
    there, here = _library_folders(source, folder)
    if not any("ORIGIN" in text for text in (*image.rpath, *image.runpath, *image.needed)):
        return
    for name in map(os.path.basename, image.needed):
        library, link = os.path.join(there, name), os.path.join(here, name)
        if os.path.exists(library) and not os.path.lexists(link):
            try:
                os.symlink(library, link)
            except OSError as error:
                raise CommandError(f"{link}: {error.strerror}") from None


def _unlink_libraries(source: str, folder: str) -> None:
    there, here = _library_folders(source, folder)
    for name in os.listdir(here) if os.path.isdir(here) else ():
        link = os.path.join(here, name)
        if os.path.islink(link) and os.readlink(link) == os.path.join(there, name):
            with contextlib.suppress(OSError):
                os.unlink(link)


def _library_folders(source: str, folder: str) -> tuple[str, str]:
    """Where the source has its libraries, and where a copy in this folder looks for them."""
    there = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(source))), "lib")
    return there, os.path.join(os.path.dirname(os.path.realpath(folder)), "lib")


def _copy(source: str, path: str, mode: int) -> None:
    try:
        with open(source, "rb") as file:
            content = file.read()
            times = os.fstat(file.fileno())
        replace_bytes(path, content, mode, ignore_umask=True)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _check_start(path: str, source: str) -> None:
    """Refuse a copy that does not start, or not as a process that nobody may read."""
    if stat.S_IMODE(os.stat(path).st_mode) != MODE:
        raise CommandError(f"{path}: the file system does not keep mode 0111")
    try:
        process = subprocess.run(
            [path, "-I", "-S", "-c", _SELF_TEST],
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        hint = ": is the file system mounted noexec?" if error.errno == errno.EACCES else ""
        raise CommandError(f"{path}: cannot be started: {error.strerror}{hint}") from None
    if process.returncode == _IS_DUMPABLE:
        raise CommandError(
            f"{path}: can be read although its mode is 0111: look at fs.suid_dumpable and the"
            " access control list of the folder"
        )
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"status {process.returncode}"]
        raise CommandError(f"{source}: a copy of it does not start: {lines[-1]}")


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
                _copy(path, kept, stat.S_IMODE(os.stat(path).st_mode))
    except OSError as error:
        raise CommandError(f"{kept}: {error.strerror}") from None


def _put(unfinished: str, path: str, source: str) -> None:
    """Make a name the finished copy: one file with several names, where possible."""
    new = f"{unfinished}.{os.path.basename(path)}"
    try:
        try:
            os.link(unfinished, new)
        except OSError:
            _copy(source, new, MODE)
        os.replace(new, path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
