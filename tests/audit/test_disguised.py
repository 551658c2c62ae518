"""An injected library that disguises itself does not pass for nothing, or for ours.

Every victim is hardened and has wiped its environment, if the library did not forge it. The
control of each is the same without the disguise, or without the library.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import starts
import support
from elf_files import replace_bytes
from process_hardening.audit.mapped import Mapped
from process_hardening.elf import read_image
from process_hardening.environment import PRELOAD_LIBRARY
from zoo import HARDENED, ROOT, Animal, audit_json, check, ids_of, in_mounts, process_of

OUR_NAME = Path(PRELOAD_LIBRARY).name
WIPED = (*HARDENED, "wipe=0*")


@pytest.fixture(autouse=True)
def _root() -> None:
    """Others do not see the mappings of a hardened process."""
    support.require_root()


def audit_animal(
    program: Path | str, modes: Sequence[str], preload: str = "", **options: Any
) -> dict[str, Any]:
    """What an audit says of an animal with these libraries."""
    env = {"LD_PRELOAD": preload} if preload else {}
    with Animal(program, *modes, env=env, **options) as one:
        found = process_of(one.pid)
        check(one, found)
        return found


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("any.so", ""),
        ("ld-any.so", ""),
        ("linker.so", ""),
        ("linux-vdso.so.1", ""),
        ("any.so", "libc.so.6 "),
        ("any.so", "libc.so.6 ld-linux-x86-64.so.2 "),
        ("any.so", "libm.so.6 "),
    ],
    ids=str,
)
def test_an_injected_library_that_looks_like_one_that_is_needed(
    name: str, before: str, animal: Path, injected: Path, user_tmp: Path
) -> None:
    """By its name, or behind one that the program needs. The control: only the needed one."""
    library = str(shutil.copy(injected, user_tmp / name))
    with Animal(animal, *WIPED, env={"LD_PRELOAD": f"{before}{library}"}) as one:
        assert library in one.code, "inconclusive: it was not loaded"
        found = process_of(one.pid)
    assert found["verdict"] in ("partial", "unknown")
    assert found["injected_libraries"] is None or library in found["injected_libraries"]

    assert audit_animal(animal, WIPED, "libc.so.6")["verdict"] == "hardened"


def test_a_needed_name_in_another_folder(animal: Path, injected: Path, user_tmp: Path) -> None:
    """However its path begins."""
    library = shutil.copy(injected, user_tmp / "libc.so.6")
    for path in (str(library), f"/usr/..{library}"):
        assert audit_animal(animal, WIPED, path)["verdict"] in ("partial", "unknown")


def test_a_name_that_leads_to_our_library_after_the_start(
    animal: Path, injected: Path, user_tmp: Path
) -> None:
    """What counts is what is mapped, not what is found under its name later."""
    link = user_tmp / OUR_NAME
    link.symlink_to(injected)
    with Animal(animal, *WIPED, env={"LD_PRELOAD": str(link)}) as one:
        assert process_of(one.pid)["injected_libraries"] == [str(injected)]
        link.unlink()
        shutil.copy(PRELOAD_LIBRARY, link)
        assert process_of(one.pid)["injected_libraries"] == [str(injected)]


def test_a_copy_of_ours_under_the_name_of_what_was_deleted(
    animal: Path, injected: Path, user_tmp: Path
) -> None:
    """An ordinary user, who cannot open what is mapped, does not take one for the other."""
    library = user_tmp / OUR_NAME
    shutil.copy(injected, library)
    user = [support.find_tool("setpriv"), f"--reuid={support.USER}", f"--regid={support.USER}"]
    with Animal(animal, env={"LD_PRELOAD": str(library)}) as one:
        library.unlink()
        for name in (library, library.with_name(f"{OUR_NAME} (deleted)")):
            shutil.copy(PRELOAD_LIBRARY, name)
        for before in ([], [*user, "--clear-groups"]):
            found = process_of(one.pid, before=before)
            assert found["injected_libraries"] == [f"{library} (deleted)"]
            assert "PH019" in ids_of(found)


@pytest.mark.parametrize(
    ("flags", "first", "limits"),
    [
        ((), PRELOAD_LIBRARY, ""),
        (("-DRENAME",), "", ""),
        (("-DRENAME",), "", "ulimit -s unlimited; "),
        (("-DRENAME",), "libc.so.6", ""),
    ],
    ids=["beside ours", "alone", "mapped upwards", "behind a needed one"],
)
def test_a_forged_environment(
    flags: tuple[str, ...], first: str, limits: str, animal: Path, build: support.Compiler
) -> None:
    """The block looks whole, and names our library or none. The control: only what it names."""
    name = f"libforging{len(flags)}.so"
    library = str(build("forging.c", "-shared", "-fPIC", *flags, name=name))
    before = ["sh", "-c", f'{limits}exec "$@"', "sh", "env", "PROCESS_HARDENING_CHILDREN=1"]
    for preload, verdict, injected in (
        (":".join(filter(None, (first, library))), "partial", [library]),
        (first if first == PRELOAD_LIBRARY else "", "hardened", []),
    ):
        words = [f"LD_PRELOAD={preload}"] if preload else []
        found = audit_animal(animal, HARDENED, before=[*before, *words], **ROOT)
        assert (found["verdict"], found["loader_variables"]) == (verdict, [])
        assert found["injected_libraries"] == injected


def test_an_audit_library_that_chose_its_address(animal: Path, build: support.Compiler) -> None:
    """It is below all others, as if the program had loaded it. The control: without it."""
    where = "-Wl,-Ttext-segment=0x20000000"
    library = str(build("forging.c", "-shared", "-fPIC", "-DRENAME", where, name="low.so"))
    for env, verdict in (({"LD_AUDIT": library}, "unknown"), ({}, "hardened")):
        with Animal(animal, *HARDENED, env=env) as one:
            assert (library in one.code) is bool(env), "inconclusive: it was not loaded"
            found = process_of(one.pid)
        assert (found["verdict"], found["loader_variables"]) == (verdict, [])


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
@pytest.mark.parametrize("is_loader", [False, True])
def test_a_name_in_the_list_that_the_library_gave_itself(
    is_loader: bool, variable: str, build: support.Compiler, user_tmp: Path
) -> None:
    """The loader's, or one in a folder of the program. The control: without the library."""
    program = build("animal.c", "-pthread", "-Wl,-rpath,/opt/ph/lib", name="animal-with-folder")
    with program.open("rb") as file:
        image = read_image(file.fileno(), str(program))
    assert image is not None
    name = image.interpreter if is_loader else "/opt/ph/lib/libc.so.6"
    flags = ("-shared", "-fPIC", "-DRENAME", f'-DNAME="{name}"')
    library = user_tmp / "renamed.so"
    shutil.copy(build("forging.c", *flags, name=f"renamed{is_loader:d}.so"), library)
    os.chown(library, support.USER, support.USER)
    for env, verdicts in (({variable: str(library)}, ("partial", "unknown")), ({}, ("hardened",))):
        with Animal(program, *HARDENED, env=env) as one:
            assert (str(library) in one.code) is bool(env), "inconclusive: it was not loaded"
            assert process_of(one.pid)["verdict"] in verdicts


