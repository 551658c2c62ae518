"""What audit reports about processes of every kind agrees with what they know about themselves.

Above all: it never calls a process hardened that is not.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit.reader import Reader, read_posture
from process_hardening.audit.scan import scan
from process_hardening.environment import PRELOAD_LIBRARY
from zoo import (
    COMMAND,
    HARDENED,
    ROOT,
    Animal,
    audit,
    audit_json,
    check,
    ids_of,
    in_mounts,
    mount_proc,
    process_of,
)


@pytest.mark.parametrize("options", [{}, ROOT], ids=["user", "root"])
@pytest.mark.parametrize(
    ("modes", "verdict"),
    [
        ([], "exposed"),
        (["core=0,0"], "exposed"),
        (["undump"], "partial"),
        (["undump", "core=0,0"], "hardened"),
        (["undump", "core=0,4096"], "partial"),
        (["undump", "core=1,1"], "partial"),
        (["undump", "core=0,0", "fork"], "hardened"),
        (["undump", "core=0,0", "maps=60000"], "hardened"),
        (["no-new-privs"], "exposed"),
    ],
    ids=str,
)
def test_the_flag_and_the_limit(
    modes: list[str], verdict: str, options: dict[str, Any], animal: Path
) -> None:
    """Flag and limit are what the process itself has, and the verdict is what an attack proves."""
    support.require_root()
    with Animal(animal, *modes, **options) as one:
        found = process_of(one.pid)
        check(one, found)
        assert found["verdict"] == verdict
        assert found["dumpable_source"] == "pidfd"
        assert found["no_new_privs"] is ("no-new-privs" in modes)
        assert found["kind"] == "process"
        assert found["exe"] == str(animal)
        if not options:
            attack = support.run_as_user(["cat", f"/proc/{one.pid}/environ"])
            assert (attack.returncode == 0) is (verdict == "exposed")


def test_a_stopped_process(animal: Path) -> None:
    """A process that is stopped is read like any other."""
    for modes, verdict in (([], "exposed"), (HARDENED, "hardened")):
        with Animal(animal, *modes) as one:
            os.kill(one.pid, signal.SIGSTOP)
            found = process_of(one.pid)
            check(one, found)
            assert found["verdict"] == verdict


def test_exec_loses_the_flag_and_keeps_the_limit(animal: Path) -> None:
    """An exec'd child of a hardened process is exposed."""
    with Animal(animal, *HARDENED, "exec", str(animal)) as one:
        assert (one.dumpable, one.core_limit) == (1, (0, 0))
        found = process_of(one.pid)
        check(one, found)
        assert found["verdict"] == "exposed"


def test_a_set_user_id_program(build: support.Compiler, animal: Path) -> None:
    """A user's set-user-ID program is not dumpable, and nobody said hardened."""
    support.require_root()
    program = build.folder / "raised"
    shutil.copy(animal, program)
    program.chmod(0o4755)
    with Animal(program) as one:
        found = process_of(one.pid)
        check(one, found)
        assert one.dumpable == 0
        assert (found["uid"], found["verdict"]) == (0, "partial")


@pytest.mark.parametrize(
    "modes",
    [
        [],
        HARDENED,
        [*HARDENED, "wipe=0"],
        [*HARDENED, "wipe=0*"],
        [*HARDENED, "wipe=X"],
        [*HARDENED, "wipe=-*"],
        ["wipe=X*"],
    ],
    ids=str,
)
@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
def test_an_injected_library(
    modes: list[str], variable: str, animal: Path, injected: Path, audit_library: Path
) -> None:
    """It is found, also when the process wiped, forged or blotted out its environment."""
    support.require_root()
    library = str(injected if variable == "LD_PRELOAD" else audit_library)
    with (
        Animal(animal, *modes, env={variable: library}) as one,
        Animal(animal, *modes) as control,
    ):
        found, of_control = process_of(one.pid), process_of(control.pid)
        check(one, found)
        assert found["injected_libraries"] == [library]
        assert found["verdict"] == ("partial" if "undump" in modes else "exposed")
        assert "PH008" in ids_of(found)
        asked = any(mode.startswith("wipe") for mode in modes)
        assert found["loader_variables"] == ([] if asked else [variable])

        assert of_control["injected_libraries"] == []
        assert of_control["verdict"] == ("hardened" if "undump" in modes else "exposed")


