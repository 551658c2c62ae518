"""Which of the mapped libraries a program asked for."""

from __future__ import annotations

import os
from typing import Any

import pytest

from process_hardening.audit.loaded import (
    LinkedProgram,
    explain_libraries,
    find_first_libraries,
    link_program,
)
from process_hardening.elf import Image

LOADER = b"/usr/lib64/ld-linux-x86-64.so.2"
_FACTS: dict[str, Any] = {"machine": 62, "bits": 64, "interpreter": LOADER.decode()}
PROGRAM = link_program(Image(**_FACTS, needed=("libtinfo.so.6", "libc.so.6")))
ORIGIN = link_program(
    Image(**_FACTS, needed=("libtinfo.so.6",), rpath=("$ORIGIN/../lib",), path="/opt/app/bin/tool")
)
RUNPATH = link_program(Image(**_FACTS, needed=("libtinfo.so.6",), runpath=("/opt/lib",)))


def mapped(*first: bytes) -> list[tuple[bytes, bytes]]:
    """The code that is mapped when the loader loaded these libraries, in this order."""
    paths = [b"/usr/bin/bash", b"/usr/lib/libc.so.6", *reversed(first), LOADER]
    return [(b"08:01 %d" % number, path) for number, path in enumerate(paths)]


def looks_untouched(*first: bytes, program: LinkedProgram = PROGRAM) -> bool:
    """Whether what is mapped needs no closer look."""
    code = mapped(*first)
    return find_first_libraries(code, code[0][1], program) is not None


@pytest.mark.parametrize(
    "name",
    [
        b"libtinfo.so.6",
        b"libtinfo.so.6.4",  # maps names the file, and the program the link to it
        b"libtinfo.so.6.4.1",
    ],
)
def test_a_library_that_the_program_needs_needs_no_closer_look(name: bytes) -> None:
    """Under the name that the program has for it, or with a longer version."""
    assert looks_untouched(b"/usr/lib/" + name)
    assert looks_untouched(b"/opt/lib/" + name, program=RUNPATH)
    assert looks_untouched(b"/opt/app/lib/" + name, program=ORIGIN)


@pytest.mark.parametrize(
    "path",
    [
        b"/usr/lib/libtinfo.so",
        b"/usr/lib/libtinfo.so.60",
        b"/usr/lib/libtinfo.so.5.6",
        b"/usr/lib/libtinfo.6.4",
        b"/usr/lib/libtinfow.so.6.4",
        b"/usr/lib/xlibtinfo.so.6.4",
        b"/usr/lib/libtinfo.so.6.4/evil.so",
        b"/home/user/libtinfo.so.6.4",
        b"/usr/lib/evil.so",
    ],
)
def test_any_other_first_library_leads_to_a_closer_look(path: bytes) -> None:
    """Whatever its name has in common with one that the program needs."""
    assert not looks_untouched(path, b"/usr/lib/libtinfo.so.6.4")


def test_what_is_mapped_behind_a_needed_library_leads_to_a_closer_look_too() -> None:
    """Unless it is behind all of them."""
    needed, other = b"/usr/lib/libtinfo.so.6.4", b"/home/user/other.so"
    assert not looks_untouched(needed, other)
    assert looks_untouched(needed, b"/usr/lib/libc.so.6", other)


def explain(
    *names: bytes,
    needs: dict[bytes, list[bytes]] | None = None,
    others: tuple[tuple[int, bytes], ...] = (),
) -> tuple[tuple[bytes, ...], bool]:
    """What was loaded early, and whether that is all, if these libraries were loaded.

    others -- the address and path of the libraries in another namespace
    """
    lists = [[(0, b""), *((1000 - number, name) for number, name in enumerate(names, 1))]]
    start = [(number, (needs or {}).get(name, [])) for number, (_, name) in enumerate(lists[0])]
    lists += [list(others)] * bool(others)
    places = {at: os.path.normpath(name) for each in lists for at, name in each if b"/" in name}
    kernel = range(999, 1000) if names[0] in (b"", b"linux-vdso.so.1") else range(0)
    found = explain_libraries((lists, start), PROGRAM, places, kernel)
    return found.early, found.is_certain


