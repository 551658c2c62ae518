"""Writing files in such a way that nobody sees half of one."""

from __future__ import annotations

import os

from process_hardening.errors import CommandError


def replace_file(path: str, text: str, mode: int = 0o644) -> None:
    """Write a file in such a way that a reader sees the old one or the new one, never a part.

    A link at path is replaced, not followed. Devices, pipes, sockets and the links of /dev are
    written to as they are: a file in the place of /dev/stdout would break the machine. Raises
    CommandError.
    """
    if _is_special(path):
        try:
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text + "\n")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        return
    beside = f"{path}.{os.getpid()}.tmp"
    try:
        _write_new(beside, text, mode)
        try:
            os.replace(beside, path)
        except OSError:
            os.unlink(beside)
            raise
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _is_special(path: str) -> bool:
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    if os.path.islink(path):
        return folder == "/dev"
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def create_file(path: str, text: str, mode: int) -> bool:
    """Write a file that does not exist yet; returns whether it did not. Raises CommandError."""
    try:
        _write_new(path, text, mode)
    except FileExistsError:
        return False
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    return True


def _write_new(path: str, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(fd)
    except OSError:
        os.unlink(path)
        raise
