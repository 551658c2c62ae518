"""Fixtures that every test may use; what they are made of is in support.py."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import support


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Programs inherit what is ignored, and a runner in the background or under nohup ignores."""
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def installed_wheel() -> None:
    """The tests are of the installed wheel, never of the source tree."""
    import process_hardening

    where = Path(str(process_hardening.__file__)).resolve()
    assert where.is_relative_to(Path(sys.prefix).resolve()), f"not installed: {where}"


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter that the wheel is installed for."""
    return sys.executable


@pytest.fixture(scope="session")
def command() -> str:
    """The path of the installed process-hardening command."""
    return str(Path(sys.executable).with_name("process-hardening"))


@pytest.fixture
def user_tmp() -> Iterator[Path]:
    """An empty folder that the unprivileged user owns."""
    folder = Path(tempfile.mkdtemp(prefix="ph-test-"))
    if os.getuid() == 0:
        os.chown(folder, support.USER, support.USER)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def compiler() -> Iterator[support.Compiler]:
    """Makes the C programs of programs/launch/."""
    with tempfile.TemporaryDirectory(prefix="ph-compiled-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield support.Compiler(Path(__file__).with_name("programs") / "launch", folder)


@pytest.fixture
def core_pattern() -> Iterator[support.Sysctl]:
    """kernel.core_pattern, to be set; restored afterwards, whatever happens."""
    with support.Sysctl("kernel/core_pattern") as sysctl:
        yield sysctl


@pytest.fixture
def suid_dumpable() -> Iterator[support.Sysctl]:
    """fs.suid_dumpable, to be set; restored afterwards, whatever happens."""
    with support.Sysctl("fs/suid_dumpable") as sysctl:
        yield sysctl
