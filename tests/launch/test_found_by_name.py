"""A hardened program is found by its name, and costs no copy of its file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import starts
import support

STUB_SIZE = 16 * 1024


@pytest.fixture(params=["by name", "in memory"])
def waiting(
    request: pytest.FixtureRequest, harden: str, make: support.Compiler, user_tmp: Path
) -> Iterator[support.Running]:
    """A hardened program called `ph-waiting`, in both places of a stand-in."""
    program = user_tmp / "ph-waiting"
    shutil.copy(make("waiting.c"), program)
    program.chmod(0o755)
    before = starts.refusing("setns=EPERM") if request.param == "in memory" else []
    with support.Running([*before, harden, str(program)]) as running:
        yield running


def test_tools_find_it_by_its_name(waiting: support.Running) -> None:
    """The tools of procps find a hardened program by its name, as everybody."""
    pid = str(waiting.pid)

    for command in (["pgrep", "-x", "ph-waiting"], ["ps", "-o", "pid=", "-C", "ph-waiting"]):
        support.find_tool(command[0])
        assert pid in support.run_as_user(command).stdout.split()


def test_the_image_is_the_stub_and_no_copy(waiting: support.Running) -> None:
    """The file that is executed is no larger than the stub may be."""
    support.require_root()

    assert os.stat(f"/proc/{waiting.pid}/exe").st_size <= STUB_SIZE


def test_root_finds_it_by_its_path(harden: str, make: support.Compiler, user_tmp: Path) -> None:
    """As root, pidof finds a hardened program by the path of its file."""
    support.require_root()
    support.find_tool("pidof")
    program = user_tmp / "ph-waiting"
    shutil.copy(make("waiting.c"), program)
    program.chmod(0o755)

    with support.Running([harden, str(program)]) as running:
        assert str(running.pid) in support.run(["pidof", str(program)]).stdout.split()


def test_the_text_of_the_program_is_shared(harden: str) -> None:
    """A hardened interpreter has no more than 64 KB of private memory beside a plain one."""
    support.require_root()

    def private(pid: int) -> int:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        values = {line.split(":")[0]: line.split()[1] for line in lines[1:]}
        return int(values["Private_Clean"]) + int(values["Private_Dirty"])

    program = [os.path.realpath(sys.executable), "-I", str(starts.PROGRAMS / "wait.py")]
    plain = support.Running(program)
    hardened = support.Running([harden, *program])
    # A second one of each, so that nobody is alone with the pages of the files. The smaller number
    # counts: a page that only one of them has touched so far is private, too.
    plain_too = support.Running(program)
    hardened_too = support.Running([harden, *program])
    with plain, hardened, plain_too, hardened_too:
        least = [
            min(private(one.pid), private(other.pid))
            for one, other in ((hardened, hardened_too), (plain, plain_too))
        ]
        assert least[0] - least[1] <= 64


@pytest.mark.parametrize("words", [[], ["env"], ["sh", "-c", 'exec "$@"', "sh"]], ids=str)
def test_audit_calls_it_hardened(harden: str, make: support.Compiler, words: list[str]) -> None:
    """Our library, which wiped its own request in the environment, is no injection."""
    support.require_root()
    with support.Running([harden, *words, str(make("waiting.c"))]) as running:
        audit = [support.find_tool("process-hardening"), "audit", "--json", str(running.pid)]
        (process,) = json.loads(support.run(audit).stdout)["processes"]

    assert (process["verdict"], process["injected_libraries"]) == ("hardened", [])