@pytest.mark.parametrize("name", [None, "", "linux-vdso.so.1"], ids=repr)
def test_a_library_that_is_mapped_from_no_file(
    name: str | None, animal: Path, build: support.Compiler
) -> None:
    """The environment looks whole. The control: the same program without it, audited before."""
    flags = ["-shared", "-fPIC", "-DRENAME", "-DANONYMOUS"]
    flags += [] if name is None else [f'-DNAME="{name}"']
    library = str(build("forging.c", *flags, name=f"anonymous-{name}.so"))
    with (
        Animal(animal, *HARDENED) as clean,
        Animal(animal, *HARDENED, env={"LD_PRELOAD": library}) as one,
    ):
        assert clean.code == one.code, "inconclusive: it is mapped from its file"
        entries = {p["pid"]: p for p in audit_json(clean.pid, one.pid)["processes"]}
    assert entries[clean.pid]["verdict"] == "hardened"
    assert entries[one.pid]["verdict"] in ("partial", "unknown")
    assert entries[one.pid]["loader_variables"] == []


@pytest.mark.parametrize("modes", [HARDENED, ()], ids=["hardened", "exposed"])
def test_a_process_in_which_a_library_hides_vouches_for_no_other(
    modes: Sequence[str], animal: Path, build: support.Compiler
) -> None:
    """The same library does not hide in the other. The control: the other alone."""
    library = str(build("forging.c", "-shared", "-fPIC", "-DRENAME", name="hiding.so"))
    env = {"LD_PRELOAD": library}
    with (
        Animal(animal, *modes, env={**env, "UNLINK": "1"}) as decoy,
        Animal(animal, *modes, env=env) as one,
    ):
        alone = process_of(one.pid)["injected_libraries"]
        assert decoy.pid < one.pid, "inconclusive: it is audited later"
        entries = {p["pid"]: p for p in audit_json(decoy.pid, one.pid)["processes"]}
        assert [alone, entries[one.pid]["injected_libraries"]] == [[library]] * 2