def test_what_the_program_itself_loads_into_another_namespace(build: support.Compiler) -> None:
    """dlmopen(3) does not inject, wherever the library is mapped: small ones fill gaps."""
    support.require_root()
    program = build("animal.c", "-pthread", "-DAPART", name="apart-animal")
    with Animal(program) as one:
        (libc,) = (path for path in one.code if "/libc.so" in path)
    small = str(Path(libc).with_name("libdl.so.2"))
    for apart in (["apart", small], ["apart", "libdl.so.2", "apart", "libm.so.6"]):
        for last in ([], ["wipe=0*"]):
            with Animal(program, *apart, *HARDENED, *last) as one:
                assert small in one.code, "inconclusive: it was not loaded"
                found = process_of(one.pid)
                check(one, found)
                assert (found["verdict"], found["injected_libraries"]) == ("hardened", [])


PLACES = {
    "here": "",
    "mounted": "mount --bind {folder} /mnt && exec ",
    "container": "mount --rbind / /mnt && exec {chroot} /mnt ",
}
"""What root does in a mount namespace of its own, in the shell, before it starts the animal."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("kinds", "findings"),
    [
        (["same"], []),
        (["damaged"], ["PH019", "PH006"]),
        (["foreign"], ["PH019", "PH006"]),
        (["same", "other"], ["PH008", "PH006"]),
        (["same", "missing"], ["PH006"]),
    ],
    ids=str,
)
def test_our_library_in_ld_preload(
    place: str, kinds: list[str], findings: list[str], animal: Path, injected: Path, user_tmp: Path
) -> None:
    """With the bytes of ours, it is neither an injection nor a variable to report, wherever it is.

    The controls: a damaged copy, a foreign library with its name, and another one beside it.
    """
    name = Path(PRELOAD_LIBRARY).name
    files = {kind: user_tmp / kind / name for kind in ("same", "damaged", "foreign")}
    files |= {kind: user_tmp / kind / "any.so" for kind in ("other", "missing")}
    for kind, file in files.items():
        file.parent.mkdir()
        if kind != "missing":
            shutil.copy(PRELOAD_LIBRARY if kind in ("same", "damaged") else injected, file)
    with files["damaged"].open("ab") as damaged:
        damaged.write(b"\0")
    folder = Path("/mnt") if place == "mounted" else user_tmp
    libraries = [str(folder / kind / files[kind].name) for kind in kinds]
    script = PLACES[place].format(folder=user_tmp, chroot=support.find_tool("chroot"))
    drop = f"setpriv --reuid={support.USER} --regid={support.USER} --clear-groups"
    before = [*in_mounts("true", as_user=False), "sh", "-ec", f'{script}{drop} "$@"', "sh"]
    settings = [f"LD_PRELOAD={':'.join(libraries)}", "PROCESS_HARDENING_CHILDREN=1"]
    with Animal(animal, *HARDENED, before=[*before, "env", *settings], **ROOT) as one:
        found = process_of(one.pid)
        assert ids_of(found) == findings
        assert found["verdict"] == ("partial" if findings else "hardened")
        assert found["loader_variables"] == (["LD_PRELOAD"] if findings else [])
        left = [lib for kind, lib in zip(kinds, libraries, strict=True)
                if kind not in ("same", "missing")]  # fmt: skip
        assert found["injected_libraries"] == left


def test_a_foreign_library_at_the_path_of_ours_is_found_in_a_container(
    animal: Path, injected: Path
) -> None:
    """Its path says nothing there: the container has a file of its own at it."""
    mount = f"mount --bind {injected} {PRELOAD_LIBRARY}"
    for options, before in (({}, []), (ROOT, in_mounts(mount))):
        env = {"LD_PRELOAD": PRELOAD_LIBRARY, "PROCESS_HARDENING_CHILDREN": "1"}
        with Animal(animal, *HARDENED, env=env, before=before, **options) as one:
            found = process_of(one.pid)
            assert ids_of(found) == (["PH019", "PH006"] if before else [])
            for finding in found["findings"][:1]:
                words = "another version of process-hardening, or a library with its name"
                assert finding["message"] == f"{words}: {PRELOAD_LIBRARY}"


@pytest.mark.parametrize("keep", [False, True], ids=["removed", "kept"])
def test_a_library_injected_behind_a_stand_in(keep: bool, animal: Path, injected: Path) -> None:
    """`harden` removes the variable. If it is told not to, the library is found.

    The program then wipes its environment, so that only the loader's list shows it.
    """
    support.require_root()
    before = [support.find_tool("harden"), *["--keep=LD_PRELOAD"] * keep, "--"]
    env = {"LD_PRELOAD": str(injected)}
    with Animal(animal, *HARDENED, "wipe=0*", before=before, env=env) as one:
        found = process_of(one.pid)
        assert found["injected_libraries"] == ([str(injected)] if keep else [])
        assert found["verdict"] == ("partial" if keep else "hardened")


def test_what_is_not_known_makes_an_audit_incomplete(animal: Path, user_tmp: Path) -> None:
    """It is named, and the exit status is 3: root without CAP_SYS_ADMIN cannot see all of it."""
    support.require_root()
    alone = user_tmp / "harden"  # without the library, which would explain the wiped environment
    shutil.copy(support.find_tool("harden"), alone)
    limited = ["setpriv", "--bounding-set=-sys_admin,-checkpoint_restore"]
    with Animal(animal, *HARDENED, "wipe=0*", before=[str(alone), "--"]) as one:
        done = audit(one.pid, before=limited)
        assert done.returncode == 3
        words = "not known: whether a library was injected"
        assert f"Not seen: process {one.pid}: {words}" in " ".join(done.stdout.split())
        assert "as root" not in done.stdout
        assert audit(one.pid).returncode == 0


def test_a_finding_and_its_group_tell_root_in_a_container_the_same(animal: Path) -> None:
    """It lacks CAP_SYS_PTRACE, so that sudo would not help."""
    support.require_root()
    contained = [support.find_tool("setpriv"), "--bounding-set=-sys_ptrace", "--inh-caps=-all"]
    with Animal(animal, *HARDENED, before=[support.find_tool("harden"), "--"]) as one:
        found = audit_json(one.pid, before=contained)
        (finding,) = found["processes"][0]["findings"]
        (group,) = found["groups"]
        assert (finding["id"], group["finding"]) == ("PH015", "PH015")
        assert finding["fix"] == group["fix"]
        assert finding["commands"] == [group["command"].replace(f" {one.pid}", " PID")]
        assert group["command"].startswith(f"setpriv --reuid={support.USER} ")


def test_a_python_that_started_itself_as_a_stand_in(python_animal: list[str]) -> None:
    """Known to be free of injected libraries, as root sees it."""
    support.require_root()
    with Animal(*python_animal, "reexec") as one:
        found = process_of(one.pid)
        assert (found["verdict"], found["injected_libraries"]) == ("hardened", [])


def test_a_library_injected_into_a_python_that_wiped_it(
    python_animal: list[str], injected: Path
) -> None:
    """Hardening wipes LD_PRELOAD, but root still finds the library that it left mapped.

    The control has many libraries that it loaded itself, and none of them is accused.
    """
    support.require_root()
    for env, expected, verdict in (
        ({"LD_PRELOAD": str(injected)}, [str(injected)], "partial"),
        ({"LD_LIBRARY_PATH": "/nonexistent"}, [], "hardened"),
        ({}, [], "hardened"),
    ):
        with Animal(*python_animal, "import", "harden", env=env) as one:
            found = process_of(one.pid)
            check(one, found)
            assert found["loader_variables"] == []
            assert found["injected_libraries"] == expected
            assert found["verdict"] == verdict


def test_a_preload_through_a_link_or_a_name(animal: Path, injected: Path, user_tmp: Path) -> None:
    """What is mapped has another name than what was asked for."""
    link = user_tmp / "link.so"
    link.symlink_to(injected)
    folder = str(injected.parent)
    for value, extra in ((str(link), {}), (injected.name, {"LD_LIBRARY_PATH": folder})):
        with Animal(animal, env={"LD_PRELOAD": value, **extra}) as one:
            assert process_of(one.pid)["injected_libraries"] == [str(injected)]


def test_a_preload_that_is_not_there(animal: Path) -> None:
    """Requested is one thing, injected another; the loader's complaint is its own."""
    with Animal(animal, env={"LD_PRELOAD": "/nonexistent.so"}) as one:
        found = process_of(one.pid)
        assert found["loader_variables"] == ["LD_PRELOAD"]
        assert found["injected_libraries"] == []


