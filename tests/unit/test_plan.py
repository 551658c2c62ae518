"""Which method is chosen, under kernel settings that cannot be tried on a live system."""

from __future__ import annotations

from pathlib import Path

import pytest

from elf_files import AARCH64, LOADER, X86_64
from process_hardening.elf import Image, read_image
from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.errors import CannotProtectError
from process_hardening.launch.explanation import EXPOSES, PROTECTS
from process_hardening.launch.plan import (
    AUTO,
    EXECUTE_ONLY,
    METHODS,
    PRELOAD,
    Host,
    make_plan,
)
from process_hardening.launch.program import Program

USUAL = Host(suid_dumpable=0, memfd_noexec=0)
NO_MEMFD = Host(suid_dumpable=0, memfd_noexec=2)
MEMFD_NEEDS_FLAG = Host(suid_dumpable=0, memfd_noexec=1)
DUMPABLE = Host(suid_dumpable=1, memfd_noexec=0)
ROOT_ONLY = Host(suid_dumpable=2, memfd_noexec=0)


def image_of(path: str) -> Image:
    """The facts of an ELF file."""
    with open(path, "rb") as file:
        image = read_image(file.fileno(), path)
    assert image
    return image


OURS = image_of(PRELOAD_LIBRARY)


def image(interpreter: str | None, machine: int = OURS.machine, rpath: str = "") -> Image:
    """The facts of a program of our library's width."""
    folders = (rpath,) if rpath else ()
    return Image(machine=machine, bits=OURS.bits, interpreter=interpreter, rpath=folders)


DYNAMIC = image(LOADER)
STATIC = image(None)
ORIGIN = image(LOADER, rpath="$ORIGIN")
OLD_LOADER = image("/bin/true", rpath="$ORIGIN")
NO_LOADER = image("/nonexistent", rpath="$ORIGIN")
STATIC_ORIGIN = image(None, rpath="$ORIGIN")
FOREIGN = image(LOADER, AARCH64 if OURS.machine == X86_64 else X86_64)


def program(image: Image) -> Program:
    """A program with these facts."""
    return Program(path="/x/program", fd=-1, image=image, argv=["program"], env={})


@pytest.mark.parametrize(
    ("image", "method", "host", "chosen", "because"),
    [
        (DYNAMIC, AUTO, USUAL, EXECUTE_ONLY, None),
        (DYNAMIC, AUTO, MEMFD_NEEDS_FLAG, EXECUTE_ONLY, None),
        (DYNAMIC, AUTO, NO_MEMFD, PRELOAD, "vm.memfd_noexec=2"),
        (DYNAMIC, AUTO, DUMPABLE, PRELOAD, "fs.suid_dumpable=1"),
        (DYNAMIC, AUTO, ROOT_ONLY, EXECUTE_ONLY, "fs.suid_dumpable=2"),
        (ORIGIN, AUTO, USUAL, EXECUTE_ONLY, None),
        (OLD_LOADER, AUTO, USUAL, PRELOAD, "/bin/true has no --argv0"),
        (NO_LOADER, AUTO, USUAL, PRELOAD, "/nonexistent: No such file"),
        (STATIC, AUTO, USUAL, EXECUTE_ONLY, None),
        (STATIC, AUTO, ROOT_ONLY, EXECUTE_ONLY, "fs.suid_dumpable=2"),
        (DYNAMIC, EXECUTE_ONLY, USUAL, EXECUTE_ONLY, None),
        (DYNAMIC, EXECUTE_ONLY, ROOT_ONLY, EXECUTE_ONLY, "our library is loaded too"),
        (STATIC, EXECUTE_ONLY, ROOT_ONLY, EXECUTE_ONLY, "statically linked"),
        (STATIC, EXECUTE_ONLY, USUAL, EXECUTE_ONLY, None),
        (DYNAMIC, PRELOAD, USUAL, PRELOAD, None),
        (DYNAMIC, PRELOAD, NO_MEMFD, PRELOAD, None),
        (ORIGIN, PRELOAD, USUAL, PRELOAD, None),
    ],
)
@pytest.mark.parametrize("children", [False, True])
def test_the_strongest_method_that_protects_is_chosen(
    image: Image, method: str, host: Host, chosen: str, because: str | None, children: bool
) -> None:
    """Execute-only where it protects, otherwise preload, and the plan says why."""
    plan = make_plan(program(image), method, children, host)
    assert plan.method == chosen
    assert plan.children is children
    if because is None:
        assert plan.because is None
    else:
        assert because in str(plan.because)


