"""Ways to start the programs of programs/launch/, which describe how they were started."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import support

SOURCES = Path(__file__).with_name("programs") / "launch"


class Description:
    """The output of `subject tell`: values by name; arguments and variables as bytes."""

    def __init__(self, output: str) -> None:
        lines = [line.split(" ", 1) for line in output.splitlines()]
        self.values: dict[str, list[str]] = {}
        for name, value in lines:
            self.values.setdefault(name, []).append(value)

    def number(self, name: str) -> int:
        """Return the number of a name that occurs once."""
        (value,) = self.values[name]
        return int(value)

    def texts(self, name: str) -> list[bytes]:
        """Return the values of a name, which are written in hex."""
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


def describe(argv: Sequence[str], **options: Any) -> Description:
    """Run a program and return its description of how it was started."""
    result = support.run(argv, **options)
    assert result.returncode == 0, f"{result.returncode}: {result.stdout}{result.stderr}"
    return Description(result.stdout)


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
