"""Reads and writes files that the user names. Replacing a file is atomic: never a partial file."""

from __future__ import annotations

import contextlib
import os
import stat

from process_hardening.errors import CommandError

MOST_BYTES = 64 << 20
"""The longest file that a command reads: the JSON of an audit has about 2 KiB for a process."""


def read_text(path: str, *, allow_pipe: bool = True) -> str:
    """Read a file that the user named, or a pipe, as in `--compare <(ssh HOST ...)`.

    allow_pipe -- whether it may be a pipe; a FIFO is waited for until somebody writes to it, as
        cat(1) does

    Raises CommandError for other kinds of files, which may have no end, and for a file longer than
    MOST_BYTES. Raises UnicodeDecodeError if it is not UTF-8.
    """
    try:
        may_wait = allow_pipe and stat.S_ISFIFO(os.stat(path).st_mode)
        with open(path, "rb", opener=None if may_wait else _open_unblocked) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not (stat.S_ISREG(mode) or (allow_pipe and stat.S_ISFIFO(mode))):
                kinds = "a regular file or a pipe" if allow_pipe else "a regular file"
                raise CommandError(f"{path}: not {kinds}")
            content = file.read(MOST_BYTES + 1) or b""  # None: it would block, like /proc/kmsg
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise CommandError(f"{path}: longer than {MOST_BYTES >> 20} MiB")
    return content.decode("utf-8")


def _open_unblocked(path: str, flags: int) -> int:
    """Open a file that is to be read without waiting, such as a device or /proc/kmsg."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def replace_file(path: str, text: str, mode: int = 0o644) -> None:
    """Replace a file with text and a newline. Raises CommandError; see replace_bytes()."""
    replace_bytes(path, _encode(text), mode)


def replace_bytes(path: str, content: bytes, mode: int, *, exactly: bool = False) -> None:
    """Replace a file, or create it.

    mode -- the permissions of a new file, minus the umask. A file that is replaced keeps those of
        its permissions that are in mode, and its group if it belongs to the caller.
    exactly -- whether its permissions will be exactly mode in any case

    A symbolic link at path is replaced, not followed. Devices, pipes and links in /dev are written
    in place: replacing /dev/stdout with a file would break the machine. A pipe is waited for until
    somebody reads it. Raises CommandError, also for a pipe of another user than root and the
    caller, who could let it wait forever.
    """
    try:
        special = _open_special(path)
        if special is not None:
            with open(special, "wb") as file:
                file.write(content)
            return
        # The name is random: a killed run leaves its file behind, and containers reuse pids. It is
        # cut: the name of the file may be as long as the file system allows.
        folder, name = os.path.split(path)
        start = os.fsdecode(os.fsencode(name)[:100])
        unfinished = os.path.join(folder, f"{start}.{os.urandom(8).hex()}.tmp")
        _write_new(unfinished, content, mode, exactly, None if exactly else _find_file(path))
        try:
            os.replace(unfinished, path)
        except BaseException:  # Ctrl-C too
            os.unlink(unfinished)
            raise
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def create_file(path: str, text: str, mode: int) -> bool:
    """Write text and a newline into a new file.

    Returns False, and changes nothing, if path already exists. Raises CommandError.
    """
    try:
        _write_new(path, _encode(text), mode)
    except FileExistsError:
        return False
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    return True


def _encode(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _take_group(fd: int, replaced: os.stat_result) -> bool:
    """Give a new file the group of the one that it replaces. Return whether it has that group."""
    new = os.fstat(fd)
    if new.st_gid != replaced.st_gid and new.st_uid == replaced.st_uid:
        with contextlib.suppress(OSError):  # the caller is not in that group
            os.fchown(fd, -1, replaced.st_gid)
    return os.fstat(fd).st_gid == replaced.st_gid


def _open_special(path: str) -> int | None:
    """Open what must not be replaced with a file; None if there is nothing of the kind."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
        return os.open(path, flags) if folder == "/dev" else None
    if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
        return None
    # Users can make pipes and sockets, but not devices, and could exchange them before the open.
    is_made_by_user = stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)
    if is_made_by_user and found.st_uid not in (0, os.geteuid()):
        raise CommandError(f"{path}: a pipe or socket of another user: name a regular file")
    return os.open(path, flags | os.O_NOFOLLOW)


def _find_file(path: str) -> os.stat_result | None:
    """Return the facts about a regular file; None if there is none."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _write_new(
    path: str,
    content: bytes,
    mode: int,
    exactly: bool = False,
    replaced: os.stat_result | None = None,
) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    if replaced is not None:
        mode &= replaced.st_mode
    # Never wider than it will be: who opens it before that keeps the descriptor.
    fd = os.open(path, flags, mode if replaced is None else mode & ~stat.S_IRWXG)
    try:
        with open(fd, "wb") as file:
            if replaced is not None:
                if not _take_group(fd, replaced):  # its group gets no more than everybody
                    mode &= ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
                os.fchmod(fd, mode)
            elif exactly:
                os.fchmod(fd, mode)
            file.write(content)
            file.flush()
            os.fsync(fd)
    except BaseException:
        os.unlink(path)
        raise
