"""Damaged programs are refused with one line and 126, and nothing is left of them."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import elf_files
import starts
import support

# Elf64_Ehdr and Elf64_Phdr (elf(5)): the offset of a field and its format.
HEADER = {"type": (16, "H"), "phoff": (32, "Q"), "phentsize": (54, "H"), "phnum": (56, "H")}
SEGMENT = {
    "type": (0, "I"),
    "offset": (8, "Q"),
    "vaddr": (16, "Q"),
    "filesz": (32, "Q"),
    "memsz": (40, "Q"),
    "align": (48, "Q"),
}
LOAD, DYNAMIC, INTERPRETER, STACK = 1, 2, 3, 0x6474E551
WORD = 1 << 64


class Elf:
    """An ELF program in memory, to be damaged."""

    def __init__(self, path: str) -> None:
        self.bytes = bytearray(Path(path).read_bytes())

    def get(self, name: str) -> int:
        """A field of the file's header."""
        offset, layout = HEADER[name]
        return int(struct.unpack_from(f"<{layout}", self.bytes, offset)[0])

    def set(self, name: str, value: int) -> None:
        """Change a field of the file's header."""
        offset, layout = HEADER[name]
        struct.pack_into(f"<{layout}", self.bytes, offset, value)

    def segments(self, kind: int) -> list[int]:
        """Where the headers of the segments of a kind are."""
        table = [self.get("phoff") + 56 * index for index in range(self.get("phnum"))]
        return [at for at in table if struct.unpack_from("<I", self.bytes, at)[0] == kind]

    def segment(self, at: int, name: str) -> int:
        """A field of a segment's header."""
        offset, layout = SEGMENT[name]
        return int(struct.unpack_from(f"<{layout}", self.bytes, at + offset)[0])

    def change(self, *headers: int, **fields: int) -> None:
        """Change fields of segments' headers."""
        for at in headers:
            for name, value in fields.items():
                offset, layout = SEGMENT[name]
                struct.pack_into(f"<{layout}", self.bytes, at + offset, value % WORD)


def first(elf: Elf) -> int:
    """The header of the first segment to load."""
    return elf.segments(LOAD)[0]


def overlap(elf: Elf) -> None:
    """Put the second segment where the first one is."""
    one, two = elf.segments(LOAD)[:2]
    elf.change(two, vaddr=elf.segment(one, "vaddr"), offset=elf.segment(one, "offset"))


def name_of_loader(name: bytes) -> Callable[[Elf], None]:
    """The damage that gives a program another dynamic loader."""

    def damage(elf: Elf) -> None:
        (at,) = elf.segments(INTERPRETER)
        offset = elf.segment(at, "offset")
        elf.bytes[offset : offset + len(name)] = name
        elf.change(at, filesz=len(name))

    return damage


DAMAGE: dict[str, Callable[[Elf], object]] = {
    "half a header": lambda elf: elf.bytes.__delitem__(slice(40, None)),
    "a quarter of the file": lambda elf: elf.bytes.__delitem__(slice(4096, None)),
    "a type of its own": lambda elf: elf.set("type", 9),
    "no segments": lambda elf: elf.set("phnum", 0),
    "too many segments": lambda elf: elf.set("phnum", 65535),
    "segments of an odd size": lambda elf: elf.set("phentsize", 40),
    "a table behind the end": lambda elf: elf.set("phoff", 1 << 40),
    "a table at the end of the world": lambda elf: elf.set("phoff", WORD - 8),
    "nothing to load": lambda elf: elf.change(*elf.segments(LOAD), type=0),
    "a segment behind the end": lambda elf: elf.change(first(elf), offset=1 << 30),
    "more in the file than in memory": lambda elf: elf.change(first(elf), memsz=1),
    "an endless segment": lambda elf: elf.change(first(elf), memsz=WORD - 1),
    "a segment that wraps around": lambda elf: elf.change(first(elf), vaddr=-4096, memsz=8192),
    "a segment of 1 PiB": lambda elf: elf.change(elf.segments(LOAD)[-1], memsz=1 << 50),
    "an alignment of 1 EiB": lambda elf: elf.change(first(elf), align=1 << 60),
    "a segment out of step with its page": lambda elf: elf.change(first(elf), offset=8),
    "overlapping segments": overlap,
    "a loader without a name": lambda elf: elf.change(elf.segments(INTERPRETER)[0], filesz=1),
    "a loader with an empty name": lambda elf: elf.change(elf.segments(INTERPRETER)[0], filesz=0),
    "a loader's name without an end": name_of_loader(b"/lib64/ld"),
    "a loader's name of a megabyte": lambda elf: elf.change(
        elf.segments(INTERPRETER)[0], filesz=1 << 20
    ),
    "a missing loader": name_of_loader(b"/nowhere\0"),
    "a text for a loader": name_of_loader(b"/etc/passwd\0"),
}


