"""Parsers of what others write: they read back what was written, and refuse what is damaged.

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
from typing import Any

import pytest

import elf_files
import support
from process_hardening.audit import host, procfs, select
from process_hardening.audit.posture import FILE, PIPE, SOCKET, CoreRules, core_rules_of
from process_hardening.audit.render.json import readable
from process_hardening.elf import DamagedElfError, Image, read_image
from process_hardening.secret_names import secret_arguments
from process_hardening.terminal import printable

hypothesis = support.import_module("hypothesis")
st = support.import_module("hypothesis.strategies")

CORPUS = Path(__file__).with_name("corpus")
LIMIT = st.integers(0, procfs.UNLIMITED)
NUMBER = st.integers(0, 1 << 32)
KERNEL = (6, 18)


def read_seeds(name: str) -> list[bytes]:
    """Return the corpus of a parser."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def read_seed(name: str) -> bytes:
    """Return the real file in the corpus of a parser."""
    return (CORPUS / name / "real").read_bytes()


def try_many(check: Callable[..., None], *strategies: Any, examples: int = 100) -> None:
    """Call a check with many examples, the same in every run."""
    settings = hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )

    def run(values: tuple[Any, ...]) -> None:
        check(*values)

    settings(hypothesis.given(st.tuples(*strategies))(run))()


def replace_line(text: bytes, label: bytes, line: bytes) -> bytes:
    """Return a text of /proc with the line that begins with a label replaced."""
    return b"\n".join(line if old.startswith(label) else old for old in text.split(b"\n"))


def escape(path: bytes) -> bytes:
    """Return a path as /proc/PID/maps shows it (fs/proc/task_mmu.c: seq_path with newlines)."""
    return path.replace(b"\n", rb"\012")


def make_text(without: str, least: int = 1, most: int = 20) -> Any:
    """Return a strategy for bytes without the given ones and without NUL; separators are common."""
    special = st.sampled_from([value for value in b"\n \t\\:=/-" if chr(value) not in without])
    others = st.sampled_from([value for value in range(1, 256) if chr(value) not in without])
    return st.lists(st.one_of(special, others), min_size=least, max_size=most).map(bytes)


def test_a_core_limit_is_read_back() -> None:
    def check(soft: int, hard: int) -> None:
        words = ["unlimited" if value == procfs.UNLIMITED else str(value) for value in (soft, hard)]
        line = f"Max core file size        {words[0]:<20} {words[1]:<20} bytes     ".encode()
        text = replace_line(read_seed("limits"), b"Max core file size", line)
        assert procfs.parse_core_limit(text) == (soft, hard)

    try_many(check, LIMIT, LIMIT)


def test_the_fields_of_a_status_are_read_back_whatever_the_name_is() -> None:
    """A process chooses its name; it cannot write a field with it (fs/proc/array.c)."""

    def check(name: bytes, parent: int, tracer: int, uids: list[int], capabilities: int) -> None:
        escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        text = replace_line(read_seed("status"), b"Name:", b"Name:\t" + escaped)
        for label, value in (
            ("PPid", str(parent)),
            ("TracerPid", str(tracer)),
            ("Uid", "\t".join(map(str, uids))),
            ("CapEff", f"{capabilities:016x}"),
        ):
            text = replace_line(text, f"{label}:".encode(), f"{label}:\t{value}".encode())

        fields = procfs.parse_asked(text)
        assert procfs.parse_name(text) == procfs.decode(name)
        assert procfs.parse_number(fields, "PPid") == parent
        assert procfs.parse_number(fields, "TracerPid") == tracer
        assert procfs.parse_numbers(fields, "Uid") == tuple(uids)
        assert procfs.parse_bits(fields, "CapEff") == capabilities

    names = st.one_of(make_text(""), st.just(b"x\nPPid:\t1\nUid:\t0\t0\t0\t0"))
    uids = st.lists(NUMBER, min_size=4, max_size=4)
    try_many(check, names, NUMBER, NUMBER, uids, st.integers(0, (1 << 64) - 1))


def test_an_environment_is_read_back() -> None:
    def check(entries: list[bytes]) -> None:
        text = b"".join(entry + b"\0" for entry in entries)
        assert procfs.split_environ(text) == (entries, bool(entries))

    entry = st.tuples(make_text("="), make_text("", least=0)).map(b"=".join)
    try_many(check, st.lists(entry, max_size=8))


