"""`verify` works wherever Python finds the package, not only in site-packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import support
import victims

VICTIMS = ("pre-main", "reexec", "execute-only", "preload", "in-process", "interpreter")
ATTACKS = ("proc-mem", "child")
NATIVE = "_process_hardening"


@pytest.fixture
def python(user_tmp: Path) -> str:
    """Return an interpreter that does not find the package by itself."""
    folder = user_tmp / "venv"
    made = support.run_as_user([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    assert made.returncode == 0, made.stderr
    return str(folder / "bin" / "python")


@pytest.fixture
def packages(user_tmp: Path) -> Path:
    """Return a folder with the package, as `pip install --target` makes it."""
    folder = user_tmp / "packages"
    folder.mkdir(mode=0o755)
    victims.copy_package(folder / "process_hardening")
    return folder


def verify(
    python: str, cwd: Path, path: str | None, *, is_root: bool
) -> subprocess.CompletedProcess[str]:
    """Attack the victims in a working directory and with a PYTHONPATH."""
    argv = [python, "-m", "process_hardening", "verify", "--json"]
    argv += [word for name in ATTACKS for word in ("--attack", name)]
    argv += [word for name in VICTIMS for word in ("--victim", name)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = support.run if is_root else support.run_as_user
    return run(argv, cwd=cwd, env={**env, "PYTHONPATH": path} if path else env)


@pytest.mark.parametrize(
    ("place", "is_root"),
    [
        ("PYTHONPATH", True),
        ("relative PYTHONPATH", False),
        ("working directory", True),
        ("working directory", False),
    ],
)
def test_the_package_is_found_in_any_place(
    place: str, is_root: bool, python: str, packages: Path
) -> None:
    """By the laboratory, its core guard, the victims and the attackers, which start elsewhere."""
    if is_root:
        support.require_root()
    path = {"PYTHONPATH": str(packages), "relative PYTHONPATH": packages.name}.get(place)
    cwd = packages if place == "working directory" else packages.parent
    done = verify(python, cwd, path, is_root=is_root)
    assert (done.returncode, done.stderr) == (0, "")
    for attack in json.loads(done.stdout)["attacks"]:
        assert attack["control"] == "leaked"
        outcomes = {name: cell["outcome"] for name, cell in attack["victims"].items()}
        assert outcomes == dict.fromkeys(VICTIMS, "blocked"), attack["name"]


def test_the_reason_is_named_if_the_laboratory_does_not_start(python: str, packages: Path) -> None:
    """Such as a part of the package that only `verify` itself finds."""
    apart = packages.with_name("apart")
    apart.mkdir(mode=0o755)
    (extension,) = packages.glob(f"{NATIVE}*")
    extension.rename(apart / extension.name)
    done = verify(python, packages.parent, f"{packages}:{apart}", is_root=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"ModuleNotFoundError: No module named '{NATIVE}'" in done.stderr
