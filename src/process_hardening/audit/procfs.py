"""Parsers for the text of /proc (proc(5)). Pure.

Each takes the bytes that the kernel wrote, and raises ValueError if they do not have the format in
the manual page.
"""

from __future__ import annotations

import os
import re
from struct import unpack

from process_hardening.state import UNLIMITED


def describe_limits(limits: tuple[int, int] | None) -> dict[str, int | str] | None:
    """Return a soft and a hard limit for display and JSON: a number or 'unlimited'."""
    if limits is None:
        return None
    from resource import RLIM_INFINITY  # for a Status; a Posture has UNLIMITED

    named = zip(("soft", "hard"), limits, strict=True)
    unlimited = (UNLIMITED, RLIM_INFINITY)
    return {name: "unlimited" if limit in unlimited else limit for name, limit in named}


def parse_status(text: bytes) -> dict[str, bytes]:
    """Parse /proc/PID/status into {field: rest of its line}; the kernel escapes newlines."""
    fields: dict[str, bytes] = {}
    # Not splitlines(): a process name may contain a carriage return, which is not escaped.
    for line in text.removesuffix(b"\n").split(b"\n") if text else ():
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError("a line without a colon in /proc/PID/status")
        fields.setdefault(name.decode("ascii", "backslashreplace"), value.strip())
    return fields


# The fields that an audit needs, a fifth of all fields.
_ASKED = tuple(
    (name, f"\n{name}:".encode())
    for name in (
        "PPid", "TracerPid", "Uid", "Gid", "Kthread", "VmSize", "Threads", "CapPrm", "CapEff",
        "NoNewPrivs", "Seccomp", "SigBlk", "SigCgt",
    )
)  # fmt: skip


def parse_asked(text: bytes) -> dict[str, bytes]:
    """Parse /proc/PID/status like parse_status(), but only the fields that an audit needs.

    A process cannot fake a field with its name: newlines are escaped in the name, and it is in the
    first line.
    """
    fields = {}
    for name, label in _ASKED:
        at = text.find(label)
        if at >= 0:
            end = text.find(b"\n", at + 1)
            fields[name] = text[at + len(label) : end if end > 0 else len(text)].strip()
    return fields


def refuse_repeated_fields(text: bytes) -> None:
    """Raise ValueError if a field that parse_asked() reads occurs twice in /proc/PID/status.

    The kernel writes every field once. This takes twice as long as parse_asked().
    """
    for name, label in _ASKED:
        if text.count(label) > 1:
            raise ValueError(f"two {name} lines in /proc/PID/status")


def _to_number(word: bytes) -> int:
    """Parse a decimal number as the kernel writes it; int() would also accept "+1" and "1_0"."""
    if not word.isdigit():
        raise ValueError("not a decimal number")
    return int(word)


def parse_number(fields: dict[str, bytes], name: str, position: int = 0) -> int | None:
    """Return a number in a field of /proc/PID/status; None if this kernel lacks the field."""
    if name not in fields:
        return None
    numbers = fields[name].split()
    if len(numbers) <= position:
        raise ValueError(f"no number in the {name} line of /proc/PID/status")
    return _to_number(numbers[position])


_CORE_LIMIT = b"\nMax core file size"  # not the first line


def parse_core_limit(text: bytes) -> tuple[int, int]:
    """Parse /proc/PID/limits: RLIMIT_CORE in bytes, soft and hard; UNLIMITED for "unlimited"."""
    at = text.find(_CORE_LIMIT)
    if at < 0 or text.find(_CORE_LIMIT, at + 1) >= 0:
        raise ValueError("no core file size in /proc/PID/limits, or two")
    end = text.find(b"\n", at + 1)
    words = text[at + len(_CORE_LIMIT) : end if end > 0 else len(text)].split(None, 2)
    if len(words) < 2:
        raise ValueError("not two limits for the core file size in /proc/PID/limits")
    soft, hard = words[0], words[1]
    return (
        UNLIMITED if soft == b"unlimited" else _to_number(soft),
        UNLIMITED if hard == b"unlimited" else _to_number(hard),
    )


def split_environ(text: bytes) -> tuple[list[bytes], bool]:
    """Parse /proc/PID/environ: its entries, and whether the block looks unchanged since execve(2).

    An unchanged block is a sequence of strings "NAME=...". An empty block is suspect: a process can
    point the kernel elsewhere (PR_SET_MM).
    """
    entries = text.split(b"\0")
    last = entries.pop()
    is_whole = bool(entries) and not last and all([b"=" in entry for entry in entries])  # noqa: C419
    if last:
        entries.append(last)
    return entries, is_whole


