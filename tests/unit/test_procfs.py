"""The parsers of /proc, and what they make of text that the kernel never writes."""

from __future__ import annotations

import contextlib
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from process_hardening.hardening import verdict_of
from process_hardening.audit.procfs import (
    UNLIMITED,
    parse_core_limit,
    parse_environ,
    parse_number,
    parse_status,
)

STATUS = (
    b"Name:\tbash\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t17\nTracerPid:\t0\n"
    b"Uid:\t1000\t0\t1000\t1000\nGroups:\t \nVmSize:\t    4 kB\nNoNewPrivs:\t1\nSeccomp:\t2\n"
)
LIMITS = (
    b"Limit                     Soft Limit           Hard Limit           Units     \n"
    b"Max data size             unlimited            unlimited            bytes     \n"
    b"Max core file size        %s %s bytes     \n"
    b"Max resident set          unlimited            unlimited            bytes     \n"
)


def limits(soft: bytes, hard: bytes) -> bytes:
    """The text of /proc/PID/limits with these limits."""
    return LIMITS % (soft.ljust(20), hard.ljust(20))


def numbers_of(text: bytes) -> None:
    """What read_posture() takes from /proc/PID/status."""
    fields = parse_status(text)
    for name, position in (("Uid", 1), ("TracerPid", 0), ("Seccomp", 0), ("NoNewPrivs", 0)):
        parse_number(fields, name, position)


def test_status_becomes_fields() -> None:
    """Each line is a name and the rest."""
    fields = parse_status(STATUS)
    assert fields["Name"] == b"bash"
    assert fields["Groups"] == b""
    assert fields["VmSize"] == b"4 kB"
    assert len(fields) == STATUS.count(b"\n")
    assert parse_number(fields, "Uid") == 1000
    assert parse_number(fields, "Uid", 1) == 0
    assert parse_number(fields, "Seccomp") == 2
    assert parse_number(fields, "Speculation") is None
    assert parse_status(b"") == {}


@pytest.mark.parametrize(
    "name", [rb"a\nUid:", b"a:b", b"a\rb", b"a\rUid:\t0 0", b"a\x0bUid:\t0", b"\xff\xfe", b"", b")"]
)
def test_a_name_cannot_pass_for_another_field(name: bytes) -> None:
    """The kernel escapes a newline in it and nothing else."""
    fields = parse_status(STATUS.replace(b"bash", name))
    assert fields["Name"] == name
    assert parse_number(fields, "Uid") == 1000
    assert len(fields) == STATUS.count(b"\n")


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (b"0", b"0", (0, 0)),
        (b"0", b"unlimited", (0, UNLIMITED)),
        (b"unlimited", b"unlimited", (UNLIMITED, UNLIMITED)),
        (b"4096", b"18446744073709551614", (4096, 2**64 - 2)),
    ],
)
def test_the_core_limit(soft: bytes, hard: bytes, expected: tuple[int, int]) -> None:
    """In bytes, as the kernel prints it."""
    assert parse_core_limit(limits(soft, hard)) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"", []),
        (b"A=1\0B=2\0", ["A", "B"]),
        (b"A=1\0A=2\0", ["A", "A"]),
        (b"A=1\0B=2", ["A", "B"]),  # a program wrote over the last NUL
        (b"A=b=c\0EMPTY=\0", ["A", "EMPTY"]),
        (b"\0\0\0A=1\0\0", ["A"]),
        (b"no entry\0=x\0A=1\0", ["A"]),
        (b"\xff\xfe=secret\0", ["\udcff\udcfe"]),
        (b"OURS=1\0OURS=2\0", ["OURS"]),
    ],
)
def test_environ_gives_names_and_never_values(text: bytes, names: list[str]) -> None:
    """Wiped entries leave empty ones; of our own entry exactly that one is left out."""
    assert parse_environ(text, leave_out=b"OURS=1") == names


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_status, b"Name bash\n"),
        (parse_status, b"\n"),
        (parse_status, b"Name:\tbash\n\nPid:\t1\n"),
        (numbers_of, b"Uid:\t\n"),
        (numbers_of, b"Uid:\t1000\n"),
        (numbers_of, b"Uid:\t1000\troot\n"),
        (numbers_of, b"TracerPid:\tnone\n"),
        (numbers_of, b"TracerPid:\t0x10\n"),
        (numbers_of, b"Seccomp:\n"),
        (parse_core_limit, b""),
        (parse_core_limit, b"Max data size 0 0 bytes\n"),
        (parse_core_limit, b"Max core file size\n"),
        (parse_core_limit, b"Max core file size 0\n"),
        (parse_core_limit, b"Max core file size none none bytes\n"),
        (parse_core_limit, b"Max core file size unlimite 0 bytes\n"),
    ],
)
def test_malformed_text_is_a_value_error(parse: Callable[[bytes], object], text: bytes) -> None:
    """What is not as the manual page says is never guessed at."""
    with pytest.raises(ValueError):  # noqa: PT011  # int() has words of its own
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [(numbers_of, STATUS), (parse_core_limit, limits(b"0", b"unlimited")), (parse_environ, b"A=1")],
)
def test_random_text_is_at_worst_a_value_error(
    parse: Callable[[bytes], object], text: bytes
) -> None:
    """No other exception comes out of any bytes."""
    generator = random.Random(len(text))  # noqa: S311  # the same text in every run
    for _ in range(2000):
        damaged = bytearray(text)
        for _ in range(generator.randint(1, 8)):
            at = generator.randrange(len(damaged) + 1)
            damaged[at : at + generator.randint(0, 2)] = generator.choice(
                [b"", b"\n", b"\t", b":", b"\0", b"\xff", b"9", b"-"]
            )
        with contextlib.suppress(ValueError):
            parse(bytes(damaged))


