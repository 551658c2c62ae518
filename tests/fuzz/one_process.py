"""A folder that looks like /proc with one process in it, whose files hold any bytes."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from process_hardening.audit.posture import Posture
from process_hardening.audit.reader import NoSuchProcessError, Reader

FILES = (b"status", b"limits", b"environ", b"cmdline", b"maps", b"auxv", b"mem", b"uid_map")
"""What the input may hold, each part after a line "====NAME"; "exe" is where that link points."""

_PART = re.compile(rb"(?:\A|\n)====([a-z_]+)\n")
_PID = 4194305  # more than any process has (PID_MAX_LIMIT): what asks the kernel finds nothing


def _is_special(path: bytes) -> bool:
    """Whether there is something that may block its reader, or notice it."""
    return os.path.exists(path) and not os.path.isfile(path)


class OneProcess:
    """The folder; made once, its files are written anew for each input."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="one-process-")
        self._root = Path(self._temporary.name)
        for pid in ("1", str(_PID)):
            (self._root / pid / "ns").mkdir(parents=True)
            for kind in ("user", "mnt"):
                (self._root / pid / "ns" / kind).symlink_to(f"{kind}:[4026531837]")
        (self._root / "self").symlink_to("1")
        (self._root / "1" / "uid_map").write_bytes(b"         0          0 4294967295\n")
        (self._root / "sys" / "fs").mkdir(parents=True)
        (self._root / "sys" / "fs" / "suid_dumpable").write_bytes(b"0\n")
        self._folder = self._root / str(_PID)
        (self._folder / "task").mkdir()
        (self._folder / "task" / str(_PID)).symlink_to("..")
        (self._folder / "root" / "etc").mkdir(parents=True)
        self.owner = os.geteuid()

    def read(self, parts: dict[bytes, bytes]) -> Posture | None:
        """What an audit reads of the process; None: it takes it for one that has ended."""
        for name in FILES:
            path = self._folder / name.decode()
            if name in parts:
                path.write_bytes(parts[name])
            else:
                path.unlink(missing_ok=True)
        exe = self._folder / "exe"
        exe.unlink(missing_ok=True)
        target = parts.get(b"exe", b"").partition(b"\0")[0][:4000]
        if target and not _is_special(target):
            with contextlib.suppress(OSError):  # no name that a file could have
                os.symlink(target, os.fsencode(exe))
        with Reader(str(self._root)) as reader:
            try:
                return reader.read(_PID)
            except (NoSuchProcessError, OSError):  # as scan() does
                return None


def split_parts(data: bytes) -> dict[bytes, bytes]:
    """The parts of an input by name; of two with the same name the last."""
    pieces = _PART.split(data)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _values_of(text: bytes, label: bytes) -> list[list[bytes]]:
    """The words after a label, for each line that begins with it."""
    return [line[len(label) :].split() for line in text.split(b"\n") if line.startswith(label)]


def _is_zero(lines: list[list[bytes]], how_many: int = 1) -> bool:
    """Whether there is one line, and its first words are the number 0."""
    words = lines[0][:how_many] if len(lines) == 1 else []
    return len(words) == how_many and all(word.isdigit() and not int(word) for word in words)


def is_evidently_hardened(parts: dict[bytes, bytes], owner: int) -> bool:
    """Whether the text says so itself, once and clearly: nothing is missing or contradicts.

    owner -- of the files: not the user of a process that is not dumpable
    """
    status = parts.get(b"status", b"")
    uids = _values_of(status, b"Uid:")
    entries = parts.get(b"environ", b"").split(b"\0")
    return (
        len(uids) == 1
        and len(uids[0]) > 1
        and uids[0][1].isdigit()
        and int(uids[0][1]) != owner
        and _is_zero(_values_of(status, b"TracerPid:"))
        and len(_values_of(status, b"VmSize:")) == 1
        and _is_zero(_values_of(parts.get(b"limits", b""), b"Max core file size"), 2)
        and not any(entry.startswith(b"LD_") and b"=" in entry for entry in entries)
        and b"maps" in parts
    )
