"""What a process has mapped, under the paths that the process itself sees."""

from __future__ import annotations

import os
import re
from bisect import bisect

from process_hardening.audit.procfiles import read_link
from process_hardening.audit.procfs import parse_code_files
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_MAPPINGS = 4
"""How many mappings of a path to examine. An honest process has one, or two with a stand-in."""

LONGEST_MAPS = 7 << 19
"""How many bytes of maps to read: 60,000 anonymous mappings are 3 MiB. The rest is unknown."""

# Limits on what a hostile process can make us read.
_MOST_LINES = 64
_MOST_FILES = 1 << 14

_KERNEL_LIBRARY = re.compile(
    rb"\n([0-9a-f]{1,16})-([0-9a-f]{1,16}) [^ \n]{4} 0+ 00:00 0 {1,100}\[vdso\]\n"
)

_ANONYMOUS_CODE = re.compile(
    rb"\n[^ \n]{1,40} ..x. [^ \n]{1,20} 00:00 0(?: {0,100}| {1,100}\[(?:anon|heap|stack)[^\n]*)\n"
)


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

    @property
    def has_only_itself(self) -> bool:
        """Whether nothing but the program has code in it, as in a static program.

        If the program was started by naming its loader, a library can replace all other mappings
        by copies of no file.
        """
        is_alone = all(path == self.exe for _, path in self.code)
        return is_alone and not _ANONYMOUS_CODE.search(b"\n" + self.maps)

    def find_code(self, path: bytes) -> list[str] | None:
        """Return the names of a file's code in /proc/PID/map_files; None: too many to examine.

        Returns [] if no such file is mapped.
        """
        found = self._find(path)
        if found is None:
            return None
        names = [_name_of(line) for line in found if line.split(b" ", 2)[1][2:3] == b"x"]
        return names if len(names) <= _MOST_MAPPINGS else None

    def find_files(self, path: bytes) -> list[str]:
        """Return the name of one mapping of each file that is mapped under a path.

        Returns [] if there are too many mappings to examine.
        """
        files: dict[tuple[bytes, ...], str] = {}
        for line in self._find(path) or ():
            device, inode = line.split(b" ", 5)[3:5]
            files.setdefault((device, inode), _name_of(line))
        return list(files.values())[:_MOST_MAPPINGS]

    def find_starts(self, path: bytes) -> list[tuple[str, int]]:
        """Return the name and address of each mapping of a path that starts at file offset 0.

        Returns [] if there are too many to examine.
        """
        lines = [line for line in self._find(path) or () if not line.split(b" ", 3)[2].strip(b"0")]
        chosen = lines if len(lines) <= _MOST_MAPPINGS else []
        return [(_name_of(line), _range_of(line)[0]) for line in chosen]

    def _find(self, path: bytes) -> list[bytes] | None:
        """Return the lines of maps that show a file; None if there are too many."""
        found: list[bytes] = []
        ends = {path, self.root + path}
        at = -1
        for _ in range(_MOST_LINES):
            at = self.maps.find(path + b"\n", at + 1)
            if at < 0:
                return found
            line = self.maps[self.maps.rfind(b"\n", 0, at) + 1 : at + len(path)]
            if line.split(b" ", 5)[-1].lstrip(b" ") in ends:
                found.append(line)
        return None

    def find_kernel_library(self) -> range:
        """Return the addresses of the kernel's library (vdso(7)); empty: it is not mapped."""
        found = _KERNEL_LIBRARY.search(b"\n" + self.maps)
        return range(int(found[1], 16), int(found[2], 16)) if found else range(0)

    def locate(self, addresses: Sequence[int]) -> dict[int, tuple[str, bytes]] | None:
        """Return the mapping of a file at each address: its name in map_files, and the path.

        Addresses outside of mapped files are left out. None if there are too many mappings.
        """
        lines = [line for line in self.maps.split(b"\n") if b"/" in line]
        if len(lines) > _MOST_FILES:
            return None
        ranges = [_range_of(line) for line in lines]
        starts = [start for start, _ in ranges]
        found = {}
        for address in addresses:
            number = bisect(starts, address) - 1
            if number >= 0 and address < ranges[number][1]:
                path = lines[number].split(b" ", 5)[-1].lstrip(b" ")
                found[address] = (_name_of(lines[number]), _below(self.root, path))
        return found


def _range_of(line: bytes) -> tuple[int, int]:
    start, _, end = line.partition(b" ")[0].partition(b"-")
    return int(start, 16), int(end, 16)


def _name_of(line: bytes) -> str:
    start, end = _range_of(line)
    return f"{start:x}-{end:x}"  # maps pads them with zeros


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