@pytest.mark.parametrize("name", ["own.so", "libc.so.6"])
@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
def test_a_folder_of_a_user_below_usr(
    name: str, variable: str, animal: Path, build: support.Compiler
) -> None:
    """What is in it does not count as the system's. The control: if it belongs to root, it does.

    Unless it was loaded before what the program needs.
    """
    library = build("forging.c", "-shared", "-fPIC", "-DRENAME", name="own.so")
    with tempfile.TemporaryDirectory(dir="/usr/local/lib") as folder:
        Path(folder).chmod(0o755)
        copy = shutil.copy(library, f"{folder}/{name}")
        env = {variable: f"libc.so.6 {copy}" if variable == "LD_PRELOAD" else str(copy)}
        with Animal(animal, *HARDENED, env=env) as one:
            assert copy in one.code, "inconclusive: it was not loaded"
            is_early = (name, variable) == ("own.so", "LD_PRELOAD")
            assert process_of(one.pid)["verdict"] == ("partial" if is_early else "hardened")
            os.chown(copy, support.USER, support.USER)
            assert process_of(one.pid)["verdict"] in ("partial", "unknown")


@pytest.mark.parametrize("name", [f"process-hardening/{OUR_NAME}", "libc.so.6"])
def test_a_path_of_another_mount_namespace(name: str, animal: Path, injected: Path) -> None:
    """In maps it looks like a path of root's. The control: without it, the animal is hardened."""
    place = f"/usr/local/lib/{name}"
    mount = f"mount -t tmpfs none /usr/local/lib && install -Dm755 -o{support.USER}"
    with support.Running(
        [*in_mounts(f"{mount} {injected} {place}"), "sh", "-c", "echo ready; read line"], **ROOT
    ) as owner:
        path = f"/proc/{owner.pid}/root{place}"
        with Animal(animal, *WIPED, env={"LD_PRELOAD": path}) as one:
            assert place in one.code, "inconclusive: it was not loaded"
            found = process_of(one.pid)
            assert found["verdict"] in ("partial", "unknown")
            assert found["injected_libraries"] in ([place], None)
    assert audit_animal(animal, WIPED)["verdict"] == "hardened"


def test_a_loader_that_was_told_to_inject(animal: Path, injected: Path) -> None:
    """As an argument. What a loader that was started by its name has loaded is not known."""
    with animal.open("rb") as file:
        image = read_image(file.fileno(), str(animal))
    assert image is not None
    assert image.interpreter is not None
    found = audit_animal(image.interpreter, ["--preload", str(injected), str(animal), *HARDENED])
    assert (found["verdict"], found["injected_libraries"]) == ("unknown", None)


def test_a_loader_in_which_all_else_is_of_no_file(animal: Path, build: support.Compiler) -> None:
    """Only the loader's own file is mapped, as in a static program. The control: a static one."""
    with animal.open("rb") as file:
        image = read_image(file.fileno(), str(animal))
    assert image is not None
    loader = str(image.interpreter)
    library = str(build("forging.c", "-shared", "-fPIC", "-DANONYMOUS", name="anonymous-all.so"))
    with Animal(loader, "--preload", library, str(animal), *HARDENED, env={"ALL": "1"}) as one:
        assert one.code == {os.path.realpath(loader)}, "inconclusive: other files are mapped"
        assert process_of(one.pid)["verdict"] == "unknown"
    static = build("animal.c", "-pthread", "-static-pie", name="static-pie-animal")
    assert audit_animal(static, HARDENED)["verdict"] == "hardened"


def test_more_files_of_our_name_than_a_process_has(animal: Path, user_tmp: Path) -> None:
    """None of them counts as ours then. The control: two do."""
    copies = []
    for number in range(5):
        copies.append(user_tmp / str(number) / OUR_NAME)
        copies[-1].parent.mkdir()
        shutil.copy(PRELOAD_LIBRARY, copies[-1])
    for most, verdict in ((5, "partial"), (2, "hardened")):
        preload = ":".join(map(str, copies[:most]))
        env = {"LD_PRELOAD": preload, "PROCESS_HARDENING_CHILDREN": "1"}
        with Animal(animal, *HARDENED, env=env) as one:
            found = process_of(one.pid)
            assert found["verdict"] == verdict
            assert len(found["injected_libraries"]) == (most if most > 4 else 0)


