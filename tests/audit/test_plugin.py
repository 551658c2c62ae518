"""The pytest plugin, in the tests of another project."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.pytest_plugin import assert_hardened
from zoo import HARDENED, Animal


def test_hardened(animal: Path) -> None:
    """By pid and by any object that has one."""
    with Animal(animal, *HARDENED) as one:
        assert_hardened(one.pid)
        assert_hardened(one.process)


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ([], "PH001 high"),
        (["undump"], "PH004 low"),
        ([*HARDENED, "trace-me"], "PH005 high"),
        (["zombie"], r"process \d+ \(.*\) has ended, so it is not hardened"),
    ],
    ids=str,
)
def test_not_hardened(modes: list[str], said: str, animal: Path) -> None:
    """The failure says what is wrong and how to fix it."""
    with Animal(animal, *modes) as one, pytest.raises(AssertionError, match=said):
        assert_hardened(one.pid)


def test_gone_and_not_started() -> None:
    """Fail, too."""
    with pytest.raises(AssertionError, match="no such process"):
        assert_hardened(4194304)

    class Unborn:
        pid = None

    with pytest.raises(AssertionError, match="not started"):
        assert_hardened(Unborn())


@pytest.mark.parametrize(
    ("process", "options", "said"),
    [
        (None, {}, "process must be a pid, a name or an object with a pid, not None"),
        (1.5, {}, "process must be a pid, a name or an object with a pid, not 1.5"),
        (1, {"within": "x"}, "within must be a number of seconds, not 'x'"),
    ],
)
def test_a_wrong_argument_is_named(process: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(said)}$"):
        assert_hardened(process, **options)


def test_all_processes_of_a_name(animal: Path) -> None:
    """By a regular expression: one that is not hardened fails, as in `audit --name`."""
    with Animal(animal, *HARDENED, "plugin-one") as one:
        assert_hardened("plugin-(one|two)$")
        with (
            Animal(animal, "plugin-two") as two,
            pytest.raises(AssertionError, match=f"process {two.pid} .* is exposed") as failed,
        ):
            assert_hardened("plugin-(one|two)$")
        assert str(one.pid) not in str(failed.value)


@pytest.mark.parametrize("name", ["^no-such-progr[a]m$", "("])
def test_a_name_that_nothing_matches_fails(name: str) -> None:
    """A typo must not pass, nor an expression that is none; the failure names it."""
    with pytest.raises(AssertionError, match=re.escape(repr(name))):
        assert_hardened(name)


def test_what_is_tolerated(animal: Path) -> None:
    """By the ids of findings; what is unknown cannot be tolerated."""
    with Animal(animal, "undump") as one:
        assert_hardened(one.pid, allow=lambda found: found == "PH004")
        with pytest.raises(AssertionError):
            assert_hardened(one.pid, allow=lambda found: found == "PH001")
    with Animal(animal, "zombie") as one, pytest.raises(AssertionError):
        assert_hardened(one.pid, allow=lambda _: True)


def test_waiting_for_it(python_animal: list[str]) -> None:
    """It waits as long as it was told for a program that hardens itself later."""
    with Animal(*python_animal, "wait", "harden") as one:
        begin = time.monotonic()
        with pytest.raises(AssertionError):
            assert_hardened(one.process, within=0.1)
        assert time.monotonic() - begin >= 0.1
        assert one.process.stdin is not None
        one.process.stdin.write("\n")
        one.process.stdin.flush()
        assert_hardened(one.process, within=support.TIMEOUT)


def test_in_another_project(tmp_path: Path, animal: Path) -> None:
    """The fixture comes with one line in conftest.py, and without a warning."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["process_hardening.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(
        "def test_good(assert_hardened):\n    assert_hardened({good})\n"
        "def test_bad(assert_hardened):\n    assert_hardened({bad})\n"
    )
    with Animal(animal, *HARDENED) as good, Animal(animal) as bad:
        text = (tmp_path / "test_it.py").read_text()
        (tmp_path / "test_it.py").write_text(text.format(good=good.pid, bad=bad.pid))
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                tmp_path,
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=support.TIMEOUT,
        )
        assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
        assert "is exposed, not hardened" in done.stdout


def test_it_does_not_load_itself(tmp_path: Path) -> None:
    """Whoever has this package and pytest gets no warning and no slower start from it."""
    (tmp_path / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert 'process_hardening' not in sys.modules\n"
    )
    done = support.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider",
         str(tmp_path)],
        cwd=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
