"""Reads programs.ini: what each program is to do, where it comes from, and what must be equal.

To add a program, add a folder with `run.sh` to compat/workloads (scene.py says how it is run) and
a section to programs.ini. A package of PyPI also goes to requirements.txt, one of npm to
package.json.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from ways import PROTECTED, WAYS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ENVIRONMENT = Path(sys.executable).parent
FOLDERS = [
    str(ENVIRONMENT),
    str(ENVIRONMENT.parent / "node_modules" / "deno"),
    str(ENVIRONMENT.parent / "node_modules" / ".bin"),
    *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/usr/lib/wine",
]
"""Where workloads find programs: PATH."""

CACHES = (".cache", ".cache/*", "__pycache__*", "*/__pycache__*")
"""Files that no row needs to name."""


def everything(output: str) -> list[str]:
    """Output."""
    return output.splitlines()


def recap(output: str) -> list[str]:
    """Results of the tasks."""
    return re.findall(r"^(?:ok|changed|fatal|failed|localhost)\b.*", output, re.MULTILINE)


def pytest_results(output: str) -> list[str]:
    """Failed tests and counts."""
    lines = re.findall(r"^(?:FAILED|ERROR) \S+", output, re.MULTILINE)
    return [*sorted(lines), *re.findall(r"^(\d+ (?:passed|failed).*) in [\d.]+s", output, re.M)]


def unittest_results(output: str) -> list[str]:
    """Failed tests and counts."""
    lines = re.findall(r"^(?:FAIL|ERROR): .*", output, re.MULTILINE)
    counts = re.findall(r"^Ran (\d+ tests) in .*\n\n(\w+(?: \(.*\))?)$", output, re.MULTILINE)
    return [*sorted(lines), *(f"{number}: {verdict}" for number, verdict in counts)]


RESULTS = {
    function.__name__: function
    for function in (everything, recap, pytest_results, unittest_results)
}


@dataclass(frozen=True)
class Program:
    """A section of programs.ini, whose comments say what each value means."""

    slug: str
    name: str
    does: str = ""
    source: str = ""
    commands: tuple[str, ...] = ()
    version: str = ""
    results: Callable[[str], list[str]] = everything
    varies: tuple[str, ...] = ()
    ways: tuple[str, ...] = tuple(WAYS)
    root: bool = False
    timeout: int = 300
    differences: dict[str, str] = field(default_factory=dict)
    absent: str = ""

    @property
    def workload(self) -> Path:
        """Its folder."""
        return HERE / "workloads" / self.slug

    @property
    def compared(self) -> str:
        """What must be equal, for the table."""
        output = (self.results.__doc__ or "").rstrip(".").lower()
        if "*" in self.varies:
            return f"{output}, status"
        names = ", ".join(f"`{name}`" for name in self.varies)
        return f"{output}, status, files{f' except {names}' if names else ''}"

    def packages(self, registry: str) -> list[str]:
        """Return its packages from `apt`, `pip` or `npm`."""
        kind, *names = self.source.split() or [""]
        return names if kind == registry else []

    def missing(self) -> str:
        """Say why it cannot be run here; empty if it can."""
        path = os.pathsep.join(FOLDERS)
        without = [name for name in self.commands if not shutil.which(name, path=path)]
        if self.absent or not without:
            return self.absent
        return f"no {', '.join(without)} on this machine ({self.source})"

    def versions(self) -> list[str]:
        """Return what its version command prints, or the versions of its packages of PyPI."""
        if not self.version:
            return [f"{name} {metadata.version(name)}" for name in self.packages("pip")]
        with tempfile.TemporaryDirectory() as home:  # where some write a log
            result = subprocess.run(
                ["sh", "-c", self.version],
                cwd=home,
                env={"PATH": os.pathsep.join(FOLDERS), "HOME": home, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        found = re.search(r"\d+(?:[.:]\w+)+", result.stdout)
        return [found[0]] if found else []


def read_program(section: configparser.SectionProxy) -> Program:
    """Turn a section into a program. Raises KeyError if a value has no meaning."""
    known = {"name", "does", "from", "commands", "version", "results", "varies", "ways", "root"}
    if unknown := set(section) - known - {"timeout", "absent", *PROTECTED}:
        raise KeyError(f"{section.name}: {', '.join(sorted(unknown))}")
    return Program(
        slug=section.name,
        name=section["name"],
        does=section.get("does", ""),
        source=section.get("from", ""),
        commands=tuple(section.get("commands", "").split()),
        version=section.get("version", ""),
        results=RESULTS[section.get("results", "everything")],
        varies=tuple(section.get("varies", "").split()),
        ways=tuple(section["ways"].split()) if "ways" in section else tuple(WAYS),
        root=section.getboolean("root", False),
        timeout=section.getint("timeout", 300),
        differences={way: section[way] for way in PROTECTED if way in section},
        absent=section.get("absent", ""),
    )


def read_programs() -> list[Program]:
    """Read programs.ini."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((HERE / "programs.ini").read_text())
    return [read_program(parser[name]) for name in parser.sections()]


PROGRAMS = read_programs()
