"""Fixtures for tests that start tests/programs: victims, attackers, and where cores go."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import support
import victims


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """Copy tests/programs where the unprivileged user can start them, with the C ones compiled."""
    with tempfile.TemporaryDirectory(prefix="ph-programs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for source in victims.PROGRAMS.iterdir():
            if source.suffix == ".c":
                output = folder / source.stem
                flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
                subprocess.run([support.find_tool("cc"), *flags, source, "-o", output], check=True)
            elif source.is_file():
                shutil.copy(source, folder)
        yield folder


@pytest.fixture
def chat(programs: Path) -> str:
    """Return the path of the chat, the victim."""
    return str(programs / "chat.py")


@pytest.fixture(params=["file", "pipe"])
def cores(
    request: pytest.FixtureRequest,
    programs: Path,
    user_tmp: Path,
    core_pattern: support.Sysctl,  # restored before the folder goes
) -> Iterator[victims.Cores]:
    """Send core dumps to a folder, once as files and once through a pipe to a program."""
    with support.Sysctl("kernel/core_pipe_limit") as pipe_limit, victims.allow_core_dumps():
        if request.param == "file":
            core_pattern.set(f"{user_tmp}/core.%p")
        else:
            # Above 0: a process that dumps is not gone before the program in the pipe is.
            pipe_limit.set("64")
            core_pattern.set(f"|{programs}/save_core.sh %p {user_tmp}")
        yield victims.Cores(user_tmp, piped=request.param == "pipe")
