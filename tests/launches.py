"""Programs of programs/launch/ as tests start them, and what they tell of how they were started."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import support

SOURCES = Path(__file__).with_name("programs") / "launch"


class Told:
    """What `subject tell` says: lists of values by name; arguments and variables as bytes."""

    def __init__(self, output: str) -> None:
        lines = [line.split(" ", 1) for line in output.splitlines()]
        self.values: dict[str, list[str]] = {}
        for name, value in lines:
            self.values.setdefault(name, []).append(value)

    def number(self, name: str) -> int:
        """The value of a name that is told once."""
        (value,) = self.values[name]
        return int(value)

    def texts(self, name: str) -> list[bytes]:
        """The values that are told in hex."""
        return [bytes.fromhex(value) for value in self.values.get(name, [])]

    @property
    def arguments(self) -> list[bytes]:
        """Its argv."""
        return self.texts("argument")

    @property
    def variables(self) -> list[bytes]:
        """Its environment, in order."""
        return self.texts("variable")

    @property
    def names(self) -> set[bytes]:
        """The names of its variables."""
        return {entry.partition(b"=")[0] for entry in self.variables}


def ask(argv: Sequence[str], **options: Any) -> Told:
    """Start a program that tells, as the unprivileged user unless told otherwise."""
    result = support.run(argv, **options)
    assert result.returncode == 0, f"{result.returncode}: {result.stdout}{result.stderr}"
    return Told(result.stdout)


def raw(compiler: support.Compiler, entries: Sequence[bytes], argv: Sequence[str]) -> list[str]:
    """A command line that starts a program with exactly these entries in its environment."""
    words = [os.fsdecode(entry) for entry in entries]
    return [str(compiler("raw_exec.c")), str(len(words)), *words, *argv]


def static(compiler: support.Compiler) -> str:
    """The C program, statically linked."""
    return str(compiler("subject.c", "-static", name="static"))


def with_origin(compiler: support.Compiler, cc: str = "cc") -> str:
    """The C program, which finds a library beside itself ($ORIGIN)."""
    compiler("answer.c", "-shared", "-fPIC", name=f"libanswer-{cc}.so", cc=cc)
    flags = [f"-L{compiler.folder}", "-Wl,--no-as-needed", f"-lanswer-{cc}", "-Wl,-rpath,$ORIGIN"]
    return str(compiler("subject.c", *flags, name=f"with_origin-{cc}", cc=cc))


def marking(compiler: support.Compiler) -> str:
    """The library that leaves a mark in MARK_FILE for every program it is loaded into."""
    return str(compiler("mark.c", "-shared", "-fPIC", name="libmark.so"))


def copied(name: str, folder: Path, first_line: str | None = None, mode: int = 0o755) -> str:
    """A copy of one of the scripts in a folder, with another first line before it."""
    text = (SOURCES / name).read_text()
    path = folder / name
    path.write_text(f"{first_line}\n{text}" if first_line else text)
    path.chmod(mode)
    return str(path)


def initial_environment(pid: int) -> list[bytes]:
    """The entries of /proc/PID/environ that are not empty, as root reads them."""
    return [entry for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry]


def ignored_signals(pid: int) -> set[int]:
    """The signals that a process ignores (proc_pid_status(5), SigIgn)."""
    text = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in text.splitlines() if line.startswith("SigIgn:"))[7:], 16)
    return {int(number) for number in signal.valid_signals() if mask >> (number - 1) & 1}


def core_limit(pid: int) -> list[str]:
    """The core limit of another process, as the kernel prints it."""
    text = Path(f"/proc/{pid}/limits").read_text()
    line = next(line for line in text.splitlines() if line.startswith("Max core file size"))
    return line.split()[4:6]


def without_loader_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the tests, less what hardening would take out of it."""
    return {name: value for name, value in environ.items() if not name.startswith("LD_")}


def which(name: str) -> str:
    """The path of a program of the machine, not of the environment of the tests."""
    return shutil.which(name) or support.missing(name)