def decode(raw: bytes) -> str:
    """Decode bytes from the kernel; invalid UTF-8 becomes surrogates, as in os.fsdecode()."""
    return raw.decode("utf-8", "surrogateescape")


def parse_name(text: bytes) -> str:
    """Parse the name in /proc/PID/status; the kernel escapes newline and backslash in it.

    Source: fs/proc/array.c, proc_task_name(). parse_status() strips leading and trailing spaces.
    """
    if not text.startswith(b"Name:\t"):
        raise ValueError("no name in /proc/PID/status")
    raw = text[len(b"Name:\t") :].split(b"\n", 1)[0]
    if b"\\" in raw:  # rare
        raw = re.sub(rb"\\([n\\])", lambda found: b"\n" if found[1] == b"n" else b"\\", raw)
    return decode(raw)


def parse_bits(fields: dict[str, bytes], name: str) -> int | None:
    """Return a hexadecimal set in /proc/PID/status, such as CapPrm; None: no such field."""
    return int(fields[name], 16) if name in fields else None


def parse_numbers(fields: dict[str, bytes], name: str) -> tuple[int, ...] | None:
    """Return all numbers in a field of /proc/PID/status, such as Uid; None: no such field."""
    return tuple(map(int, fields[name].split())) if name in fields else None


# Address, permissions, offset, device, inode, path; the kernel escapes newlines in the path.
# With [^ \n] instead of [^ ], this would take twice as long. Without bounds, a text full of
# newlines would take hours.
_CODE = re.compile(
    rb"\n[^ ]{1,40} ..x. [^ ]{1,20} ([^ ]{1,20} [^ ]{1,20}) {1,100}(/[^\n]*)",
)


MOST_CODE_FILES = 4096
"""How many files with code parse_code_files() returns at most, plus one: then there are more."""

_LONG_MAPS = 1 << 19  # to parse line by line, which is slower but can be stopped


def parse_code_files(text: bytes) -> list[tuple[bytes, bytes]]:
    """Parse /proc/PID/maps: the files whose code is mapped, ordered by address.

    Each is (device and inode, path), listed once for consecutive mappings.
    """
    text = b"\n" + text
    is_long = len(text) > _LONG_MAPS
    lines = ((m[1], m[2]) for m in _CODE.finditer(text)) if is_long else _CODE.findall(text)
    found: list[tuple[bytes, bytes]] = []
    for file in lines:
        if not found or found[-1] != file:
            found.append(file)
            if len(found) > MOST_CODE_FILES:
                break
    return found


def identity_in_maps(found: os.stat_result) -> str:
    """Return the device and the inode of a file as they are written in /proc/PID/maps."""
    device = found.st_dev
    return f"{os.major(device):02x}:{os.minor(device):02x} {found.st_ino}"


def belongs_to_root(found: os.stat_result) -> bool:
    """Return whether a file belongs to root, and others cannot write to it."""
    return found.st_uid == 0 and not found.st_mode & 0o022


def identify(found: os.stat_result) -> tuple[str, bool]:
    """Return the device and inode of a file, as in maps, and whether it belongs to root."""
    return identity_in_maps(found), belongs_to_root(found)


def unescape_path(raw: bytes) -> bytes:
    r"""Unescape a path of /proc/PID/maps: the kernel escapes only a newline, as \012."""
    return raw.replace(rb"\012", b"\n")


def parse_id_map(text: bytes) -> list[tuple[int, int, int]]:
    """Parse /proc/PID/uid_map: (first id inside, first id outside, count); user_namespaces(7)."""
    rows = []
    for line in text.split(b"\n"):
        if line.strip():
            inside, outside, count = map(int, line.split())
            rows.append((inside, outside, count))
    return rows


def parse_auxv(text: bytes, bits: int) -> dict[int, int]:
    """Parse /proc/PID/auxv, in this machine's byte order, into {type: value} of getauxval(3)."""
    size = bits // 8
    count = len(text) // size
    words = unpack(f"={count}{'I' if bits == 32 else 'Q'}", text[: count * size])
    return dict(zip(words[::2], words[1::2], strict=False))


# Compiled on first use: without systemd, nothing needs them.
_UNIT = rb"(?m)/([^/\n]+\.service)(?=/|$)"
_MANAGER = rb"user@\d+\.service"


def parse_unit(cgroup: bytes) -> str | None:
    """Return the systemd service in a /proc/PID/cgroup, prefixed by "--user " for a user service.

    Returns None if the process belongs to a session, a container or nothing. Source:
    systemd.unit(5), cgroups(7).
    """
    units = re.findall(_UNIT, cgroup)
    own = [unit for unit in units if not re.fullmatch(_MANAGER, unit)]
    if not own:
        return None
    prefix = "--user " if len(own) < len(units) else ""
    return prefix + decode(own[-1])