def test_a_static_program_takes_no_preload(build: support.Compiler, injected: Path) -> None:
    """Nobody loads it there."""
    support.require_root()
    program = build("animal.c", "-pthread", "-static", name="static-animal")
    with Animal(program, *HARDENED, "wipe=0*", env={"LD_PRELOAD": str(injected)}) as one:
        found = process_of(one.pid)
        assert (found["injected_libraries"], found["verdict"]) == ([], "hardened")


def test_a_musl_program(build: support.Compiler) -> None:
    """Its loader keeps the same list."""
    support.require_root()
    program = build("animal.c", name="musl-animal", cc="musl-gcc")
    library = build("injected.c", "-shared", "-fPIC", name="musl-injected.so", cc="musl-gcc")
    for mode in ("wipe=0*", "wipe=X", "fork"):
        with (
            Animal(program, *HARDENED, mode, env={"LD_PRELOAD": str(library)}) as one,
            Animal(program, *HARDENED, mode) as control,
        ):
            assert process_of(one.pid)["injected_libraries"] == [str(library)]
            assert process_of(control.pid)["verdict"] == "hardened"


def test_our_own_library_is_no_injection(command: str, animal: Path) -> None:
    """`run --method preload` loads it on purpose, with --children and without."""
    support.require_root()
    for extra in ([], ["--children"]):
        before = [command, "run", "--method", "preload", *extra, "--"]
        with Animal(animal, before=before) as one:
            found = process_of(one.pid)
            assert found["injected_libraries"] == []
            assert found["loader_variables"] == []
            assert found["verdict"] == "hardened"


