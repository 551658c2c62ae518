"""`make compat` compares what it says it compares, and the documentation shows what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import catalogue
import results
import scene
import support
from ways import WAYS

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "compat" / "compat.py")]
RAN = [program for program in catalogue.PROGRAMS if not program.absent]


class Workload(catalogue.Program):
    """A program with a workload of the test's."""

    @property
    def workload(self) -> Path:
        """Its folder."""
        return Path(self.source)


@pytest.fixture
def make_workload(tmp_path: Path) -> Workload:
    """A workload whose scripts the test writes."""
    (tmp_path / "workload").mkdir()
    return Workload("made", "made", source=str(tmp_path / "workload"))


def run(program: Workload, script: str, *ways: str) -> list[scene.Run]:
    """Run a shell script as a workload in some ways."""
    support.require_root()
    (program.workload / "run.sh").write_text(script)
    with scene.Template(program) as template:
        return [template.run(way) for way in ways]


def test_the_document_shows_the_results() -> None:
    """The table in the document is the table of the results file."""
    result = support.run([*COMMAND, "--table"])
    assert result.returncode == 0, result.stderr
    assert result.stdout in (ROOT / "docs" / "compatibility.md").read_text()


def test_an_unknown_program_is_named() -> None:
    """An unknown program is named, and nothing is run."""
    result = support.run([*COMMAND, "--only", "vi,node"])
    message = "compat.py: no such program: vi; see --list\n"
    assert (result.returncode, result.stderr) == (1, message)


def test_at_least_forty_programs_were_run_and_each_difference_has_its_reason() -> None:
    records = json.loads(results.RESULTS.read_text())["programs"]

    assert [record["name"] for record in records if not results.is_explained(record)] == []
    assert len([record for record in records if "missing" not in record]) >= 40
    known = [program.name for program in catalogue.PROGRAMS]
    assert [record["name"] for record in records if record["name"] not in known] == []


def test_at_least_25_programs_do_the_same_confined() -> None:
    records = json.loads(results.RESULTS.read_text())["programs"]
    confined = [record.get("ways", {}).get("confine") for record in records]

    assert sum(way is not None and way["same"] for way in confined) >= 25


@pytest.mark.parametrize("program", RAN, ids=lambda program: program.slug)
def test_each_row_has_a_workload_that_the_shell_understands(program: catalogue.Program) -> None:
    scripts = [path for path in program.workload.glob("*.sh") if path.name in ("run.sh", "make.sh")]

    assert "run.sh" in {path.name for path in scripts}
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)


def test_each_workload_has_a_row() -> None:
    folders = {path.name for path in (ROOT / "compat" / "workloads").iterdir()}

    assert folders == {program.slug for program in RAN}


WHICH_WAY = """\
start python3 -c 'import ctypes; print(ctypes.CDLL(None).prctl(3))'
start head -c 0 /proc/$PPID/environ 2>/dev/null && echo free || echo confined
"""


def test_the_ways_are_what_they_are_called(make_workload: Workload) -> None:
    """The way of each column hardens what the workload starts, or confines it."""
    runs = run(make_workload, WHICH_WAY, *WAYS)

    assert {way: found.lines for way, found in zip(WAYS, runs, strict=True)} == {
        "plain": ["1", "free"],
        "harden": ["0", "free"],
        "children": ["0", "free"],
        "memory": ["0", "free"],
        "confine": ["1", "confined"],
    }
    assert "memory" in runs[list(WAYS).index("memory")].started[0]


def make_record(name: str, wheel: str, **way: object) -> results.Record:
    """A record of a program that was run in one way beside the plain one."""
    facts = {"name": name, "does": "", "compared": "", "versions": [], "wheel": wheel}
    confined = {"same": True, "started": [], **way}
    return {**facts, "plain": {"status": 0}, "ways": {"confine": confined}}


def test_the_table_shows_what_differs_and_rows_of_another_wheel() -> None:
    """With the reason, once for all ways that have it."""
    lines = ["plain only: a|b", "plain only: c", "here only: d"]
    differs = make_record("mount", "old", same=False, differences=lines, why="refused")
    content = {
        "kernel": "6",
        "version": "1",
        "wheel": "new",
        "programs": [make_record("git", "new"), differs],
    }
    text = results.table(content)

    assert "| mount |  |  | not run | not run | not run | differs |" in text
    cell = "`plain only: a\\|b`<br>`here only: d`"
    assert f"| mount | `confine` | {cell} | refused |" in text
    assert "Recorded with another wheel: mount." in text


def test_a_workload_is_not_root_and_has_no_network(make_workload: Workload) -> None:
    """A workload is not root, has no network and leaves no process behind."""
    script = "id -u; sed 1,2d /proc/net/dev | cut -d: -f1; sleep 1000 &"
    (found,) = run(make_workload, script, "plain")

    assert [line.strip() for line in found.lines] == [str(scene.USER), "lo"]


@pytest.mark.parametrize(
    ("script", "difference"),
    [
        ("exit 3", "status 0, here 3"),
        ("echo other", "here only: other"),
        ("echo text >made", "file home/made: none, here -rw-r--r-- b9e68e1bea3e"),
        ("mkdir made", "file home/made: none, here drwxr-xr-x"),
        ("echo text >../tmp/left", "file tmp/left: none, here -rw-r--r-- b9e68e1bea3e"),
    ],
)
def test_a_difference_is_found(make_workload: Workload, script: str, difference: str) -> None:
    """A difference in status, output or files is found."""
    (plain,) = run(make_workload, "true", "plain")
    (other,) = run(make_workload, script, "plain")

    assert not other.same_as(plain)
    assert difference in other.differences(plain)


def test_a_program_that_is_not_here_is_named_with_its_package() -> None:
    """A program that is not on this machine is named with its package."""
    program = catalogue.Program("x", "x", source="apt a-package", commands=("no-such-command",))

    assert program.missing() == "no no-such-command on this machine (apt a-package)"