def write(elf: Elf, folder: Path) -> str:
    """Write the program into a folder; returns its path."""
    path = folder / "damaged"
    path.write_bytes(elf.bytes)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_program_is_refused_with_one_line(
    harden: str, show: str, user_tmp: Path, damage: str
) -> None:
    elf = Elf(show)
    DAMAGE[damage](elf)
    command = [harden, "--method", "execute-only", write(elf, user_tmp), "0"]

    starts.refused(support.run_as_user(command))


def test_the_undamaged_program_starts(harden: str, show: str, user_tmp: Path) -> None:
    assert starts.show([harden, write(Elf(show), user_tmp)]).value("dumpable") == "0"


def test_the_first_of_two_loaders_counts(harden: str, show: str, user_tmp: Path) -> None:
    """As in the kernel (load_elf_binary() in fs/binfmt_elf.c). The other one has an odd name."""
    elf = Elf(show)
    (first,), (second,) = elf.segments(INTERPRETER), elf.segments(STACK)
    place, size = elf.segment(first, "offset"), elf.segment(first, "filesz")
    known, unknown = {"offset": place, "filesz": size}, {"offset": place + size - 2, "filesz": 2}
    command = [harden, "--method", "preload", write(elf, user_tmp)]

    elf.change(second, type=INTERPRETER, **unknown)
    write(elf, user_tmp)
    assert starts.show(command[-1:]).value("dumpable") == "1"
    assert starts.show(command).value("dumpable") == "0"

    elf.change(first, **unknown)
    elf.change(second, **known)
    write(elf, user_tmp)
    assert "its dynamic loader is missing" in starts.refused(support.run_as_user(command))


MARK = "__tls_get_addr"  # what only a dynamic loader exports

LOADERS: dict[str, tuple[bytes, bool]] = {
    "its strings name the function": (
        elf_files.make_elf(interpreter=None, needed=[MARK]),
        True,
    ),
    "the last table of strings does": (
        elf_files.make_elf(
            interpreter=None,
            needed=[MARK],
            before=[(elf_files.DT_STRTAB, elf_files.BASE), (elf_files.DT_STRSZ, 1)],
        ),
        True,
    ),
    "with 300 entries in its dynamic section": (
        elf_files.make_elf(interpreter=None, needed=["a.so"] * 300 + [MARK]),
        True,
    ),
    "the name is behind the table": (
        elf_files.make_elf(interpreter=None, needed=["a.so"], behind_strings=MARK),
        False,
    ),
    "its strings name no such function": (
        elf_files.make_elf(interpreter=None, needed=["a.so"]),
        False,
    ),
}


@pytest.mark.parametrize("which", LOADERS)
def test_a_dynamic_loader_is_recognized_by_its_strings(
    harden: str, user_tmp: Path, which: str
) -> None:
    """Those that ld.so itself would look at, and no others."""
    content, is_loader = LOADERS[which]
    path = user_tmp / "file"
    path.write_bytes(content)
    path.chmod(0o755)
    result = support.run_as_user([harden, "--explain", str(path)])
    assert ("a dynamic loader without a program" in result.stderr) == is_loader
    assert result.returncode == (126 if is_loader else 0), result.stderr


