"""The parsers that an audit needs beside those of tests/unit/test_procfs.py."""

from __future__ import annotations

import pytest

from process_hardening.audit.procfs import (
    parse_asked,
    parse_code_files,
    parse_id_map,
    parse_name,
    split_environ,
)


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
