"""What a process has mapped, under the paths that the process itself sees."""

from __future__ import annotations

import os
import re

from process_hardening.audit.procfiles import read_link
from process_hardening.audit.procfs import parse_code_files
from process_hardening.record import Record

_MOST_MAPPINGS = 4
"""How many mappings of a path to examine. An honest process has one, or two with a stand-in."""


class Mapped(Record):
    """The code that a process has mapped.

    folder -- a descriptor of /proc/PID
    root -- its root folder as written in maps; empty unless chroot(2) changed it
    exe -- where its exe link points, as written in maps
    code -- from parse_code_files(); maps -- the text that it was parsed from

    Paths below the root folder are as the process itself sees them.
    """

    folder: int
    root: bytes
    exe: bytes
    code: list[tuple[bytes, bytes]]
    maps: bytes

    def find_code(self, path: bytes) -> list[str] | None:
        """Return the names of a file's code in /proc/PID/map_files; None: too many to examine.

        Returns [] if no such file is mapped.
        """
        found = [_name_of(start, end) for start, end in self._find(path, rb"..x. [^ \n]+")]
        is_mapped = any(path == mapped for _, mapped in self.code)
        return found if 0 < len(found) <= _MOST_MAPPINGS or not is_mapped else None

    def find_starts(self, path: bytes) -> list[tuple[str, int]]:
        """Return the name and address of each mapping of a path that starts at file offset 0.

        Returns [] if there are too many to examine.
        """
        found = self._find(path, rb"[^ \n]+ 0+")
        chosen = found if len(found) <= _MOST_MAPPINGS else []
        return [(_name_of(start, end), start) for start, end in chosen]

    def _find(self, path: bytes, kind: bytes) -> list[tuple[int, int]]:
        """Return the addresses of a path's mappings.

        kind -- a pattern for permissions and offset
        """
        line = rb"(?m)^([^ \n]+)-([^ \n]+) %s [^ \n]+ [^ \n]+ +(?:%s)?%s$"
        found = re.findall(line % (kind, re.escape(self.root), re.escape(path)), self.maps)
        return [(int(start, 16), int(end, 16)) for start, end in found]


def _name_of(start: int, end: int) -> str:
    return f"{start:x}-{end:x}"  # without the leading zeros of maps


def read_mapped(folder: int, exe: str, maps: bytes) -> Mapped:
    """Parse the maps of a process.

    folder -- a descriptor of /proc/PID; exe -- where its exe link points
    """
    root = _as_in_maps(read_link(folder, "root") or "/").removesuffix(b"/")
    code = parse_code_files(maps)
    if root:
        code = [(file, _below(root, path)) for file, path in code]
    return Mapped(
        folder=folder, root=root, exe=_below(root, _as_in_maps(exe)), code=code, maps=maps
    )


def _as_in_maps(path: str) -> bytes:
    return os.fsencode(path.replace("\n", "\\012") if "\n" in path else path)


def _below(root: bytes, path: bytes) -> bytes:
    return path[len(root) :] if root and path.startswith(root + b"/") else path
