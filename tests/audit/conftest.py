"""Fixtures of the tests of what other processes and the host are like."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import support

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def build() -> Iterator[support.Compiler]:
    """Makes the C programs of programs/, where the unprivileged user can start them."""
    with tempfile.TemporaryDirectory(prefix="ph-zoo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(HERE.parent / "programs" / "filtered.py", folder)
        for program in ("python_animal.py", "refused_deputy.py"):
            shutil.copy(HERE / "programs" / program, folder)
        yield support.Compiler(HERE / "programs", folder)


@pytest.fixture(scope="session")
def animal(build: support.Compiler) -> Path:
    """The program of the zoo's inhabitants."""
    return build("animal.c", "-pthread")


@pytest.fixture(scope="session")
def injected(build: support.Compiler) -> Path:
    """A library to inject with LD_PRELOAD."""
    return build("injected.c", "-shared", "-fPIC", name="libinjected.so")


@pytest.fixture(scope="session")
def audit_library(build: support.Compiler) -> Path:
    """A library to inject with LD_AUDIT."""
    return build("audit_library.c", "-shared", "-fPIC", name="libaudited.so")


@pytest.fixture(scope="session")
def filtered(build: support.Compiler) -> list[str]:
    """The words before a command that make calls fail for it: rules and -- follow."""
    return [sys.executable, str(build.folder / "filtered.py")]


@pytest.fixture(scope="session")
def python_animal(build: support.Compiler, python: str) -> list[str]:
    """The words that start a Python of the zoo: its modes follow."""
    return [python, str(build.folder / "python_animal.py")]
