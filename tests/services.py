"""Runs services of the system in a mount namespace of its own: cron, or what a script becomes."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import support

PLACES = {
    "crontab": "/etc/crontab",
    "cron.d": "/etc/cron.d",
    "spool": "/var/spool/cron",
    "run": "/run",
    "bin": "/usr/local/bin",
}
"""What is put in the place of the machine's own, in a mount namespace of the test's."""


@contextmanager
def run_cron(folder: Path, crontab: str, program: str) -> Iterator[None]:
    """Run the machine's cron for one user, with files of its own in the place of the machine's.

    program -- the command of ours that is in /usr/local/bin, which root owns
    """
    support.require_root()
    user = pwd.getpwuid(support.USER).pw_name
    for name in PLACES:
        (folder / name).mkdir(exist_ok=True) if name != "crontab" else (folder / name).touch()
    (folder / "spool" / "crontabs").mkdir()
    table = folder / "spool" / "crontabs" / user
    table.write_text(crontab)
    table.chmod(0o600)
    os.chown(table, support.USER, support.USER)
    shutil.copy(support.find_tool(program), folder / "bin")
    mounts = [f"mount --bind {folder / name} {place}" for name, place in PLACES.items()]
    with run_in_namespace([*mounts, f"exec {support.find_tool('cron')} -f"]):
        yield


@contextmanager
def run_in_namespace(commands: list[str]) -> Iterator[None]:
    """Run a script of the shell as root in a mount namespace, and kill what it becomes."""
    argv = [support.find_tool("unshare"), "--mount", "sh", "-c", " && ".join(commands)]
    with subprocess.Popen(argv) as process:
        try:
            yield
        finally:
            process.kill()


def wait_for(path: Path) -> None:
    """Wait until there is a file."""
    _wait_until(path.exists, path)


def read_written(path: Path) -> str:
    """Wait until something has been written to a file, and return it."""
    _wait_until(lambda: path.exists() and path.read_text() != "", path)
    return path.read_text()


def _wait_until(holds: Callable[[], bool], path: Path) -> None:
    deadline = time.monotonic() + support.TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, f"never: {path}"
        time.sleep(0.05)
