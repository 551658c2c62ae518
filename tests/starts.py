"""How tests start programs through the launcher, and what these programs say of their start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import support

PROGRAMS = Path(__file__).with_name("programs")
SOURCES = PROGRAMS / "launch"
FILTERED = str(PROGRAMS / "filtered.py")
PREFIX = "process-hardening: "


class Shown:
    """What `show` or `subject tell` printed: lines of a name and a value."""

    def __init__(self, output: str) -> None:
        self.lines = output.splitlines()

    def values(self, name: str) -> list[str]:
        """All values of a name."""
        return [line.partition(f"{name} ")[2] for line in self.lines if line.startswith(f"{name} ")]

    def value(self, name: str) -> str:
        """The value of a name that is printed once."""
        (value,) = self.values(name)
        return value

    def number(self, name: str) -> int:
        """The number of a name that is printed once."""
        return int(self.value(name))

    def texts(self, name: str) -> list[bytes]:
        """The values of a name that are printed in hex."""
        return [bytes.fromhex(value) for value in self.values(name)]

    @property
    def arguments(self) -> list[bytes]:
        """The argv of `subject tell`."""
        return self.texts("argument")

    @property
    def variables(self) -> list[bytes]:
        """The environment of `subject tell`, in order."""
        return self.texts("variable")

    @property
    def names(self) -> set[bytes]:
        """The names of its variables."""
        return {entry.partition(b"=")[0] for entry in self.variables}


def show(argv: Sequence[str], **options: Any) -> Shown:
    """Start a command line as the unprivileged user, and return what it said; it must succeed."""
    result = support.run_as_user(argv, **options)
    assert result.returncode == 0, f"{result.returncode}: {result.stdout}{result.stderr}"
    return Shown(result.stdout)


def refusing(*calls: str) -> list[str]:
    """The beginning of a command line for which system calls fail; see programs/filtered.py."""
    return [sys.executable, FILTERED, *calls, "--"]


def refused(result: subprocess.CompletedProcess[str], status: int = 126) -> str:
    """Check that a start was refused with one line and nothing else; returns the line."""
    assert result.returncode == status, f"{result.returncode}: {result.stdout}{result.stderr}"
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(PREFIX)
    return line


def make_raw_argv(
    compiler: support.Compiler, entries: Sequence[bytes], argv: Sequence[str]
) -> list[str]:
    """Return the command that starts a program with exactly these environment entries."""
    words = [os.fsdecode(entry) for entry in entries]
    return [str(compiler("raw_exec.c")), str(len(words)), *words, *argv]


def build_static(compiler: support.Compiler) -> str:
    """Build the C program, statically linked."""
    return str(compiler("subject.c", "-static", name="static"))


def build_with_origin(compiler: support.Compiler, cc: str = "cc") -> str:
    """Build the C program so that it finds a library beside itself ($ORIGIN)."""
    compiler("answer.c", "-shared", "-fPIC", name=f"libanswer-{cc}.so", cc=cc)
    flags = [f"-L{compiler.folder}", "-Wl,--no-as-needed", f"-lanswer-{cc}", "-Wl,-rpath,$ORIGIN"]
    return str(compiler("subject.c", *flags, name=f"with_origin-{cc}", cc=cc))


def build_marking_library(compiler: support.Compiler) -> str:
    """Build the library that writes to MARK_FILE in every program that loads it."""
    return str(compiler("mark.c", "-shared", "-fPIC", name="libmark.so"))


def copy_script(name: str, folder: Path, first_line: str | None = None, mode: int = 0o755) -> str:
    """Copy a script to a folder, with another first line before it; returns its path."""
    text = (SOURCES / name).read_text()
    path = folder / name
    path.write_text(f"{first_line}\n{text}" if first_line else text)
    path.chmod(mode)
    return str(path)


def read_initial_environment(pid: int) -> list[bytes]:
    """Return the entries of /proc/PID/environ that are not empty; needs root."""
    return [entry for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry]


def read_ignored_signals(pid: int) -> set[int]:
    """Return the signals that a process ignores (proc_pid_status(5), SigIgn)."""
    text = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in text.splitlines() if line.startswith("SigIgn:"))[7:], 16)
    return {int(number) for number in signal.valid_signals() if mask >> (number - 1) & 1}


def read_core_limit(pid: int) -> list[str]:
    """Return the core limit of another process as the kernel prints it: soft and hard."""
    text = Path(f"/proc/{pid}/limits").read_text()
    line = next(line for line in text.splitlines() if line.startswith("Max core file size"))
    return line.split()[4:6]


def remove_loader_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment without the variables that hardening would remove."""
    return {name: value for name, value in environ.items() if not name.startswith("LD_")}


def find_system_program(name: str) -> str:
    """Return the path of a program of the machine, not of the test environment."""
    return shutil.which(name) or support.fail_or_skip(name)
