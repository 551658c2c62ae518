"""One process that does its worst costs an audit little: unknown at most, and the others right.

No time decides a test; only a command that does not end at all is a failure (support.TIMEOUT).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import support
from process_hardening.audit import environ
from process_hardening.audit.loader_lists import UnreadableListError, read_lists
from process_hardening.audit.scan import scan
from process_hardening.elf import read_image
from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.secret_names import hide_arguments
from zoo import COMMAND, HARDENED, ROOT, Animal, audit, audit_json, check, process_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from process_hardening.audit.loader_lists import Start


@pytest.fixture
def other(animal: Path) -> Iterator[Animal]:
    """A process that does nothing, which an audit has to get right all the same."""
    with Animal(animal, *HARDENED) as one:
        yield one


def audit_both(one: int, other: Animal) -> dict[str, object]:
    """What the command says of a hostile process; fail unless it is right about the other."""
    entries = {p["pid"]: p for p in audit_json(one, other.pid)["processes"]}
    check(other, entries[other.pid])
    assert entries[other.pid]["verdict"] == "hardened"
    found: dict[str, object] = entries[one]
    return found


TOO_MUCH = {
    "long variables": "environment",
    "many variables": "environment",
    "mappings": "mappings",
    "threads": "threads",
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_to_read_is_not_read(
    what: str, animal: Path, other: Animal, user_tmp: Path
) -> None:
    """What is left out is named, and never passes for hardened."""
    support.require_root()
    modes: list[str] = []
    env: dict[str, str] = {}
    if what == "long variables":
        env = {f"V{number}": "x" * 100_000 for number in range(10)}
    elif what == "many variables":
        env = {f"V{number}": "" for number in range(50_000)}
    elif what == "mappings":
        folder = user_tmp
        while len(str(folder)) < 3500:
            folder /= "d" * 250
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(4096))
        modes = ["map", str(folder / "file"), "2000"]
    else:
        modes = ["threads=1001"]  # docs/audit.md, "Limits"
    with Animal(animal, *modes, *HARDENED, env=env, **ROOT) as one:
        found = audit_both(one.pid, other)
        assert found["verdict"] == "unknown"
        assert found["problem"] == f"too much to read: its {TOO_MUCH[what]}"
        assert (found["dumpable"], found["inspectable"]) == (0, False)


@pytest.mark.parametrize("modes", [["files=5000"], ["maps=60000"], ["threads=500"]], ids=str)
def test_much_is_read_all_the_same(modes: list[str], animal: Path, other: Animal) -> None:
    """As large programs have it."""
    before = ["sh", "-c", 'ulimit -n 6000; exec "$@"', "sh"]
    with Animal(animal, *modes, *HARDENED, before=before, **ROOT) as one:
        found = audit_both(one.pid, other)
        check(one, found)
        assert found["verdict"] == "hardened"


@pytest.mark.parametrize("is_traced", [True, False])
def test_a_tracer_whose_thread_ends_before_its_turn(
    is_traced: bool, build: support.Compiler
) -> None:
    """The thread starts another first, which is traced too. The control: no tracer."""
    hopping = build("hopping.c", "-pthread")
    # Reading 500 threads takes longer than the pause, so the last one is gone by then.
    with support.Running([str(hopping), "500", "2000", *["trace"] * is_traced], **ROOT) as one:
        pid, tracer = map(int, one.ready.split())
        for _ in range(3):
            found = process_of(pid)
            if is_traced:
                assert found["verdict"] in ("partial", "unknown")
                assert found["tracer_pid"] in (tracer, None)
            else:
                assert (found["verdict"], found["tracer_pid"]) == ("hardened", 0)


@pytest.mark.parametrize("verdict", ["exposed", "unknown"])
def test_a_program_whose_path_is_too_long_is_audited_all_the_same(
    verdict: str, animal: Path, build: support.Compiler, user_tmp: Path
) -> None:
    """Whoever may move a folder can make it so. No filter leaves it out; it counts as not read."""
    support.require_root()
    bury = [sys.executable, str(build.sources / "buried.py"), str(animal)]
    modes = ["name=other", *(HARDENED if verdict == "unknown" else ())]
    with Animal(user_tmp, *modes, before=bury, env={"API_KEY": "x"}) as one:
        with pytest.raises(OSError, match="too long"):
            os.readlink(f"/proc/{one.pid}/exe")
        for options in (["--user", support.USER], ["--name", "^no such$"], ["--python"], [one.pid]):
            document = audit_json(*options)
            (found,) = (p for p in document["processes"] if p["pid"] == one.pid)
            assert not document["summary"]["complete"]
            assert (found["uid"], found["name"], found["exe"]) == (support.USER, "other", None)
            assert (found["verdict"], found["secret_variables"]) == (verdict, ["API_KEY"])
            assert "exe" in found["problem"]
            assert "exe" not in found["protected"]
            assert audit("--fail-on", "never", *options).returncode == 3
        done = support.run([COMMAND, "status", str(one.pid)])
        assert done.returncode == {"exposed": 1, "unknown": 3}[verdict]


def test_more_arguments_than_anybody_reads(animal: Path, other: Animal) -> None:
    """Whether they hold secrets is not known; the rest is."""
    with Animal(animal, *HARDENED, *["x"] * 20_000) as one:
        found = audit_both(one.pid, other)
        check(one, found)
        assert (found["secret_arguments"], found["verdict"]) == (None, "hardened")
        assert "secret_arguments" not in found["protected"]  # type: ignore[operator]  # a list


def test_requests_without_number(animal: Path, injected: Path, other: Animal) -> None:
    """Only so many libraries are looked for, and that more were asked for is not forgotten."""
    value = ":".join([*(f"/none/{number}.so" for number in range(5000)), str(injected)])
    with Animal(animal, env={"LD_PRELOAD": value}, stderr=subprocess.DEVNULL) as one:
        assert audit_both(one.pid, other)["injected_libraries"] == [str(injected)]


@pytest.mark.parametrize("pages", [3000, 20_000])
@pytest.mark.parametrize("is_one_file", [True, False])
def test_our_library_under_many_names_and_many_mappings(
    pages: int, is_one_file: bool, build: support.Compiler, other: Animal, user_tmp: Path
) -> None:
    """They are not compared one by one with each other, or with every mapping."""
    crowd = build("crowd.c", "-static")
    names = []
    for number in range(63):
        names.append(user_tmp / str(number) / Path(PRELOAD_LIBRARY).name)
        names[-1].parent.mkdir()
        if number and is_one_file:
            names[-1].hardlink_to(names[0])
        else:
            shutil.copy(PRELOAD_LIBRARY, names[-1])
    env = {"LD_PRELOAD": ":".join(map(str, names))}
    argv = [crowd, str(pages), names[0], *names]
    with support.Running(list(map(str, argv)), env=env) as one:
        found = audit_both(one.pid, other)
        assert found["verdict"] == "exposed"
        assert found["loader_variables"] == ["LD_PRELOAD"]
        too_much = "too much to read: its mappings"
        assert found["problem"] == (too_much if pages > 4096 else None)


def test_a_variable_whose_name_is_as_long_as_can_be(
    animal: Path, other: Animal, user_tmp: Path
) -> None:
    """The screen shows its beginning."""
    name = "\u00e9" * 60_000 + "_TOKEN"
    program = Path(shutil.copy(animal, user_tmp / "other-animal"))
    with Animal(program, env={name: "x"}) as one:
        assert audit_both(one.pid, other)["secret_variables"] == [name]
        screen = audit("--name", program.name, "--fail-on", "never").stdout
        assert re.search(r"^! other-animal( [(]\w+[)])? +\u00e9+[.]{3}$", screen, re.MULTILINE)


def test_programs_that_take_a_password_without_number(animal: Path, other: Animal) -> None:
    """A password is looked for behind all of them in one pass."""
    words = ["/mysql"] * 4900 + ["x" * 100_000] * 2
    words.append("-p")  # which has no password behind it
    with ExitStack() as running:
        hostile = [running.enter_context(Animal(animal, *HARDENED, *words)) for _ in range(3)]
        entries = audit_json(*(one.pid for one in (*hostile, other)))["processes"]
        assert [entry["verdict"] for entry in entries] == ["hardened"] * 4
    assert hide_arguments("\0".join(words).encode()).endswith(b"\0-p")


class Stopped:
    """A process of the user, and below it a file system that has stopped to answer; needs root."""

    def __init__(
        self, folder: Path, build: support.Compiler, file: Path, command: Sequence[str | Path]
    ) -> None:
        support.require_root()
        if not os.access("/dev/fuse", os.W_OK):
            support.fail_or_skip("/dev/fuse")
        server = [sys.executable, str(build.sources / "stopped_files.py"), str(folder), str(file)]
        user = ["setpriv", f"--reuid={support.USER}", f"--regid={support.USER}", "--clear-groups"]
        argv = ["unshare", "--mount", "--propagation=private", *server, *user, *map(str, command)]
        self.server = support.Running(argv, **ROOT)
        self.readers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.server.__enter__()
        self.pid = int(self.server.ready.split()[0])
        return self

    def __exit__(self, *_: object) -> None:
        # Without its server the file system answers again: with an error.
        self.server.process.communicate("", timeout=support.TIMEOUT)
        for reader_of_it in self.readers:
            reader_of_it.wait(support.TIMEOUT)

    def assert_blocks(self, path: str) -> None:
        """Fail as inconclusive unless reading a file makes whoever does it wait for the server."""
        reader_of_it = subprocess.Popen(["head", "-c1", path], stderr=subprocess.DEVNULL)
        self.readers.append(reader_of_it)
        place = Path(f"/proc/{reader_of_it.pid}/wchan")
        while place.read_text() != "request_wait_answer":
            assert reader_of_it.poll() is None, f"inconclusive: {path} does not block"


def test_a_program_of_a_file_system_that_does_not_answer(
    animal: Path, build: support.Compiler, other: Animal, user_tmp: Path
) -> None:
    """Its file is left alone; the command ends, although reading there would not."""
    program = user_tmp / "file"
    with Stopped(user_tmp, build, animal, [program, *HARDENED]) as one:
        found = audit_both(one.pid, other)
        one.assert_blocks(f"/proc/{one.pid}/exe")
        assert (found["uid"], found["dumpable"]) == (support.USER, 0)
        assert found["verdict"] in ("hardened", "unknown")
        # In this process too, which goes on.
        assert process_of(one.pid)["verdict"] in ("hardened", "unknown")


def test_a_loader_s_list_in_a_file_that_does_not_answer(
    animal: Path, build: support.Compiler, other: Animal, user_tmp: Path
) -> None:
    """What was injected is not known then."""
    command = [str(animal), "list", str(user_tmp / "file"), *HARDENED, "wipe=0*"]
    with Stopped(user_tmp, build, animal, command) as one:
        found = audit_both(one.pid, other)
        assert (found["injected_libraries"], found["verdict"]) == (None, "unknown")
        assert scan([one.pid, other.pid]).stuck == []


def read_list_of(one: Animal) -> Start:
    """Return what the libraries in a process's list need."""
    with open(f"/proc/{one.pid}/exe", "rb") as file:
        image = read_image(file.fileno(), "")
    assert image
    _, start = read_lists(f"/proc/{one.pid}", image.bits, image.entry, image.dynamic)
    return start


