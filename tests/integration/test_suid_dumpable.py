"""fs.suid_dumpable=2: what is started hardened leaves nothing to a core, or is not started."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import starts
import support
from victims import Cores

IN_MEMORY = starts.refusing("setns=EPERM")
METHODS = {
    "auto": [],
    "execute-only": ["--method", "execute-only"],
    "copy": ["--method", "copy"],
    "preload": ["--method", "preload"],
}


@pytest.fixture(autouse=True)
def suid_dumpable_is_2(suid_dumpable: support.Sysctl) -> None:
    """Every test of this file."""
    suid_dumpable.set("2")


@pytest.fixture(params=["dynamic", "static"])
def puppet(request: pytest.FixtureRequest, compiler: support.Compiler) -> str:
    """A program that holds a secret."""
    flags = ["-static"] if request.param == "static" else []
    return str(compiler("puppet.c", *flags, name=f"puppet-{request.param}"))


def find_secret(argv: Sequence[str], cores: Cores) -> bool | None:
    """Whether a core has the secret of a program that crashes; None if it was not started."""
    secret = secrets.token_hex(16)
    process = support.Running(argv)
    if not process.ready:
        _, errors = process.process.communicate(timeout=support.TIMEOUT)
        assert process.process.returncode == 126, errors
        assert errors.startswith(starts.PREFIX)
        assert errors.count("\n") == 1
        return None
    with process:
        process.ask(f"hold {secret}")
        process.end_by(signal.SIGSEGV)
        return secret.encode() in (cores.find(process.pid) or b"")


@pytest.mark.parametrize("place", [[], IN_MEMORY], ids=["by name", "in memory"])
@pytest.mark.parametrize("method", METHODS)
def test_no_method_leaves_anything_to_a_core(
    method: str, place: list[str], puppet: str, cores: Cores
) -> None:
    """Dynamic or static: hardened, or refused with one line that names the setting."""
    harden = support.find_tool("harden")
    assert find_secret([puppet], cores), "inconclusive"
    assert not find_secret([*place, harden, *METHODS[method], "--", puppet], cores)


@pytest.fixture
def unreadable(puppet: str, user_tmp: Path) -> str:
    """The program as a file that its user may execute but not read."""
    support.require_root()
    path = user_tmp / "unreadable"
    shutil.copy(puppet, path)
    os.chown(path, 0, 0)
    path.chmod(0o711)
    return str(path)


def test_an_unreadable_program_is_refused(unreadable: str, cores: Cores) -> None:
    """The kernel protects it from other processes, but not from a pipe: the control is dumped."""
    harden = support.find_tool("harden")
    if cores.piped:
        assert find_secret([unreadable], cores), "inconclusive"
    assert find_secret([harden, unreadable], cores) is None


@pytest.mark.parametrize("policy", ["default", "reexec"])
def test_a_python_that_hardens_itself_leaves_nothing(
    policy: str, programs: Path, cores: Cores
) -> None:
    """What the kernel made 2 becomes 0."""
    script = str(programs / "puppet.py")
    assert find_secret([sys.executable, script, "plain"], cores), "inconclusive"
    assert find_secret([sys.executable, script, policy], cores) is False
