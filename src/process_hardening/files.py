"""Atomic file replacement: readers see the old or the new file, never a partial one."""

from __future__ import annotations

import os

from process_hardening.errors import CommandError


def replace_file(path: str, text: str, mode: int = 0o644) -> None:
    """Replace a file with text and a newline. Raises CommandError; see replace_bytes()."""
    replace_bytes(path, _encode(text), mode)


def replace_bytes(path: str, content: bytes, mode: int, *, ignore_umask: bool = False) -> None:
    """Replace a file, or create it.

    mode -- its permissions, minus the umask unless ignore_umask is set

    A symbolic link at path is replaced, not followed. Devices, pipes, sockets and links in /dev are
    written in place: replacing /dev/stdout with a file would break the machine. Raises
    CommandError.
    """
    try:
        if _is_special(path):
            with open(path, "wb") as file:
                file.write(content)
            return
        # The name is random: a killed run leaves its file behind, and containers reuse pids.
        unfinished = f"{path}.{os.urandom(8).hex()}.tmp"
        _write_new(unfinished, content, mode, ignore_umask)
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


def _is_special(path: str) -> bool:
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    if os.path.islink(path):
        return folder == "/dev"
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _write_new(path: str, content: bytes, mode: int, ignore_umask: bool = False) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            if ignore_umask:
                os.fchmod(fd, mode)
            file.write(content)
            file.flush()
            os.fsync(fd)
    except BaseException:
        os.unlink(path)
        raise
