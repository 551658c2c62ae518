"""The parsers of /proc, and what they make of text that the kernel never writes."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from process_hardening.audit.procfiles import FOLDER, read_file
from process_hardening.audit.procfs import (
    parse_asked,
    parse_code_files,
    parse_core_limit,
    parse_id_map,
    parse_name,
    parse_number,
    parse_status,
    split_environ,
)
from process_hardening.state import UNLIMITED

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


def test_a_list_of_several_pages_is_read_whole() -> None:
    """The kernel returns it in chunks (seq_file): the stack is at the end of maps."""
    folder = os.open("/proc/self", FOLDER)
    try:
        maps = read_file(folder, "maps")
    finally:
        os.close(folder)
    assert maps is not None
    assert len(maps) > resource.getpagesize()
    assert b"[stack]" in maps


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
        (parse_core_limit, b"\nMax core file size\n"),
        (parse_core_limit, b"\nMax core file size 0\n"),
        (parse_core_limit, b"\nMax core file size none none bytes\n"),
        (parse_core_limit, b"\nMax core file size unlimite 0 bytes\n"),
    ],
)
def test_malformed_text_is_a_value_error(parse: Callable[[bytes], object], text: bytes) -> None:
    """What is not as the manual page says is never guessed at."""
    with pytest.raises(ValueError):  # noqa: PT011  # int() has words of its own
        parse(text)


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
    ("text", "is_whole"),
    [
        (b"A=1\0B=\0", True),
        (b"=\0", True),
        (b"", False),
        (b"\0", False),
        (b"A=1", False),
        (b"A=1\0\0B=2\0", False),
        (b"\0A=1\0", False),
        (b"A=1\0\0", False),
        (b"A=1\0----\0", False),
    ],
)
def test_whether_an_environment_is_as_it_was_laid(text: bytes, is_whole: bool) -> None:
    """A hole, an entry without "=", a missing end: somebody wrote there."""
    entries, found = split_environ(text)
    assert found is is_whole
    assert b"\0".join(entries) == text.removesuffix(b"\0")


@pytest.mark.parametrize(
    ("raw", "name"),
    [(b"a", "a"), (rb"a\nb", "a\nb"), (rb"a\\n", r"a\n"), (b" a\r ", " a\r "), (b"", ""),
     (b"\xff", "\udcff"), (rb"\x", r"\x")],
)  # fmt: skip
def test_the_name(raw: bytes, name: str) -> None:
    """As the process has it, spaces at its ends too."""
    assert parse_name(b"Name:\t" + raw + b"\nUid:\t0\n") == name


def test_a_name_is_no_field() -> None:
    """What a process calls itself is never taken for what the kernel says."""
    fields = parse_asked(b"Name:\t\rUid:\t0 VmSize:\nUid:\t1\t2\t3\t4\nCapEff:\t00ff\n")
    assert fields == {"Uid": b"1\t2\t3\t4", "CapEff": b"00ff"}


def test_code_files() -> None:
    """Executable mappings of files, once for neighbours; a path cannot pass for permissions."""
    text = (
        b"1000-2000 r--p 00000000 fe:00 17    /a\n"
        b"2000-3000 r-xp 00001000 fe:00 17    /a\n"
        b"3000-4000 r-xp 00002000 fe:00 17    /a\n"
        b"4000-5000 rwxp 00000000 00:00 0 \n"
        b"5000-6000 r--p 00000000 fe:00 18    /x r-xp 0 0:0 1 /not-code\n"
        b"6000-7000 --xp 00000000 00:00 0     [vsyscall]\n"
        b"7000-8000 r-xs 00000000 fe:00 19    /with space (deleted)\n"
    )
    assert parse_code_files(text) == [
        (b"fe:00 17", b"/a"),
        (b"fe:00 19", b"/with space (deleted)"),
    ]


def test_id_maps() -> None:
    """Rows of three numbers, or an error."""
    assert parse_id_map(b"  0  1000  1\n 1 100000 65536\n") == [(0, 1000, 1), (1, 100000, 65536)]
    with pytest.raises(ValueError, match="unpack"):
        parse_id_map(b"0 1\n")
