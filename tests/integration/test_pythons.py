"""One wheel for every Python: installed and used with each that is found here."""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]
MINORS = (10, 11, 12, 13)

ASK = (
    "import sys, json; print(json.dumps("
    "[sys.implementation.name, list(sys.version_info[:2]), sys.executable]))"
)
PROGRAM = """
import json, logging, os
import process_hardening as ph
before = ph.status()
report = ph.pre_main_hardening()
after = ph.status()
assert ph.harden(ph.STRICT).no_new_privs == "applied"
assert ph.__file__.endswith("__init__.abi3.so"), ph.__file__
try:
    ph.harden(1)
except TypeError:
    pass
with ph.SecretBuffer(b"secret") as secret:
    with memoryview(secret)[2:] as view:
        assert bytes(view) == b"cret", bytes(view)
    assert bytearray(secret) == b"secret"
os.environ["TOKEN"] = "1"
assert ph.take_env("TOKEN") == "1" and "TOKEN" not in os.environ
logging.disable()
with ph.watch(0.01), ph.debuggable(1):
    assert ph.status().inspectable
assert not ph.recheck()
print(json.dumps({
    "before": before.verdict,
    "after": after.verdict,
    "removed": sorted(report.removed),
    "forwarded": ph.child_env().get("LD_LIBRARY_PATH"),
    "left": [name for name in os.environ if name.startswith("LD_")],
    "dumpable": after.dumpable,
    "core_limit": after.core_limit,
}))
"""


def candidates(minor: int) -> Iterator[str]:
    """The paths at which an interpreter of this version may be."""
    name = f"python3.{minor}"
    yield sys.executable
    for folder in os.get_exec_path():
        yield os.path.join(folder, name)
    for root in (os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")):
        if root:
            yield from sorted(glob.glob(f"{root}/versions/3.{minor}.*/bin/{name}"))


def interpreters(minor: int) -> list[str]:
    """The CPython interpreters of this version, each once; a shim may lead to none."""
    found: dict[str, str] = {}
    for path in candidates(minor):
        if not os.access(path, os.X_OK):
            continue
        answer = support.run([path, "-I", "-c", ASK])
        if answer.returncode:
            continue
        name, version, executable = json.loads(answer.stdout)
        if name == "cpython" and version == [3, minor]:
            found.setdefault(os.path.realpath(executable), executable)
    return list(found.values())


def install(minor: int, folder: Path) -> None:
    """Put the wheel into a folder, as pip would for this version."""
    (wheel,) = (ROOT / "build" / "wheel").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    offline = ["--no-index", "--no-deps", "--no-compile"]
    version = ["--python-version", f"3.{minor}", "--only-binary=:all:"]
    result = support.run([*pip, *offline, *version, "--target", str(folder), str(wheel)])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("minor", MINORS)
def test_the_wheel_works_with_this_python(minor: int, tmp_path: Path) -> None:
    """Import, harden, read back: the same from the oldest to the newest."""
    found = interpreters(minor)
    if not found:
        support.missing(f"CPython 3.{minor}")
    install(minor, tmp_path)
    for python in found:
        result = support.run(
            [python, "-W", "error", "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "LD_LIBRARY_PATH": "/x", "LD_Y": "1"},
        )
        assert result.returncode == 0, f"{python}: {result.stderr}"
        assert result.stderr == ""
        assert json.loads(result.stdout) == {
            "before": "exposed",
            "after": "hardened",
            "removed": ["LD_LIBRARY_PATH", "LD_Y"],
            "forwarded": "/x",
            "left": [],
            "dumpable": 0,
            "core_limit": [0, 0],
        }


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """Pip says so instead of installing what could not be loaded."""
    with pytest.raises(AssertionError, match=r"not a supported wheel|requires a different Python"):
        install(9, tmp_path)
    assert list(tmp_path.iterdir()) == []
