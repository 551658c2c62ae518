"""The types of the public names: mypy and pyright, strict, on one file of right and wrong uses.

They read the installed wheel, as in another project: no configuration of ours, no plugin.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import support

USES = Path(__file__).parents[1] / "types" / "uses.py"
EXPECTED = re.compile(r"  # type: ignore\[[\w-]+\]$", re.MULTILINE)
ERROR = 'print(ph.harden().inspection == "done")\n'


def run_mypy(folder: Path) -> set[tuple[str, int]]:
    """The files and lines in which mypy finds an error."""
    support.import_module("mypy")
    options = ["--strict", "--config-file=", "--cache-dir", os.devnull, "--no-error-summary"]
    result = support.run([sys.executable, "-m", "mypy", *options, "."], cwd=folder)
    found = re.findall(r"^([\w.]+):(\d+): error: ", result.stdout, re.MULTILINE)
    assert bool(found) == bool(result.returncode), result.stdout + result.stderr
    return {(name, int(line)) for name, line in found}


def run_pyright(folder: Path) -> set[tuple[str, int]]:
    """The files and lines in which pyright finds an error."""
    support.import_module("pyright")
    options = ["--outputjson", "--pythonpath", sys.executable]
    result = support.run([sys.executable, "-m", "pyright", *options, "."], cwd=folder)
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in json.loads(result.stdout)["generalDiagnostics"]
        if one["severity"] == "error"
    }


@pytest.mark.parametrize("check", [run_mypy, run_pyright])
def test_right_uses_are_right_and_wrong_ones_are_errors(
    check: Callable[[Path], set[tuple[str, int]]], tmp_path: Path
) -> None:
    """With the comments there is no error; without them, one in each of their lines."""
    text = USES.read_text()
    wrong = {number for number, line in enumerate(text.splitlines(), 1) if EXPECTED.search(line)}
    assert len(wrong) > 30
    (tmp_path / "right.py").write_text(text)
    (tmp_path / "wrong.py").write_text(EXPECTED.sub("", text))
    (tmp_path / "one_wrong.py").write_text(f"{text}\n{ERROR}")
    end = len(text.splitlines()) + 2
    assert check(tmp_path) == {("one_wrong.py", end), *(("wrong.py", line) for line in wrong)}


def test_wrong_calls_raise() -> None:
    """TypeError or ValueError, with a line that names what is wrong, before anything is done."""
    spec = importlib.util.spec_from_file_location("uses", USES)
    assert spec
    assert spec.loader
    uses = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(uses)
    for call in uses.WRONG_CALLS:
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert "\n" not in str(caught.value)
        assert "object has no attribute" not in str(caught.value)


@pytest.mark.parametrize("value", ["'yes'", "1", "[0]"])
def test_reexec_is_a_bool(value: str) -> None:
    """A word that was meant to say no does not say yes: the process ends with status 2."""
    code = f"import process_hardening as ph; ph.pre_main_hardening(reexec={value})"
    result = support.run_as_user([sys.executable, "-c", code])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("process-hardening: reexec must be True or False, not ")
