"""Every parser of what others write: any bytes are at worst the error that it documents.

The corpus in corpus/NAME is where hypothesis begins: real files, and every input that once broke
something. Add a file there for each new one; it is tried in every run.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from process_hardening.audit import host, procfs
from process_hardening.audit.posture import core_rules_of
from process_hardening.audit.render.json import readable
from process_hardening.audit.select import known_from
from process_hardening.elf import DamagedElfError, read_image
from process_hardening.secret_names import is_secret_name, secret_arguments
from process_hardening.terminal import printable

hypothesis = support.module("hypothesis")
strategies = support.module("hypothesis.strategies")

CORPUS = Path(__file__).with_name("corpus")


def of_status(data: bytes) -> None:
    """/proc/PID/status."""
    fields = procfs.parse_status(data)
    for name, value in procfs.parse_asked(data).items():
        assert fields.get(name, value) == value
    for name in ("Uid", "TracerPid", "PPid", "Threads"):
        procfs.parse_number(fields, name)
        procfs.parse_numbers(fields, name)
    procfs.parse_bits(fields, "CapEff")
    name = procfs.parse_name(data)
    assert all(c.isprintable() for c in printable(name))
    readable(name).encode("utf-8")


def of_environ(data: bytes) -> None:
    """/proc/PID/environ."""
    entries, is_whole = procfs.split_environ(data)
    assert b"\0".join(entries) == data.removesuffix(b"\0")
    if is_whole:
        assert all(b"=" in entry for entry in entries)
    for entry in entries:
        is_secret_name(procfs.decode(entry.partition(b"=")[0]))


def of_maps(data: bytes) -> None:
    """/proc/PID/maps: no path has a newline in it, or is of no line of its own."""
    lines = set(data.split(b"\n"))
    for _, path in procfs.parse_code_files(data):
        assert path.startswith(b"/")
        assert any(line.endswith(path) for line in lines)


def of_elf(data: bytes) -> None:
    """The file of a program."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        with contextlib.suppress(DamagedElfError):
            image = read_image(fd, "program")
            assert image is None or all("\0" not in name for name in image.needed)
    finally:
        os.close(fd)


def of_core_pattern(data: bytes) -> None:
    """kernel.core_pattern."""
    rules = core_rules_of(procfs.decode(data), False, (6, 18))
    assert rules.kind is not None
    assert rules.is_relative in (True, False)


def of_cmdline(data: bytes) -> None:
    """/proc/PID/cmdline: what is told of a secret is never its value."""
    words = data.split(b"\0")
    for name in secret_arguments(words):
        assert name


def of_baseline(data: bytes) -> None:
    """The JSON of an earlier audit."""
    known_from(json.loads(data))


def of_swaps(data: bytes) -> None:
    """/proc/swaps, read with everything else of a host."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "proc/self").mkdir(parents=True)
        (Path(folder) / "etc").mkdir()
        for name in ("proc/swaps", "proc/self/mountinfo", "etc/group", "etc/ld.so.preload"):
            (Path(folder) / name).write_bytes(data)
        host.read_host(folder, try_exit_race=False)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "status": of_status,
    "limits": procfs.parse_core_limit,
    "environ": of_environ,
    "maps": of_maps,
    "auxv": lambda data: [procfs.parse_auxv(data, bits) for bits in (32, 64)],
    "elf": of_elf,
    "uid_map": procfs.parse_id_map,
    "core_pattern": of_core_pattern,
    "cmdline": of_cmdline,
    "baseline": of_baseline,
    "swaps": of_swaps,
}

# What the kernel cannot write, these refuse so; the others take any bytes.
MAY_REFUSE = {"status", "limits", "uid_map", "baseline"}


def try_one(name: str, data: bytes) -> None:
    """Parse something; the documented error is all that may come out."""
    try:
        PARSERS[name](data)
    except ValueError:
        assert name in MAY_REFUSE


def seeds(name: str) -> list[bytes]:
    """The corpus of a parser."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@pytest.mark.parametrize("name", PARSERS)
def test_the_corpus(name: str) -> None:
    """What broke something once breaks nothing now."""
    assert seeds(name), "a parser without a corpus"
    for data in seeds(name):
        try_one(name, data)


@pytest.mark.parametrize("name", PARSERS)
def test_damaged_files(name: str) -> None:
    """Real files with parts replaced, and plain noise."""
    corpus = seeds(name)
    pieces = strategies.one_of(
        strategies.binary(max_size=40),
        strategies.sampled_from([b"\0", b"\n", b"=", b"/", b" ", b":", b"\xff" * 8, b"r-xp", b"-"]),
    )
    damage = strategies.lists(
        strategies.tuples(strategies.integers(0, 1 << 16), strategies.integers(0, 8), pieces),
        max_size=6,
    )

    @hypothesis.settings(  # type: ignore[untyped-decorator]  # importorskip() gives Any
        max_examples=40 if name == "swaps" else 250,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(  # type: ignore[untyped-decorator]  # the same
        strategies.sampled_from([*corpus, b""]), damage
    )
    def run(data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        damaged = bytearray(data)
        for at, length, piece in edits:
            start = at % (len(damaged) + 1)
            damaged[start : start + length] = piece
        try_one(name, bytes(damaged))

    run()


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_takes_forever(name: str) -> None:
    """A megabyte of one thing over and over: what is quadratic would not come back."""
    for piece in (b"\0", b"\n", b"=", b"a", b"A=", b"/", b" ", b"-", b"a:", b"://", b"sk-", b"eyJ",
                  b"7f-8f r-xp 0 0:0 1 /a\n", b"--password\0"):  # fmt: skip
        if name == "baseline":
            continue
        try_one(name, piece * (200_000 // len(piece) if name == "elf" else 1_000_000 // len(piece)))