TINFO, LIBC, OTHER = b"/usr/lib/libtinfo.so.6.4", b"/usr/lib/libc.so.6", b"/tmp/other.so"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((TINFO, LIBC, LOADER), ((), True)),
        ((b"linux-vdso.so.1", TINFO, LIBC), ((), True)),
        ((b"", TINFO, LIBC), ((), True)),
        ((b"", b"", TINFO, LIBC), ((b"(no name)",), True)),
        ((TINFO, LIBC, b"linux-vdso.so.1"), ((), False)),
        ((OTHER, TINFO, LIBC), ((OTHER,), True)),
        ((TINFO, OTHER, LIBC), ((OTHER,), True)),
        ((TINFO, LIBC, OTHER, LOADER), ((OTHER,), True)),
        ((TINFO, LIBC, OTHER), ((), False)),
        ((b"/tmp/ld-2.so", TINFO, LIBC), ((b"/tmp/ld-2.so",), True)),
        ((b"/tmp/linux-vdso.so.1", TINFO, LIBC), ((b"/tmp/linux-vdso.so.1",), True)),
        ((b"/tmp/libtinfo.so.6", LIBC), ((), False)),
        ((b"/usr/../tmp/libtinfo.so.6", LIBC), ((), False)),
    ],
    ids=str,
)
def test_what_nobody_needs_was_injected(
    names: tuple[bytes, ...], expected: tuple[tuple[bytes, ...], bool]
) -> None:
    """If the program may have loaded it itself, or it is out of place, that is not certain."""
    assert explain(*names) == expected


def test_what_a_needed_library_needs_was_not_injected() -> None:
    """Unless it was loaded before the one that needs it."""
    needs = {LIBC: [b"libz.so.1"]}
    zlib = b"/usr/lib/libz.so.1"
    assert explain(TINFO, LIBC, zlib, needs=needs) == ((), True)
    assert explain(zlib, TINFO, LIBC, needs=needs) == ((zlib,), True)


def test_what_the_program_may_have_loaded_itself_was_not_injected() -> None:
    """Where root keeps libraries, that is certain; elsewhere it is not."""
    assert explain(TINFO, LIBC, b"/usr/lib/plugin.so") == ((), True)
    assert explain(TINFO, LIBC, OTHER) == ((), False)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (((10, b"/usr/lib/plugin.so"), (9, LIBC), (1500, LOADER)), ((), True)),
        (((2000, b"/usr/lib/plugin.so"),), ((), True)),
        (((2000, OTHER), (10, LIBC)), ((OTHER,), True)),
        (((10, OTHER), (9, LIBC)), ((), False)),
        (((10, LIBC), (9, OTHER)), ((), False)),
    ],
    ids=str,
)
def test_what_is_in_another_namespace(
    others: tuple[tuple[int, bytes], ...], expected: tuple[tuple[bytes, ...], bool]
) -> None:
    """An audit library is mapped first, unless it chose its address; then it is not certain."""
    assert explain(TINFO, LIBC, others=others) == expected


@pytest.mark.parametrize(
    ("name", "path", "program", "place"),
    [
        (b"/usr/lib/plugin.so", b"/usr/lib/plugin.so", PROGRAM, b"/usr/lib/plugin.so"),
        (b"/opt/lib/a.so", b"/data/a.so.1", RUNPATH, b"/opt/lib/a.so"),
        (b"/tmp/x/../../opt/lib/a.so", b"/data/a.so", RUNPATH, b"/opt/lib/a.so"),
        (b"/opt/lib/a.so", b"/opt/lib/a.so.1", RUNPATH, b"/opt/lib/a.so.1"),
        (LOADER, b"/opt/glibc/ld.so", PROGRAM, LOADER),
    ],
)
def test_where_a_library_has_to_be_found(
    name: bytes, path: bytes, program: LinkedProgram, place: bytes
) -> None:
    """Under its path, or under the name that led there, which the library can change."""
    lists, places = [[(0, b""), (9, TINFO), (8, name)]], {9: TINFO, 8: path}
    found = explain_libraries((lists, [(1, []), (2, [])]), program, places)
    assert dict(found.explained)[8] == place
    assert found.is_certain