def test_the_dynamic_section_is_where_it_is_loaded(harden: str, user_tmp: Path) -> None:
    """ld.so knows its address, not its offset in the file."""
    loader = Elf("/lib64/ld-linux-x86-64.so.2")
    loader.change(*loader.segments(DYNAMIC), offset=0, filesz=0)
    result = support.run_as_user([harden, write(loader, user_tmp)])
    assert "a dynamic loader without a program" in starts.refused(result)


def test_explain_refuses_what_could_not_be_mapped(harden: str, show: str, user_tmp: Path) -> None:
    elf = Elf(show)
    overlap(elf)

    starts.refused(support.run_as_user([harden, "--explain", write(elf, user_tmp)]))


def test_a_sparse_file_of_a_tebibyte_costs_nothing(harden: str, show: str, user_tmp: Path) -> None:
    elf = Elf(show)
    elf.change(elf.segments(DYNAMIC)[0], filesz=1 << 40)
    path = write(elf, user_tmp)
    try:
        os.truncate(path, 1 << 40)
    except OSError:
        support.fail_or_skip("a file system with files of 1 TiB")

    support.run_as_user([harden, path])


def test_a_program_that_does_not_fit_into_its_address_space_is_refused(
    harden: str, show: str, user_tmp: Path
) -> None:
    """RLIMIT_AS leaves room for the stand-in, but not for 200 MB."""
    elf = Elf(show)
    elf.change(elf.segments(LOAD)[-1], memsz=200 << 20)
    command = [harden, "--method", "execute-only", write(elf, user_tmp)]
    limited = ["bash", "-c", 'ulimit -v 50000 && exec "$@"', "bash", *command]

    assert "no room in memory" in starts.refused(support.run_as_user(limited))
    assert starts.show(command).value("dumpable") == "0"


def test_a_program_of_another_machine_is_refused(harden: str, show: str, user_tmp: Path) -> None:
    elf = Elf(show)
    struct.pack_into("<H", elf.bytes, 18, 0xBEEF)

    starts.refused(support.run_as_user([harden, write(elf, user_tmp)]))


def test_a_loader_of_another_machine_is_refused(harden: str, show: str, user_tmp: Path) -> None:
    loader = user_tmp / "l"
    foreign = Elf("/lib64/ld-linux-x86-64.so.2")
    struct.pack_into("<H", foreign.bytes, 18, 183)
    loader.write_bytes(foreign.bytes)
    elf = Elf(show)
    name_of_loader(os.fsencode(loader) + b"\0")(elf)

    starts.refused(support.run_as_user([harden, write(elf, user_tmp)]))


def test_a_pipe_for_a_loader_is_refused(harden: str, show: str, user_tmp: Path) -> None:
    """Nobody writes to it: to wait for that would be to hang."""
    pipe = user_tmp / "p"
    os.mkfifo(pipe, 0o666)
    elf = Elf(show)
    name_of_loader(os.fsencode(pipe) + b"\0")(elf)

    result = support.run_as_user([harden, write(elf, user_tmp)])
    assert "not a regular file" in starts.refused(result)


def test_a_program_that_was_replaced_is_not_started_by_its_own_name(
    harden: str, user_tmp: Path
) -> None:
    shell = user_tmp / "shell"
    shutil.copy(os.path.realpath("/bin/sh"), shell)
    shell.chmod(0o755)
    # The hardened shell replaces its own file, and then executes itself again.
    script = f'cp /bin/sh {shell}.new && mv {shell}.new {shell} && exec /proc/$$/exe -c "echo on"'
    result = support.run_as_user([harden, str(shell), "-c", script])

    assert "was replaced before it could be started" in starts.refused(result)
