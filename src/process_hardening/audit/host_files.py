"""Reads the files and directories of a host, and records which are unreadable."""

from __future__ import annotations

import os

from process_hardening.audit.procfs import decode


class Files:
    """The files of a host.

    root -- where the files are: / except in tests; hidden -- the names of those that could not
        be read
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.hidden: list[str] = []

    def path(self, name: str) -> str:
        """Return the full path of a file; its name is relative to the root."""
        return os.path.join(self.root, name)

    def text(self, name: str) -> str | None:
        """Return the text of a file; '' if it does not exist, None if it is unreadable."""
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

    def names(self, folder: str) -> list[str] | None:
        """Return what is in a directory, in order; [] if it does not exist, None if unreadable."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self.hidden.append(folder)
            return None

    def is_missing(self, name: str) -> bool:
        """Return whether it is certain that a file does not exist."""
        try:
            os.stat(self.path(name))
        except PermissionError:
            self.hidden.append(name)
        except (OSError, ValueError):  # ValueError for a NUL in the path
            return True
        return False

    def shows_settings(self) -> bool:
        """Return whether /proc has settings. With the mount option subset=pid, it has none."""
        return os.path.isdir(self.path("proc/sys"))

    def number(self, name: str) -> int | None:
        """Return the number in a file, or None."""
        try:
            return int(self.text(name) or "")
        except ValueError:
            return None

    def setting(self, name: str) -> int | None:
        """Return the value of a setting, by its name in sysctl(8)."""
        return self.number(f"proc/sys/{name.replace('.', '/')}")
