"""Which of the mapped libraries a program asked for."""

from __future__ import annotations

from typing import Any

import pytest

from process_hardening.audit.injection import find_early_libraries, looks_untouched, program_of
from process_hardening.elf import Image

LOADER = b"/usr/lib64/ld-linux-x86-64.so.2"
_FACTS: dict[str, Any] = {"machine": 62, "bits": 64, "interpreter": LOADER.decode()}
PROGRAM = program_of(Image(**_FACTS, needed=("libtinfo.so.6", "libc.so.6")))
RUNPATH = program_of(Image(**_FACTS, needed=("libtinfo.so.6",), runpath=("/opt/lib",)))


def mapped(*first: bytes) -> list[tuple[bytes, bytes]]:
    """The code that is mapped when the loader loaded these libraries, in this order."""
    paths = [b"/usr/bin/bash", b"/usr/lib/libc.so.6", *reversed(first), LOADER]
    return [(b"08:01 %d" % number, path) for number, path in enumerate(paths)]


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
    assert looks_untouched(mapped(b"/usr/lib/" + name), PROGRAM)
    assert looks_untouched(mapped(b"/opt/lib/" + name), RUNPATH)


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
    assert not looks_untouched(mapped(path, b"/usr/lib/libtinfo.so.6.4"), PROGRAM)


def test_what_the_loader_loaded_before_a_needed_library_is_injected() -> None:
    """The needed library may be named with its whole version there, too."""
    listed = [(0, b""), (30, b"/tmp/evil.so"), (20, b"/usr/lib/libtinfo.so.6.4")]
    assert find_early_libraries([listed], PROGRAM) == [b"/tmp/evil.so"]
    elsewhere = [(0, b""), (20, b"/tmp/libtinfo.so.6.4")]
    assert find_early_libraries([elsewhere], PROGRAM) is None
