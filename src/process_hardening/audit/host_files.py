"""The files of a host, and which of them may not be read."""

from __future__ import annotations

import os

from process_hardening.audit.procfs import decode


class Files:
    """The files of a host.

    root -- where they are: / except in tests; hidden -- those that may not be read
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.hidden: list[str] = []

    def path(self, name: str) -> str:
        """The path of a file that is named from the root, without a slash before it."""
        return os.path.join(self.root, name)

    def text(self, name: str) -> str | None:
        """The text of a file, '' when there is none; None when it may not be read."""
        try:
            with open(self.path(name), "rb") as file:
                return decode(file.read(1 << 20))
        except (FileNotFoundError, NotADirectoryError):
            if not name.startswith("proc/") or self.shows_settings():
                return ""
        except OSError:
            pass
        self.hidden.append(name)
        return None

    def shows_settings(self) -> bool:
        """Whether /proc has more than processes: mounted with subset=pid, it has no settings."""
        return os.path.isdir(self.path("proc/sys"))

    def number(self, name: str) -> int | None:
        """The number in a file, or None."""
        try:
            return int(self.text(name) or "")
        except ValueError:
            return None

    def setting(self, name: str) -> int | None:
        """The value of a setting, by the name that sysctl(8) gives it."""
        return self.number(f"proc/sys/{name.replace('.', '/')}")

    def others_may_write(self, path: str) -> bool | None:
        """Whether others than root own or can write a file; None: there is no such file."""
        try:
            found = os.stat(self.path(path.lstrip("/")))
        except (OSError, ValueError):  # the latter for a NUL, which no path has
            return None
        return (
            found.st_uid != 0
            or bool(found.st_mode & 0o002)
            or (bool(found.st_mode & 0o020) and found.st_gid != 0)
        )