@pytest.mark.parametrize(("libraries", "needed"), [(700, 40), (2000, 25)])
def test_a_loader_s_list_of_a_huge_program_is_read(
    libraries: int, needed: int, animal: Path
) -> None:
    """Chromium can be built of 700 libraries; docs/audit.md, "Limits", says 2,000."""
    with Animal(animal, "libraries", str(libraries), str(needed)) as one:
        start = read_list_of(one)
        assert [number for number, _ in start] == list(range(libraries))
        expected = {b"libcomponent-%d.so.6" % number for number in range(needed)}
        assert all(set(names) == expected for _, names in start)


@pytest.mark.parametrize(("libraries", "needed"), [(20_000, 0), (2500, 30), (30, 4000), (1, 5000)])
def test_a_loader_s_list_longer_than_any_program_has(
    libraries: int, needed: int, animal: Path, other: Animal
) -> None:
    """What was injected is not known then."""
    support.require_root()
    modes = ["libraries", str(libraries), str(needed)]
    with Animal(animal, *modes) as one, pytest.raises(UnreadableListError):
        read_list_of(one)
    with Animal(animal, *modes, *HARDENED, "wipe=0*", **ROOT) as one:
        found = audit_both(one.pid, other)
        assert (found["injected_libraries"], found["verdict"]) == (None, "unknown")