def test_born_hardened(command: str, animal: Path) -> None:
    """`run` starts the process hardened."""
    with Animal(animal, before=[command, "run", "--"]) as one:
        found = process_of(one.pid)
        check(one, found)
        assert found["verdict"] == "hardened"


@pytest.mark.parametrize("hardened_first", [True, False])
def test_a_program_that_runs_hardened_and_injected(
    command: str, build: support.Compiler, injected: Path, hardened_first: bool
) -> None:
    """What is found out about one process is not said about the other."""
    support.require_root()
    program = build("animal.c", "-pthread", "-no-pie", name="fixed-animal")
    ways: list[dict[str, Any]] = [
        {"before": [command, "run", "--"]},
        {"env": {"LD_PRELOAD": str(injected)}},
    ]
    order = 1 if hardened_first else -1
    first, second = ways[::order]
    with Animal(program, "wipe=0*", **first) as one, Animal(program, "wipe=0*", **second) as other:
        hardened, exposed = audit_json(one.pid, other.pid)["processes"][::order]
    assert (hardened["injected_libraries"], hardened["verdict"]) == ([], "hardened")
    assert exposed["injected_libraries"] == [str(injected)]


def test_a_tracer_is_seen(animal: Path) -> None:
    """Also when the flag was set afterwards: a tracer keeps its hold."""
    with Animal(animal, *HARDENED, "trace-me") as one:
        found = process_of(one.pid)
        assert found["tracer_pid"] == one.process.pid
        assert found["verdict"] == "partial"
        assert found["findings"][0]["id"] == "PH005"


def test_a_tracer_of_another_thread_is_seen(python_animal: list[str]) -> None:
    """The status of a process reports the tracer of its first thread only; all are read."""
    with Animal(*python_animal, "trace-thread", "harden") as one:
        found = process_of(one.pid)
        check(one, found)
        assert found["dumpable"] == 0
        assert found["tracer_pid"]
        assert found["verdict"] == "partial"


def test_the_group_of_a_process_is_its_effective_one(animal: Path) -> None:
    """What may read its memory has to have the same group as well, which need not be the uid."""
    support.require_root()
    ids = [f"--reuid={support.USER}", f"--rgid={support.USER + 1}", f"--egid={support.USER + 2}"]
    before = [support.find_tool("setpriv"), *ids, "--clear-groups"]
    with Animal(animal, before=before, **ROOT) as one:
        posture = read_posture(one.pid)
    assert (posture.uid, posture.gid) == (support.USER, support.USER + 2)


def test_another_user_namespace(animal: Path) -> None:
    """Who owns it can read what was started there, so it is not called hardened."""
    support.require_root()
    with Animal(animal, *HARDENED, "unshare") as one:
        found = process_of(one.pid)
        check(one, found)
        assert found["other_user_namespace"] is True
        assert found["verdict"] == "partial"
    with Animal(animal, *HARDENED) as control:
        assert process_of(control.pid)["other_user_namespace"] is False


def test_a_sibling_of_our_user_namespace(animal: Path) -> None:
    """Where both map the same id to itself, the kernel does not say which one a process is in.

    The control: from outside it is known.
    """
    support.require_root()
    unshare = [support.find_tool("unshare"), "--user", "--map-current-user"]
    user = [support.find_tool("setpriv"), f"--reuid={support.USER}", f"--regid={support.USER}"]
    with Animal(animal, *HARDENED, before=unshare) as one:
        found = process_of(one.pid, before=[*user, "--clear-groups", *unshare])
        assert (found["other_user_namespace"], found["verdict"]) == (None, "unknown")
        assert "outside of this user namespace" in found["findings"][0]["fix"]
        for before in ([], [*user, "--clear-groups"]):
            found = process_of(one.pid, before=before)
            assert (found["other_user_namespace"], found["verdict"]) == (True, "partial")


