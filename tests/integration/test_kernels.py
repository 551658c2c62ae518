"""`make kernels`: machines that fail, missing tools, no network."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tools import debian
from tools.kernels import machines

import support
from victims import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]


def ignore(_: dict[str, Any]) -> None:
    """Leave out what a machine reports."""


def test_a_machine_that_hangs_is_ended(tmp_path: Path) -> None:
    """The error has its last words."""
    command = ["sh", "-c", "echo its last words; exec sleep 600"]
    begun = time.monotonic()
    with pytest.raises(debian.MatrixError, match=r"did not end within 1 .*'its last words'.*log"):
        machines.boot(command, tmp_path / "log", ignore, 1.0)
    assert time.monotonic() - begun < support.TIMEOUT


def test_a_machine_that_ends_too_early_is_an_error(tmp_path: Path) -> None:
    """What it reported before does not count."""
    command = ["echo", '@@ {"kernel": "6.1"}']
    with pytest.raises(debian.MatrixError, match="ended too early"):
        machines.boot(command, tmp_path / "log", ignore, 60.0)


def test_an_image_that_does_not_boot_is_an_error(tmp_path: Path) -> None:
    """The message is qemu's."""
    kernel = tmp_path / "vmlinuz"
    kernel.write_bytes(b"no kernel")
    command = [support.find_tool("qemu-system-x86_64"), "-display", "none", "-kernel", str(kernel)]
    with pytest.raises(debian.MatrixError, match=r"ended too early.*invalid kernel header.*log"):
        machines.boot(command, tmp_path / "log", ignore, 60.0)


def run_command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command of `make kernels`."""
    command = [sys.executable, "-m", "tools.kernels", *arguments]
    return support.run(command, cwd=ROOT, env={**os.environ, **env})


def test_missing_tools_are_named(tmp_path: Path) -> None:
    """All at once, with the packages that have them; that is a failure, not a skip."""
    done = run_command(PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("kernels: missing here: qemu-system-x86_64, qemu-system-aarch64,")
    assert "apt-get install qemu-system-x86 qemu-system-arm" in done.stderr


def test_an_unknown_machine_is_a_usage_error() -> None:
    """The message lists the known ones."""
    done = run_command("buzz")
    assert done.returncode == 2
    assert "there are: bookworm, " in done.stderr


def test_without_a_network_nothing_half_made_is_left(tmp_path: Path) -> None:
    """The message names what could not be fetched."""
    settings = tmp_path / "apt.conf"
    settings.write_text('Acquire::Retries "0";')  # apt would wait between its attempts
    cache = tmp_path / "cache"
    support.find_tool("apt-get")
    unshare = [support.find_tool("unshare"), "--map-root-user", "--net"]
    done = support.run(
        [*unshare, sys.executable, str(PROGRAMS / "fetch_kernel.py"), str(cache)],
        env={**os.environ, "APT_CONFIG": str(settings), "PYTHONPATH": str(ROOT)},
    )
    assert "tools.debian.MatrixError: apt-get ended with 100: E: " in done.stderr
    assert not [path for path in cache.glob("*/*") if not path.name.startswith(".")]
