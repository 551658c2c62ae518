"""What the tests of the native launcher share: the installed command and programs to start."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import support

PROGRAMS = Path(__file__).with_name("programs")
HARDEN_PAGE = Path(__file__).resolve().parents[2] / "docs" / "harden.md"


@pytest.fixture(scope="session")
def harden() -> str:
    """The installed command, which belongs to whoever installed the wheel."""
    return support.find_tool("harden")


@pytest.fixture(scope="session")
def make() -> Iterator[support.Compiler]:
    """Makes the C programs of this folder."""
    with tempfile.TemporaryDirectory(prefix="ph-launch-") as name:
        Path(name).chmod(0o755)
        yield support.Compiler(PROGRAMS, Path(name))


@pytest.fixture(scope="session")
def show(make: support.Compiler) -> str:
    """A program that says how it was started."""
    return str(make("show.c"))


@pytest.fixture(scope="session")
def holder(make: support.Compiler) -> str:
    """A program that holds a canary."""
    return str(make("holder.c"))


@pytest.fixture(scope="session")
def roots_harden(harden: str) -> Iterator[str]:
    """The command and its library as docs/harden.md has root install them."""
    support.require_root()
    with tempfile.TemporaryDirectory(prefix="ph-root-") as name:
        Path(name).chmod(0o755)
        path = Path(name) / "bin" / "harden"
        path.parent.mkdir()
        lines = re.findall("^# (install .+)$", HARDEN_PAGE.read_text(), re.MULTILINE)
        script = "\n".join(lines).replace("/usr/local/", f"{name}/")
        environment = Path(harden).parent.parent
        installed = support.run(["sh", "-euc", script.replace(".venv", str(environment))])
        assert (installed.returncode, installed.stderr) == (0, "")
        assert os.stat(path).st_uid == 0
        yield str(path)