def test_a_zombie(animal: Path) -> None:
    """It has no memory, no verdict and no finding."""
    with Animal(animal, "zombie") as one:
        found = process_of(one.pid)
        assert (found["kind"], found["verdict"]) == ("zombie", "unknown")
        assert (found["dumpable"], found["findings"]) == (None, [])
        listed = {process["pid"] for process in audit_json()["processes"]}
        assert one.pid not in listed
        assert one.process.pid in listed
        assert one.pid in {process["pid"] for process in audit_json("--all")["processes"]}


@pytest.mark.parametrize("modes", [[], HARDENED], ids=["plain", "hardened"])
def test_the_first_thread_ended_before_the_others(modes: list[str], animal: Path) -> None:
    """The process looks like a zombie, and has memory all the same."""
    with Animal(animal, *modes, "no-leader") as one:
        found = process_of(one.pid)
        check(one, found)
        assert found["kind"] == "process"
        assert found["verdict"] == ("hardened" if modes else "exposed")


def test_kernel_threads() -> None:
    """Where the pid namespace shows them, they are marked as such."""
    status = Path("/proc/2/status")
    if not status.exists() or "kthreadd" not in status.read_text():
        support.fail_or_skip("kernel threads in this pid namespace")
    found = process_of(2)
    assert (found["name"], found["kind"], found["verdict"]) == (
        "kthreadd",
        "kernel thread",
        "unknown",
    )
    kinds = {process["kind"] for process in audit_json()["processes"]}
    assert kinds == {"process"}


@pytest.mark.parametrize(
    "name",
    [
        b"with space",
        b"new\nline",
        b") S 1 (",
        b"\x1b[31mred\x1b]0;x",
        b"\rUid:\t0\t0\t0",
        b"\\n\\",
        b"\xff\xfe",
        "\u202enamed".encode(),
        b"",
    ],
    ids=repr,
)
def test_a_hostile_name(name: bytes, animal: Path) -> None:
    """It is told as it is, lies about nothing else, and never reaches the terminal raw."""
    with Animal(animal, *HARDENED, b"name=" + name, "") as one:
        posture = read_posture(one.pid)
        assert os.fsencode(posture.name) == name[:15]
        assert posture.uid == support.USER
        assert posture.tracer_pid == 0
        found = process_of(one.pid)
        check(one, found)
        assert found["name"] == name[:15].decode("utf-8", "backslashreplace")
        for arguments in (["--json"], [], ["--tree"], ["--openmetrics", "-"]):
            done = audit(one.pid, *arguments)
            assert done.returncode == 0, done.stderr
            assert all(c.isprintable() or c == "\n" for c in done.stdout)
            assert "\u202e" not in done.stdout


def test_a_large_environment(animal: Path, injected: Path) -> None:
    """4,900 variables, the last of which matter."""
    env = {f"V{number}": "" for number in range(4_900)}
    env |= {"OPENAI_API_KEY": "x", "LD_PRELOAD": str(injected), "EMPTY_TOKEN": ""}
    with Animal(animal, env=env) as one:
        found = process_of(one.pid)
        assert found["secret_variables"] == ["OPENAI_API_KEY"]
        assert found["loader_variables"] == ["LD_PRELOAD"]
        assert found["injected_libraries"] == [str(injected)]


@pytest.mark.parametrize("wipe", ["wipe=0*", "wipe=-*"])
def test_an_environment_that_its_process_has_overwritten_is_not_known(
    animal: Path, wipe: str
) -> None:
    """With its title, as setproctitle, nginx and sshd do: no verdict, finding or status changes."""
    support.require_root()
    env = {"OPENAI_API_KEY": "x"}
    with Animal(animal, "name=titled", wipe, env=env) as one, Animal(animal, "name=plain") as plain:
        found = process_of(one.pid)
        assert (found["secret_variables"], found["protected"]) == (None, [])
        assert (found["verdict"], ids_of(found)) == ("exposed", ids_of(process_of(plain.pid)))
        (group,) = json.loads(audit(one.pid, "--json").stdout)["groups"]
        assert (group["environment_known"], group["leak"]) == (False, False)
        screen, long, known = (
            audit("--name", "^titled$"),
            audit(one.pid),
            audit("--name", "^plain$"),
        )
    assert (screen.returncode, long.returncode) == (known.returncode, known.returncode)
    assert screen.stdout.startswith("No known secret can be read by others, as far as seen.")
    assert "1 can be read, environment not known: animal" in screen.stdout
    assert "environment not known" in long.stdout
    assert "1 can be read, no secret found: animal" in known.stdout


def test_a_process_without_any_variable_holds_no_secret(animal: Path) -> None:
    """An empty environment is known."""
    with Animal(animal, before=["env", "-i"]) as one:
        assert process_of(one.pid)["secret_variables"] == []


