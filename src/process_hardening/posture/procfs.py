"""The text of /proc to values; no judgement (proc(5)).

Every parser takes the bytes that the kernel wrote and raises ValueError when they are not what
the manual page says.
"""

from __future__ import annotations

UNLIMITED = (1 << 64) - 1


def parse_status(text: bytes) -> dict[str, bytes]:
    """/proc/PID/status: field name to the rest of its line; the kernel escapes newlines."""
    fields: dict[str, bytes] = {}
    # Not splitlines(): the kernel escapes newlines in names, but not carriage returns.
    for line in text.removesuffix(b"\n").split(b"\n") if text else ():
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError("a line without a colon in /proc/PID/status")
        fields.setdefault(name.decode("ascii", "backslashreplace"), value.strip())
    return fields


def parse_number(fields: dict[str, bytes], name: str, position: int = 0) -> int | None:
    """A number in a field of /proc/PID/status; None when this kernel has no such field."""
    if name not in fields:
        return None
    numbers = fields[name].split()
    if position >= len(numbers):
        raise ValueError(f"too few numbers in {name} of /proc/PID/status")
    return int(numbers[position])


def parse_core_limit(text: bytes) -> tuple[int, int]:
    """/proc/PID/limits: RLIMIT_CORE in bytes, soft and hard; UNLIMITED for "unlimited"."""
    for line in text.splitlines():
        if line.startswith(b"Max core file size"):
            soft, hard = line[len("Max core file size") :].split()[:2]
            return (
                UNLIMITED if soft == b"unlimited" else int(soft),
                UNLIMITED if hard == b"unlimited" else int(hard),
            )
    raise ValueError("no core file size in /proc/PID/limits")


def parse_environ(text: bytes, leave_out: bytes = b"") -> list[str]:
    """/proc/PID/environ: the names of the variables, never their values.

    leave_out -- one entry "NAME=VALUE" that is not to be told: our own in LD_PRELOAD
    """
    names = []
    for entry in text.split(b"\0"):
        name, equals, _ = entry.partition(b"=")
        if equals and name and entry != leave_out:
            names.append(name.decode("utf-8", "surrogateescape"))
    return names