def test_where_a_file_is_mapped() -> None:
    """Under its whole path, below the root of the process or not, and not under a part of it."""
    maps = (
        b"1000-2000 r--p 00000000 08:01 7 /top/lib/a.so\n"
        b"2000-3000 r-xp 00001000 08:01 7 /top/lib/a.so\n"
        b"3000-4000 r-xp 00000000 08:01 8 /elsewhere/lib/a.so\n"
        b"5000-6000 rw-p 00000000 00:00 0 \n"
    )
    mapped = Mapped(folder=-1, root=b"/top", exe=b"/lib/b", code=[], maps=maps)
    assert mapped.find_code(b"/lib/a.so") == ["2000-3000"]
    assert mapped.find_starts(b"/lib/a.so") == [("1000-2000", 0x1000)]
    assert mapped.find_code(b"/b.so") == []
    assert mapped.locate([0x2FFF, 0x4000, 0x5000, 0]) == {0x2FFF: ("2000-3000", b"/lib/a.so")}
    assert mapped.replace(maps=maps * 70).find_code(b"/lib/a.so") is None


def test_a_program_behind_an_image_in_memory_is_hardened() -> None:
    """There, `harden` cannot put the image under the program's own path."""
    program = [sys.executable, str(starts.PROGRAMS / "wait.py")]
    in_memory = starts.refusing("setns=EPERM")
    with support.Running([*in_memory, support.find_tool("harden"), "--", *program]) as process:
        assert "/memfd:" in os.readlink(f"/proc/{process.pid}/exe")
        assert process_of(process.pid)["verdict"] == "hardened"


def damage(program: Path, copy: Path) -> Path:
    """Copy a program, with a string table longer than the file: no loader looks at its length."""
    content = program.read_bytes()
    table, length = struct.Struct("=Q"), struct.Struct("=qQ")
    (segments,) = table.unpack_from(content, 32)
    (count,) = struct.unpack_from("=H", content, 56)
    for segment in range(segments, segments + 56 * count, 56):
        kind, _, place = struct.unpack_from("=IIQ", content, segment)
        while kind == 2 and length.unpack_from(content, place)[0] != 10:  # PT_DYNAMIC, DT_STRSZ
            place += length.size
        if kind == 2:
            content = replace_bytes(content, place, length.pack(10, 1 << 20))
    copy.write_bytes(content)
    copy.chmod(0o755)
    return copy


@pytest.mark.parametrize("is_damaged", [False, True])
@pytest.mark.parametrize("has_jvm", [False, True])
def test_a_damaged_program_hides_no_jvm_inside_it(
    is_damaged: bool, has_jvm: bool, build: support.Compiler, injected: Path, user_tmp: Path
) -> None:
    """Its libraries are looked at all the same; without a JVM, it is not known to be closed."""
    program = build("catches.c", "-ldl")
    if is_damaged:
        program = damage(program, user_tmp / "damaged")
    library = str(shutil.copy(injected, user_tmp / "libjvm.so"))
    with support.Running([str(program), *[library] * has_jvm], **ROOT) as one:
        found = process_of(one.pid)
    expected = "partial" if has_jvm else "unknown" if is_damaged else "hardened"
    assert found["verdict"] == expected
    findings = {"partial": "PH018", "unknown": "PH015"}
    assert findings.get(expected) in [None, *(one["id"] for one in found["findings"])]


@pytest.mark.parametrize("name", ["libjvm.so", "libother.so"])
def test_a_jvm_behind_more_than_a_megabyte_of_mappings(
    name: str, build: support.Compiler, injected: Path, user_tmp: Path
) -> None:
    """All that an audit reads is searched for it. The control: a library of another name."""
    library = str(shutil.copy(injected, user_tmp / name))
    with support.Running([str(build("catches.c", "-ldl")), library, "30000"], **ROOT) as one:
        maps = Path(f"/proc/{one.pid}/maps").read_text()
        assert maps.find(library) > 1 << 20, "inconclusive: it is mapped before the others"
        assert process_of(one.pid)["verdict"] == ("partial" if "jvm" in name else "hardened")