def test_secrets_are_named_and_never_told(animal: Path) -> None:
    """In the environment of a dumpable process, and in the arguments of any."""
    support.require_root()
    value = "hunter2-is-secret"
    modes = ["--password", value, f"--api-key={value}", f"GITHUB_TOKEN={value}",
             f"https://u:{value}@example.org/"]  # fmt: skip
    names = ["--password", "--api-key", "GITHUB_TOKEN", "a password in a URL"]
    env = {"OPENAI_API_KEY": value, "DB_PASSWORD": value, "HARMLESS": value}
    with (
        Animal(animal, *modes, env=env) as one,
        Animal(animal, *HARDENED, *modes, env=env) as hardened,
    ):
        for mode in (["--json"], [], ["--openmetrics", "-"]):
            for done in (audit(one.pid, *mode), audit(hardened.pid, *mode)):
                assert value not in done.stdout + done.stderr
        found = process_of(one.pid)
        assert sorted(found["secret_variables"]) == ["DB_PASSWORD", "OPENAI_API_KEY"]
        assert found["secret_arguments"] == names
        assert {"PH009", "PH010"} <= set(ids_of(found))
        assert ids_of(process_of(hardened.pid)) == ["PH010"]


def test_capabilities_that_read_others(animal: Path) -> None:
    """Whether in effect or only permitted."""
    support.require_root()
    user = str(support.USER)
    before = [support.find_tool("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups",
              "--inh-caps=+sys_ptrace", "--ambient-caps=+sys_ptrace"]  # fmt: skip
    with Animal(animal, before=before, **ROOT) as one:
        found = process_of(one.pid)
        assert found["uid"] == support.USER
        assert found["capabilities"] == ["CAP_SYS_PTRACE"]
        assert "PH011" in ids_of(found)
    with Animal(animal) as control:
        assert process_of(control.pid)["capabilities"] == []


def test_processes_that_end_while_they_are_read(animal: Path) -> None:
    """The audit goes on, and never calls one of them hardened: none of them is."""
    with Animal(animal, *HARDENED) as stays, Animal(animal, "mill") as mill:
        for _ in range(10):
            postures = scan().processes
            of_mill = [posture for posture in postures if posture.ppid == mill.pid]
            assert all(posture.verdict in ("exposed", "unknown") for posture in of_mill)
            (found,) = [posture for posture in postures if posture.pid == stays.pid]
            assert found.verdict == "hardened"


def test_a_process_that_execs_all_the_time(animal: Path, user_tmp: Path) -> None:
    """One process becomes two programs in turn: one hardens itself, the other never does.

    What is read of the two is never mixed.
    """
    support.require_root()
    hard, soft = user_tmp / "hard", user_tmp / "soft"
    for link in (hard, soft):
        os.link(animal, link)
    seen = {"hardened": 0, "exposed": 0}
    with (
        Animal(animal, "core=0,0", "alternate", str(hard), str(soft)) as one,
        Reader() as reader,
    ):
        deadline = time.monotonic() + support.TIMEOUT
        while min(seen.values()) < 50:
            assert time.monotonic() < deadline, seen
            posture = reader.read(one.pid)
            assert posture.verdict in ("exposed", "hardened", "unknown")
            if posture.verdict == "hardened":
                assert posture.exe == str(hard)
            if posture.exe is not None:
                assert posture.exe.endswith(f"/{posture.name}")
            if posture.verdict in seen:
                seen[posture.verdict] += 1


# The rules of programs/filtered.py for kernels that lack a call.
NO_INFO = f"ioctl:1={support.PIDFD_GET_INFO}:ENOTTY"
NO_PROBE = "get_robust_list=ENOSYS"


@pytest.mark.parametrize("modes", [[], HARDENED], ids=["plain", "hardened"])
@pytest.mark.parametrize("calls", [[NO_INFO], ["pidfd_open=ENOSYS"]], ids=str)
def test_an_older_kernel_tells_by_the_owner(
    calls: list[str], modes: list[str], animal: Path, filtered: list[str]
) -> None:
    """Without PIDFD_GET_INFO the owner of /proc/PID/status tells of ordinary users' processes."""
    with Animal(animal, *modes) as one:
        found = process_of(one.pid, before=[*filtered, *calls, "--"])
        check(one, found)
        assert found["dumpable_source"] == "owner"
        assert found["verdict"] == ("hardened" if modes else "exposed")


@pytest.mark.parametrize("modes", [[], HARDENED], ids=["plain", "hardened"])
def test_an_older_kernel_and_a_process_of_root(
    modes: list[str], animal: Path, filtered: list[str]
) -> None:
    """A probe tells where it can; where it cannot, unknown is said."""
    support.require_root()
    with Animal(animal, *modes, **ROOT) as one:
        found = process_of(one.pid, before=[*filtered, NO_INFO, "--"])
        check(one, found)
        assert found["dumpable_source"] == "probe"
        assert found["verdict"] == ("hardened" if modes else "exposed")

        blind = process_of(one.pid, before=[*filtered, NO_INFO, NO_PROBE, "--"])
        assert (blind["dumpable"], blind["dumpable_source"]) == (None, None)
        assert blind["verdict"] == "unknown"
        done = audit(one.pid, before=[*filtered, NO_INFO, NO_PROBE, "--"])
        assert done.returncode == 3
        assert "PH015" in done.stdout

    # In a container nobody has CAP_SYS_PTRACE, and success alone is proof.
    contained = [support.find_tool("setpriv"), "--bounding-set=-sys_ptrace", "--inh-caps=-all"]
    with Animal(animal, *modes, before=contained, **ROOT) as one:
        found = process_of(one.pid, before=[*contained, *filtered, NO_INFO, "--"])
        assert found["verdict"] == ("unknown" if modes else "exposed")


def test_an_older_kernel_and_a_zombie(animal: Path, filtered: list[str]) -> None:
    """Root owns the files of what has no memory, too: that must not count as not dumpable."""
    with Animal(animal, "zombie") as one:
        found = process_of(one.pid, before=[*filtered, NO_INFO, "--"])
        assert (found["kind"], found["dumpable"]) == ("zombie", None)


@pytest.mark.parametrize("mode", ["off", "noaccess", "invisible"])
def test_what_the_same_user_sees(mode: str, animal: Path) -> None:
    """Without root: the flag and the limit are told, what is protected is null.

    With hidepid the kernel hides from a user even the user's own hardened processes.
    """
    before = in_mounts(mount_proc(mode))
    with (
        Animal(animal, *HARDENED, "core=0,0") as one,
        Animal(animal, "name=zoo-seen") as plain,
    ):
        found = process_of(one.pid, before=before)
        check(one, found)
        assert found["uid"] == support.USER
        assert found["injected_libraries"] is None
        assert "injected_libraries" in found["protected"]
        if mode == "off":
            assert found["verdict"] == "hardened"
            assert ids_of(found) == ["PH016"]
            assert found["tracer_pid"] == 0
        else:
            assert found["verdict"] == "unknown"
            assert found["tracer_pid"] is None
            assert found["name"] is None

        exposed = process_of(plain.pid, before=before)
        check(plain, exposed)
        assert exposed["verdict"] == "exposed"
        assert exposed["injected_libraries"] == []

        by_name = audit("--json", "--fail-on", "never", "--name", "zoo-seen", before=before)
        assert by_name.returncode == (0 if mode == "off" else 3)


def test_another_pid_namespace_s_proc(animal: Path) -> None:
    """Its pids are not ours: what a pidfd says of such a number would be another process's."""
    support.require_root()
    before = [support.find_tool("unshare"), "--pid", "--fork"]
    with Animal(animal, *HARDENED) as one, Animal(animal) as plain:
        found = process_of(one.pid, before=before)
        check(one, found)
        assert found["dumpable_source"] == "owner"
        assert process_of(plain.pid, before=before)["verdict"] == "exposed"


def test_python_and_its_remote_debugging(python_animal: list[str]) -> None:
    """The version is told; only from 3.14 on can code be injected so."""
    with Animal(*python_animal) as one:
        found = process_of(one.pid)
        assert found["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert found["remote_debugging"] is (sys.version_info >= (3, 14))
        assert one.pid in [p["pid"] for p in audit_json("--python")["processes"]]


@pytest.mark.parametrize(
    ("arguments", "env", "reachable"),
    [
        ([], {}, True),
        (["-X", "disable-remote-debug"], {}, False),
        (["-Xdisable-remote-debug"], {}, False),
        (["-I", "-X", "dev", "-Xdisable-remote-debug", "app.py"], {}, False),
        (["app.py", "-Xdisable-remote-debug"], {}, True),  # the script's own words
        (["-m", "app", "-X", "disable-remote-debug"], {}, True),
        (["-W", "-Xdisable-remote-debug"], {}, True),  # a value
        (["-X", "disable_remote_debug"], {}, True),  # silently ignored by Python
        ([], {"PYTHON_DISABLE_REMOTE_DEBUG": "1"}, False),
        ([], {"PYTHON_DISABLE_REMOTE_DEBUG": ""}, True),
        (list(HARDENED), {}, False),
    ],
    ids=str,
)
def test_remote_debugging_of_a_new_python(
    arguments: list[str], env: dict[str, str], reachable: bool, animal: Path, user_tmp: Path
) -> None:
    """What counts is the name of the program, as 3.14's interpreter has it, and its switches."""
    support.require_root()
    program = user_tmp / "python3.14"
    shutil.copy(animal, program)
    with Animal(program, *arguments, env=env) as one:
        found = process_of(one.pid)
        assert found["python"] == "3.14"
        assert found["remote_debugging"] is reachable
        assert ("PH013" in ids_of(found)) is reachable


@pytest.mark.parametrize(
    "make",
    [
        "printf '%s\\0x /a' {library} > {file}",
        "mkfifo {file}",
        "ln -s /dev/zero {file}",
        "mkdir {file}",
        "echo {library} > {file}",
    ],
    ids=["nul", "pipe", "link", "folder", "plain"],
)
def test_an_ld_so_preload_of_another_mount_namespace(
    make: str, animal: Path, injected: Path, build: support.Compiler, user_tmp: Path
) -> None:
    """Its owner may be hostile: nothing but a plain file is read, and it is the process's own."""
    program = build("animal.c", "-pthread", "-static", name="static-animal")
    etc = user_tmp / "etc"
    etc.mkdir()
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), etc)
    script = make.format(library=injected, file=etc / "ld.so.preload")
    plain = make.startswith("echo")
    if plain:  # the others would stop the programs on the way to the animal
        support.run(["sh", "-ec", script])
    with (
        Animal(animal if plain else program, *HARDENED,
               before=in_mounts(f"mount --bind {etc} /etc"), **ROOT) as one,
        Animal(animal) as other,
    ):  # fmt: skip
        if not plain:
            support.run(["sh", "-ec", script])
        found = process_of(one.pid)
        assert found["uid"] == support.USER
        assert found["injected_libraries"] == ([str(injected)] if plain else [])
        assert process_of(other.pid)["injected_libraries"] == []