@pytest.mark.parametrize(
    ("image", "method", "host", "reasons"),
    [
        (STATIC, AUTO, NO_MEMFD, ["vm.memfd_noexec=2", "statically linked"]),
        (STATIC, AUTO, DUMPABLE, ["fs.suid_dumpable=1", "statically linked"]),
        (FOREIGN, AUTO, NO_MEMFD, ["vm.memfd_noexec=2", "another architecture"]),
        (STATIC, PRELOAD, USUAL, ["not preload: it is statically linked"]),
        (FOREIGN, PRELOAD, USUAL, ["not preload: our library is for another architecture"]),
        (OLD_LOADER, EXECUTE_ONLY, USUAL, ["not execute-only: ", "--argv0", "glibc 2.33"]),
        (STATIC_ORIGIN, EXECUTE_ONLY, USUAL, ["not execute-only: ", "$ORIGIN"]),
        (DYNAMIC, EXECUTE_ONLY, NO_MEMFD, ["vm.memfd_noexec=2"]),
        (DYNAMIC, EXECUTE_ONLY, DUMPABLE, ["fs.suid_dumpable=1", "sysctl fs.suid_dumpable=0"]),
    ],
)
def test_what_cannot_be_protected_is_refused(
    image: Image, method: str, host: Host, reasons: list[str]
) -> None:
    """The error has every reason, and the exit status is 126."""
    with pytest.raises(CannotProtectError) as error:
        make_plan(program(image), method, False, host)
    assert str(error.value).startswith("/x/program: ")
    assert all(reason in str(error.value) for reason in reasons)
    assert error.value.exit_code == 126


@pytest.mark.parametrize(
    ("image", "method", "host", "library"),
    [
        (DYNAMIC, AUTO, USUAL, False),
        (DYNAMIC, AUTO, NO_MEMFD, True),
        (DYNAMIC, PRELOAD, USUAL, True),
        (DYNAMIC, EXECUTE_ONLY, ROOT_ONLY, True),
        (STATIC, EXECUTE_ONLY, ROOT_ONLY, False),
    ],
)
def test_our_library_is_loaded_where_the_image_is_not_enough(
    image: Image, method: str, host: Host, library: bool
) -> None:
    """With --children it is always loaded: it is for them."""
    assert make_plan(program(image), method, False, host).library is library
    assert make_plan(program(image), method, True, host).library


def test_children_of_a_program_that_cannot_load_the_library() -> None:
    """A static program may have dynamic children; a foreign one would print loader errors."""
    assert make_plan(program(STATIC), AUTO, True, USUAL).children
    assert make_plan(program(FOREIGN), AUTO, False, USUAL).method == EXECUTE_ONLY
    with pytest.raises(CannotProtectError, match="--children: our library is for another arch"):
        make_plan(program(FOREIGN), EXECUTE_ONLY, True, USUAL)


def test_the_host_is_read_from_the_kernel() -> None:
    """The numbers of /proc/sys."""
    host = Host.read()
    assert host.suid_dumpable == int(Path("/proc/sys/fs/suid_dumpable").read_text())
    noexec = Path("/proc/sys/vm/memfd_noexec")
    assert host.memfd_noexec == (int(noexec.read_text()) if noexec.exists() else 0)


def test_explain_knows_every_method() -> None:
    """What it protects and what it leaves open."""
    assert {AUTO, *PROTECTS} == {AUTO, *EXPOSES} == set(METHODS)


def test_our_library_is_beside_the_package() -> None:
    """An ELF file without a loader of its own, readable by everybody."""
    path = Path(PRELOAD_LIBRARY)
    assert path.name == "libprocess_hardening.so"
    assert path.stat().st_mode & 0o444 == 0o444
    assert OURS.interpreter is None
