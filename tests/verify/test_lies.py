"""Whatever surrounds verify, it never says blocked of a victim that lost its hardening."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import support

PROGRAMS = Path(__file__).with_name("programs")
VICTIM = ["--victim", "undone"]


def outcomes(argv: list[str], **environment: str) -> dict[str, tuple[str, str]]:
    """What came of each attack: on the control, and on the victim."""
    result = support.run(argv, env={**os.environ, **environment}, timeout=150)
    assert result.returncode in (1, 3), result.stdout + result.stderr
    rows: list[dict[str, Any]] = json.loads(result.stdout)["attacks"]
    return {row["name"]: (row["control"], row["victims"]["undone"]["outcome"]) for row in rows}


def attack_with(command: str, *names: str) -> list[str]:
    """The command line of verify that makes these attacks on the victim that lost its hardening."""
    words = [word for name in names for word in ("--attack", name)]
    return [command, "verify", "--json", *words, *VICTIM]


READING = ("ptrace-attach", "proc-mem", "process-vm-readv")
LEAKED = dict.fromkeys(READING, ("leaked", "leaked"))


def test_a_preloaded_library_that_refuses_attacks_changes_nothing(
    command: str, user_tmp: Path
) -> None:
    """Attackers and victims start without the loader variables of verify."""
    library = support.Compiler(PROGRAMS, user_tmp)("refusing.c", "-shared", "-fPIC")
    argv = attack_with(command, *READING)
    assert outcomes(argv, LD_PRELOAD=str(library)) == LEAKED


def test_python_code_that_refuses_attacks_changes_nothing(command: str) -> None:
    """Attackers start without PYTHONPATH, which the verify process obeys."""
    argv = attack_with(command, *READING)
    assert outcomes(argv, PYTHONPATH=str(PROGRAMS)) == LEAKED


@pytest.mark.parametrize(
    "environment",
    [
        {"CODEX_SKIP_HARDENING": "1"},
        {"PROCESS_HARDENING_CHILDREN": "1", "PROCESS_HARDENING_KEEP": "*"},
        {"PROCESS_HARDENING_SET_ASIDE": "00"},
        {"PYTHONHASHSEED": "0", "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1"},
    ],
)
def test_our_own_variables_change_nothing(command: str, environment: dict[str, str]) -> None:
    """A hardened victim is hardened, and one that is not leaks."""
    assert outcomes(attack_with(command, *READING), **environment) == LEAKED
    argv = [command, "verify", "--attack", "proc-mem", "--victim", "pre-main"]
    assert support.run(argv, env={**os.environ, **environment}).returncode == 0


def test_a_filter_that_refuses_an_attack_on_one_victim_is_not_believed(
    command: str, python: str
) -> None:
    """The kernel says that its user can read the victim: the attack is inconclusive."""
    argv = attack_with(command, "process-vm-readv")
    filtered = [python, str(PROGRAMS / "lying_filter.py"), python, "-m", "process_hardening"]
    assert outcomes(argv) == {"process-vm-readv": ("leaked", "leaked")}
    assert outcomes([*filtered, *argv[1:]]) == {"process-vm-readv": ("leaked", "inconclusive")}


def test_a_tool_that_is_none_is_not_believed(command: str, user_tmp: Path) -> None:
    """A gdb found by PATH claims to be refused by a victim that its user can read."""
    if shutil.which("gdb", path=os.path.dirname(sys.executable)):
        support.fail_or_skip("an environment without a gdb of its own")
    fake = user_tmp / "gdb"
    shutil.copy(PROGRAMS / "fake_gdb.py", fake)
    fake.chmod(0o755)
    argv = attack_with(command, "gdb")
    path = f"{user_tmp}:{os.environ['PATH']}"
    assert outcomes(argv, PATH=path) == {"gdb": ("leaked", "inconclusive")}


def test_nothing_that_could_be_found_in_path_wraps_a_program(command: str, user_tmp: Path) -> None:
    """The env and the shell of the exec chains are the system's."""
    for name in ("env", "sh"):
        (user_tmp / name).write_text("#!/bin/sh\nexit 0\n")
        (user_tmp / name).chmod(0o755)
    argv = attack_with(command, "exec-env", "exec-shell")
    found = outcomes(argv, PATH=f"{user_tmp}:{os.environ['PATH']}")
    assert found == dict.fromkeys(("exec-env", "exec-shell"), ("leaked", "leaked"))


@pytest.mark.parametrize(
    ("name", "preload"),
    [("with blank, line\nbreak", "inconclusive"), ("-n%p%s{a}" + "d" * 190, "leaked")],
)
def test_an_odd_temporary_folder_changes_nothing(
    command: str, user_tmp: Path, name: str, preload: str
) -> None:
    """The paths of attacks and victims are below it."""
    folder = user_tmp / name
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    argv = attack_with(command, "proc-mem", "ld-preload", "exec-script")
    found = outcomes(argv, TMPDIR=str(folder))
    assert found["proc-mem"] == found["exec-script"] == ("leaked", "leaked")
    # ld.so splits LD_PRELOAD at blanks: the control does not leak then, which proves nothing.
    assert found["ld-preload"] == (preload, preload)
    assert not list(folder.iterdir())


def test_attacks_through_sockets_work_below_a_long_path(command: str, user_tmp: Path) -> None:
    """A socket's path has 107 bytes, and the folder of verify may be longer."""
    folder = user_tmp / ("x" * 100)
    folder.mkdir()
    folder.chmod(0o777)
    found = outcomes(attack_with(command, "core-setsig", "worker-forkserver"), TMPDIR=str(folder))
    assert found["core-setsig"][0] == found["worker-forkserver"][0] == "leaked"
    assert not list(folder.iterdir())


def test_a_temporary_folder_that_the_attacker_cannot_enter_is_an_error(
    command: str, user_tmp: Path
) -> None:
    """One line names it."""
    support.require_root()
    folder = user_tmp / "roots"
    folder.mkdir()
    folder.chmod(0o700)
    os.chown(folder, 0, 0)
    argv = attack_with(command, "proc-mem")
    result = support.run(argv, env={**os.environ, "TMPDIR": str(folder)})
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "set TMPDIR" in result.stderr


def test_without_a_temporary_folder_there_is_one_line(command: str, user_tmp: Path) -> None:
    """Every candidate refuses to hold a file: status 2, which is no leak."""
    argv = attack_with(command, "proc-mem")
    limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *argv]
    result = support.run(limited, cwd=user_tmp)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("process-hardening: cannot create a temporary directory")
    assert result.stderr.count("\n") == 1
    assert "set TMPDIR" in result.stderr