def test_the_files_with_mapped_code_are_read_back() -> None:
    def check(mappings: list[tuple[bool, bytes]]) -> None:
        text = b""
        for number, (is_code, path) in enumerate(mappings):
            permissions = b"r-xp" if is_code else b"r--p"
            text += b"7f00-7f01 %b 00000000 08:01 %d   /%b\n" % (permissions, number, escape(path))
        expected = [
            (b"08:01 %d" % number, b"/" + path)
            for number, (is_code, path) in enumerate(mappings)
            if is_code
        ]
        found = procfs.parse_code_files(text)
        assert [(file, procfs.unescape_path(path)) for file, path in found] == expected

    try_many(check, st.lists(st.tuples(st.booleans(), make_text("\\")), max_size=6))


def test_an_id_map_is_read_back() -> None:
    def check(rows: list[tuple[int, int, int]]) -> None:
        text = "".join(f"{inside:10} {outside:10} {count:10}\n" for inside, outside, count in rows)
        assert procfs.parse_id_map(text.encode()) == rows

    try_many(check, st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=5))


@pytest.mark.parametrize("bits", [32, 64])
def test_an_auxiliary_vector_is_read_back(bits: int) -> None:
    def check(values: dict[int, int]) -> None:
        pairs = [*values.items(), (0, 0)]
        words = (word.to_bytes(bits // 8, "little") for pair in pairs for word in pair)
        assert procfs.parse_auxv(b"".join(words), bits) == {**values, 0: 0}

    word = st.integers(1, (1 << bits) - 1)
    try_many(check, st.dictionaries(word, word, max_size=8))


@pytest.mark.parametrize(
    ("first", "kind", "rest"), [("", FILE, ""), ("|", PIPE, " %p"), ("@", SOCKET, "")]
)
def test_where_cores_go_is_read_back(first: str, kind: str, rest: str) -> None:
    def check(path: str) -> None:
        pattern = f"{first}/x{path}{rest}"
        expected = CoreRules(pattern=pattern, kind=kind, target=f"/x{path}")
        assert core_rules_of(pattern, False, KERNEL) == expected

    try_many(check, st.text("abc./%-_", max_size=20))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_libraries_of_a_program_are_read_back(bits: int) -> None:
    def check(libraries: list[str]) -> None:
        image = parse_elf(elf_files.make_elf(bits=bits, needed=libraries))
        assert image is not None
        assert (image.bits, image.needed) == (bits, tuple(libraries))

    name = st.text("abcdefgh.-_", min_size=1, max_size=20)
    try_many(check, st.lists(name, max_size=6))


def test_a_secret_on_a_command_line_is_named_without_its_value() -> None:
    def check(before: list[bytes], value: bytes, is_one_word: bool) -> None:
        handed_over = [b"--password=" + value] if is_one_word else [b"--password", value]
        names = secret_arguments([*before, *handed_over])
        assert "--password" in names
        assert not any(procfs.decode(value) in name for name in names)

    words = st.lists(make_text("-=", most=8), max_size=3)
    value = st.text("XYZ123456789", min_size=8, max_size=20).map(str.encode)
    try_many(check, words, value, st.booleans())


def test_the_findings_of_an_earlier_audit_are_read_back() -> None:
    def check(processes: list[list[str]]) -> None:
        findings = [[{"fingerprint": text} for text in texts] for texts in processes]
        document = {"schema": 1, "processes": [{"findings": list(each)} for each in findings]}
        expected = {text for texts in processes for text in texts}
        assert select.known_from(json.loads(json.dumps(document))) == expected

    try_many(check, st.lists(st.lists(st.text("abc", max_size=4), max_size=3), max_size=3))


def parse_elf(data: bytes) -> Image | None:
    """Return what read_image() reads from a file with these bytes."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        return read_image(fd, "/fuzz")
    finally:
        os.close(fd)


def parse_status(data: bytes) -> None:
    """Both readers of /proc/PID/status agree, and a name can be shown anywhere."""
    name = procfs.parse_name(data)
    assert all(character.isprintable() for character in printable(name))
    readable(name).encode("utf-8")
    fields = procfs.parse_status(data)
    assert all(b":" in line for line in data.removesuffix(b"\n").split(b"\n"))
    asked = procfs.parse_asked(data)
    known = procfs.parse_asked(read_seed("status"))
    assert asked == {label: fields[label] for label in known if label in fields}
    for label in ("Uid", "TracerPid", "PPid", "Threads"):
        procfs.parse_number(fields, label)
        procfs.parse_numbers(fields, label)
    procfs.parse_bits(fields, "CapEff")


def parse_environ(data: bytes) -> None:
    """No byte of an environment is lost, and one that was overwritten is not called whole."""
    entries, is_whole = procfs.split_environ(data)
    assert b"\0".join(entries) == data.removesuffix(b"\0")
    assert is_whole == (data.endswith(b"\0") and all(b"=" in entry for entry in entries))


def parse_maps(data: bytes) -> None:
    """Every path is the end of a line of its own."""
    lines = set(data.split(b"\n"))
    for _, path in procfs.parse_code_files(data):
        assert path.startswith(b"/")
        assert any(line.endswith(path) for line in lines)


def parse_program(data: bytes) -> None:
    """A file is a program, damaged, or no ELF file; the last by its first bytes alone."""
    with contextlib.suppress(DamagedElfError):
        assert (parse_elf(data) is None) == (not data.startswith(b"\x7fELF"))


def parse_core_pattern(data: bytes) -> None:
    """A pattern always has a kind, by its first character."""
    pattern = procfs.decode(data)
    rules = core_rules_of(pattern, False, KERNEL)
    assert rules.kind is not None
    assert (rules.kind == SOCKET) == pattern.startswith("@")
    assert rules.kind != PIPE or pattern.startswith("|")


def parse_host(data: bytes) -> None:
    """A host whose files hold these bytes can be read."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("proc/swaps", "proc/self/mountinfo", "etc/group", "etc/ld.so.preload"):
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        host.read_host(folder, try_exit_race=False)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "status": parse_status,
    "limits": procfs.parse_core_limit,
    "environ": parse_environ,
    "maps": parse_maps,
    "auxv": lambda data: [procfs.parse_auxv(data, bits) for bits in (32, 64)],
    "elf": parse_program,
    "uid_map": procfs.parse_id_map,
    "core_pattern": parse_core_pattern,
    "cmdline": lambda data: secret_arguments(data.split(b"\0")),
    "baseline": lambda data: select.known_from(json.loads(data)),
    "swaps": parse_host,
}

REFUSING = {"status", "limits", "uid_map", "baseline"}
"""The parsers that raise ValueError for what the kernel cannot write; the others take any bytes."""


def parse_anything(name: str, data: bytes) -> None:
    """Parse any bytes: the only error may be the documented one."""
    try:
        PARSERS[name](data)
    except ValueError:
        assert name in REFUSING


@pytest.mark.parametrize("name", PARSERS)
def test_what_once_broke_a_parser_breaks_it_no_more(name: str) -> None:
    assert read_seeds(name), "a parser without a corpus"
    for data in read_seeds(name):
        parse_anything(name, data)


@pytest.mark.parametrize("name", PARSERS)
def test_a_damaged_file_is_read_or_refused(name: str) -> None:
    """Real files with parts replaced, and plain noise."""
    pieces = st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\0", b"\n", b"=", b"/", b" ", b":", b"\xff" * 8, b"r-xp", b"-"]),
    )
    damage = st.lists(
        st.tuples(st.integers(0, 1 << 16), st.integers(0, 8), pieces),
        max_size=6,
    )

    def check(data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        damaged = bytearray(data)
        for at, length, piece in edits:
            start = at % (len(damaged) + 1)
            damaged[start : start + length] = piece
        parse_anything(name, bytes(damaged))

    examples = 40 if name == "swaps" else 250
    try_many(check, st.sampled_from([*read_seeds(name), b""]), damage, examples=examples)


@pytest.mark.parametrize("name", sorted(PARSERS.keys() - {"baseline"}))
def test_a_long_file_of_one_thing_is_parsed(name: str) -> None:
    """A parser that is quadratic in its input would not come back."""
    size = 200_000 if name in ("elf", "swaps") else 1_000_000
    for piece in (b"\0", b"\n", b"=", b"a", b"A=", b"/", b" ", b"-", b"a:", b"://", b"sk-", b"eyJ",
                  b"7f-8f r-xp 0 0:0 1 /a\n", b"--password\0", b"\x7fELF"):  # fmt: skip
        parse_anything(name, piece * (size // len(piece)))
