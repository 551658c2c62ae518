"""Where the library cannot be loaded when a process becomes another program, that runs unchanged.

Nobody can say so then: the process that knows it is gone (docs/harden.md, limits).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import starts
import support
from process_hardening.environment import PRELOAD_LIBRARY

NAMES = ("LD_PRELOAD", "PROCESS_HARDENING")


@pytest.fixture
def installed(harden: str, user_tmp: Path) -> tuple[str, Path]:
    """The command and its library in a folder that the unprivileged user can change."""
    (user_tmp / "bin").mkdir()
    library = user_tmp / "lib" / "process-hardening" / "libprocess_hardening.so"
    library.parent.mkdir(parents=True)
    shutil.copy(harden, user_tmp / "bin" / "harden")
    shutil.copy(PRELOAD_LIBRARY, library)
    for path in (library, library.parent, library.parent.parent):
        shutil.chown(path, support.USER, support.USER)
    return str(user_tmp / "bin" / "harden"), library


def test_the_library_is_found_there(installed: tuple[str, Path], show: str) -> None:
    """The control: what becomes another program stays hardened."""
    command, _ = installed
    shown = starts.show([command, "sh", "-c", 'exec "$@"', "sh", show])
    assert shown.value("dumpable") == "0"


@pytest.mark.parametrize("fault", ["rm {}", "chmod 0 {}"])
def test_a_library_that_is_hidden(fault: str, installed: tuple[str, Path], show: str) -> None:
    """No line of the dynamic loader, and no variable of ours is left."""
    command, library = installed
    script = f'{fault.format(library)}; exec "$@"'
    result = support.run_as_user([command, "sh", "-c", script, "sh", show])
    assert (result.returncode, result.stderr) == (0, "")
    assert starts.Shown(result.stdout).value("dumpable") == "1"
    env = {name: value for name, value in os.environ.items() if not name.startswith(NAMES)}
    left = support.run_as_user([command, "sh", "-c", script, "sh", "env"], env=env)
    assert left.returncode == 0
    assert not [line for line in left.stdout.splitlines() if line.startswith(NAMES)]


def test_a_library_of_another_architecture(installed: tuple[str, Path], show: str) -> None:
    """The dynamic loader says so in its line and starts the program."""
    command, library = installed
    foreign = bytearray(library.read_bytes())
    foreign[4] ^= 3  # EI_CLASS: 32 bits instead of 64, or the other way
    (library.parent / "foreign").write_bytes(foreign)
    script = f'mv {library.parent}/foreign {library}; exec "$@"'
    result = support.run_as_user([command, "sh", "-c", script, "sh", show])
    assert result.returncode == 0
    assert result.stderr.count("\n") == 1
    assert "cannot be preloaded" in result.stderr


def test_a_library_that_a_chroot_hides(harden: str, make: support.Compiler, user_tmp: Path) -> None:
    """A program that becomes another one below a chroot without the library runs as without us."""
    support.require_root()
    static = make("show.c", "-static", name="show-static")
    shutil.copy(static, user_tmp / "show")
    words = ["chroot", str(user_tmp), "/show"]
    result = support.run([harden, *words])
    assert (result.returncode, result.stderr) == (0, "")
    assert starts.Shown(result.stdout).value("dumpable") == "1"


@pytest.mark.parametrize(("cc", "least"), [("cc", 3), ("musl-gcc", 4)])
def test_few_descriptors(cc: str, least: int, harden: str, make: support.Compiler) -> None:
    """A program of either libc that has no more than it needs is hardened, or does not start.

    Of three, musl has none left for a library and goes on without, which nobody can tell before.
    """
    program = str(make("show.c", name=f"show-{cc}", cc=cc))
    for limit in range(least, 8):
        script = f'ulimit -n {limit}; exec "$@"'
        result = support.run_as_user([harden, "sh", "-c", script, "sh", program])
        assert "dumpable 1" not in result.stdout
        assert result.returncode == 0 or result.stderr