PROGRAMS = Path(__file__).with_name("programs")
PRINT_PRELOAD_FILE = [sys.executable, str(PROGRAMS / "print_preload_file.py")]
GO_DEEP = [sys.executable, str(PROGRAMS / "go_deep.py")]


@pytest.mark.parametrize("source", ["/proc/version", "/dev/null", ""])
def test_an_ld_so_preload_that_is_no_ordinary_file(source: str, tmp_path: Path) -> None:
    """Not read: what another process chose could block us, or be used up, as /proc/kmsg."""
    support.require_root()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.preload").write_text("/one.so\n")
    (tmp_path / "status").write_text("")
    (tmp_path / "root").symlink_to(tmp_path)
    bind = f"mount --bind {source} {tmp_path}/etc/ld.so.preload" if source else "true"
    mounted = ["unshare", "-m", "sh", "-c", f'{bind} && exec "$@"', "sh"]
    result = support.run([*mounted, *PRINT_PRELOAD_FILE, str(tmp_path)])
    assert (result.stdout, result.stderr) == ("None\n" if source else "[b'/one.so']\n", "")


def test_the_folder_in_which_a_program_runs(animal: Path, user_tmp: Path) -> None:
    """Not known if it was deleted, or if its path is longer than the kernel shows."""
    folder = user_tmp / "folder"
    folder.mkdir()
    with Animal(animal, cwd=folder) as one:
        assert read_posture(one.pid).cwd == str(folder)
        folder.rmdir()
        assert read_posture(one.pid).cwd is None
    with Animal(animal, before=GO_DEEP, cwd=user_tmp) as one:
        posture = read_posture(one.pid)
        assert (posture.cwd, posture.verdict) == (None, "exposed")


def test_root_without_a_capability_is_told_how_to_find_out(animal: Path) -> None:
    """As in a container. The command works as it is printed."""
    support.require_root()
    setpriv = support.find_tool("setpriv")
    before = [setpriv, "--bounding-set=-sys_ptrace", "--inh-caps=-all"]
    with Animal(animal, *HARDENED) as one:
        (group,) = audit_json(one.pid, before=before)["groups"]
        assert group["reason"] == "unknown"
        assert "You lack CAP_SYS_PTRACE" in group["fix"]
        assert "as its user" in group["fix"]
        words = [COMMAND if w == "process-hardening" else w for w in group["command"].split()]
        again = support.run([*before, *words, "--json"])
        (group,) = json.loads(again.stdout)["groups"]
        assert group["reason"] == "hardened"
        assert process_of(one.pid)["verdict"] == "hardened"
