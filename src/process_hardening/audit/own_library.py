"""Recognizes the library of process-hardening by its bytes, wherever it is."""

from __future__ import annotations

import os

from process_hardening.audit.posture import has_our_name
from process_hardening.audit.procfs import decode, unescape_path
from process_hardening.environment import PRELOAD_LIBRARY

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import TypeAlias

    from process_hardening.audit.deputy import Deputy
    from process_hardening.audit.mapped import Mapped

    Place: TypeAlias = tuple[str | None, bytes]

# Where docs/harden.md says to install our library, next to the command.
_INSTALLED_BY_ROOT = (
    b"/usr/lib/process-hardening/libprocess_hardening.so",
    b"/usr/local/lib/process-hardening/libprocess_hardening.so",
)


class OwnLibrary:
    """Recognizes our library in processes.

    mount_namespace -- our own, in which our installations are known by their paths; None: this
        kernel has only one
    """

    def __init__(self, mount_namespace: str | None) -> None:
        self._here: Place = (mount_namespace, b"")
        self._content = b""
        ours = (os.fsencode(PRELOAD_LIBRARY), *_INSTALLED_BY_ROOT)
        self._paths = {path + end for path in ours for end in (b"", b" (deleted)")}  # by an upgrade

    def place_of(self, process: Mapped) -> Place:
        """Return the mount namespace of a process, and the process's root in it. Raises OSError."""
        here, _ = self._here
        return here and os.readlink("ns/mnt", dir_fd=process.folder), process.root

    def is_at(self, path: bytes, process: Mapped, deputy: Deputy) -> bool:
        """Return whether a file that a process has mapped, or could map, is our library.

        Raises OSError or NoAnswerError if it cannot be read.
        """
        if path in self._paths and self.place_of(process) == self._here:
            return True
        if not has_our_name(decode(path)):
            return False
        if not self._content:
            with open(PRELOAD_LIBRARY, "rb") as file:
                self._content = file.read()
        ranges = process.find_code(path)
        if ranges is None:
            return False
        try:
            if ranges:
                return all(
                    deputy.read_mapped(process.folder, name) == self._content for name in ranges
                )
        except PermissionError:
            pass  # without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: use the path instead
        plain = decode(unescape_path(path)).lstrip("/")
        return deputy.read_plain_file(process.folder, plain) == self._content
