"""Parsers of what others write: they read back what was written, and refuse what is damaged.

The corpus in corpus/NAME is where hypothesis begins: real files, and every input that once broke
something. Add a file there for each new one; it is tried in every run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import elf_files
import support
from fuzz.targets import KERNEL, TARGETS, parse_elf, read_seed, read_seeds, try_target
from process_hardening.audit import loader_lists, procfs, saved
from process_hardening.audit.core_dumps import FILE, PIPE, SOCKET, CoreRules, core_rules_of
from process_hardening.secret_names import secret_arguments
from process_hardening.state import UNLIMITED

hypothesis = support.import_module("hypothesis")
st = support.import_module("hypothesis.strategies")

LIMIT = st.integers(0, UNLIMITED)
NUMBER = st.integers(0, 1 << 32)


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
        words = ["unlimited" if value == UNLIMITED else str(value) for value in (soft, hard)]
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


def read_list_in(folder: Path, memory: bytes) -> loader_lists.Lists:
    """Return the loader's lists in the memory of a process whose dynamic section is at 0."""
    (folder / "auxv").write_bytes(bytes(16))
    (folder / "mem").write_bytes(memory)
    lists, _ = loader_lists.read_lists(str(folder), bits=64, entry=0, dynamic=0)
    return lists


# Tags with their values, and the end of the dynamic section; a struct r_debug; a struct link_map.
DT_DEBUG = 21
DYNAMIC, DEBUG, LINK = struct.Struct("<6Q"), struct.Struct("<6Q"), struct.Struct("<4Q")


def test_the_last_of_repeated_tags_counts(tmp_path: Path) -> None:
    """The loader writes the address of its list into the last DT_DEBUG (glibc's elf/rtld.c)."""
    memory = bytearray(1024)
    DYNAMIC.pack_into(memory, 0, DT_DEBUG, 64, DT_DEBUG, 128, 0, 0)
    DEBUG.pack_into(memory, 64, 1, 256, 0, 0, 0, 0)
    DEBUG.pack_into(memory, 128, 1, 512, 0, 0, 0, 0)
    LINK.pack_into(memory, 256, 0, 0, 1, 0)
    LINK.pack_into(memory, 512, 0, 0, 0, 0)
    assert read_list_in(tmp_path, bytes(memory)) == [[(0, b"")]]


@pytest.mark.parametrize(("debug", "link"), [(64, 0), (0, 512)])
def test_a_list_without_end_is_unreadable(tmp_path: Path, debug: int, link: int) -> None:
    """Each namespace, or each library, leads to itself."""
    memory = bytearray(1024)
    DYNAMIC.pack_into(memory, 0, DT_DEBUG, 64, 0, 0, 0, 0)
    DEBUG.pack_into(memory, 64, 2, 512, 0, 0, 0, debug)
    LINK.pack_into(memory, 512, 0, 0, 0, link)
    with pytest.raises(loader_lists.UnreadableListError):
        read_list_in(tmp_path, bytes(memory))


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
        expected = frozenset(text for texts in processes for text in texts)
        assert saved.read_known(json.loads(json.dumps(document))) == (expected, "")

    try_many(check, st.lists(st.lists(st.text("abc", max_size=4), max_size=3), max_size=3))


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_broke_a_parser_breaks_it_no_more(name: str) -> None:
    assert read_seeds(name), "a parser without a corpus"
    for data in read_seeds(name):
        try_target(name, data)


@pytest.mark.parametrize("name", TARGETS)
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
        try_target(name, bytes(damaged))

    examples = 40 if name == "swaps" else 250
    try_many(check, st.sampled_from([*read_seeds(name), b""]), damage, examples=examples)


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"baseline"}))
def test_a_long_file_of_one_thing_is_parsed(name: str) -> None:
    """A parser that is quadratic in its input would not come back."""
    size = 200_000 if name in ("elf", "swaps") else 400_000
    for piece in (b"\0", b"\n", b"=", b"a", b"A=", b"/", b" ", b"-", b"a:", b"://", b"sk-", b"eyJ",
                  b"7f-8f r-xp 0 0:0 1 /a\n", b"--password\0", b"\x7fELF"):  # fmt: skip
        try_target(name, piece * (size // len(piece)))