def test_an_ld_so_preload_that_does_not_answer(
    animal: Path, build: support.Compiler, other: Animal, user_tmp: Path
) -> None:
    """In the place of /etc, in its own mount namespace."""
    etc = user_tmp / "etc"
    etc.mkdir()
    static = build("animal.c", "-pthread", "-static", name="static-animal")
    # Its own files are found by then; the library is looked for below /etc, too.
    env = ["env", f"LD_PRELOAD={etc}/file"]
    with Stopped(etc, build, animal, [*env, static, *HARDENED]) as one:
        found = audit_both(one.pid, other)
        one.assert_blocks(f"/proc/{one.pid}/root{etc}/ld.so.preload")
        assert found["uid"] == support.USER
        assert found["verdict"] in ("partial", "unknown")


def test_no_number_of_variable_names_fills_the_memory_of_the_monitor() -> None:
    """It reads environments as long as it runs, and each may have new names of secrets."""
    reader = environ.EnvironmentReader()
    in_block = environ._MOST_NAMES // 4
    for block in range(9):
        names = ["API_KEY", *(f"N{block}_{number}_KEY" for number in range(in_block))]
        found = reader.classify("".join(f"{name}=x\0" for name in names).encode())
        assert found.secret_variables == tuple(names)
        for cache in (reader._known_names, reader._meaning):
            assert len(cache) <= environ._MOST_NAMES + len(names)