def test_the_text_of_this_kernel() -> None:
    """The manual page is about it, too."""
    fields = parse_status(Path("/proc/self/status").read_bytes())
    assert parse_number(fields, "Pid") == os.getpid()
    assert parse_number(fields, "Uid", 1) == os.geteuid()
    assert parse_number(fields, "NoNewPrivs") in (0, 1)
    soft, hard = (
        UNLIMITED if limit == resource.RLIM_INFINITY else limit
        for limit in resource.getrlimit(resource.RLIMIT_CORE)
    )
    assert parse_core_limit(Path("/proc/self/limits").read_bytes()) == (soft, hard)


@pytest.mark.parametrize(
    ("inspectable", "dumpable", "core_limit", "tracer_pid", "variables", "expected"),
    [
        (False, 0, (0, 0), 0, (), "hardened"),
        (False, 0, (0, 0), None, None, "hardened"),
        (False, 0, (0, UNLIMITED), 0, (), "partial"),
        (False, 0, (1, 1), 0, (), "partial"),
        (False, 0, None, 0, (), "partial"),
        (False, 0, (0, 0), 5, (), "partial"),
        (False, 0, (0, 0), 0, ("LD_X",), "partial"),
        (False, 2, (0, 0), 0, (), "partial"),
        (False, None, (0, 0), 0, (), "hardened"),
        (True, 1, (0, 0), 0, (), "exposed"),
        (True, 1, (0, UNLIMITED), 5, ("LD_X",), "exposed"),
        (None, None, (0, 0), 0, (), "unknown"),
        (None, None, (0, UNLIMITED), 0, ("LD_X",), "unknown"),
    ],
)
def test_the_verdict(
    inspectable: bool | None,
    dumpable: int | None,
    core_limit: tuple[int, int] | None,
    tracer_pid: int | None,
    variables: tuple[str, ...] | None,
    expected: str,
) -> None:
    """Readable is exposed, whatever else; one thing left open makes it partial."""
    assert verdict_of(inspectable, dumpable, core_limit, tracer_pid, variables) == expected
