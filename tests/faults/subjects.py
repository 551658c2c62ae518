"""What faults are injected into: each way to harden or confine a program, and what it must keep."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import support
from faults.supervisor import Start

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
CANARY = "/canary-of-the-search-path"

HARDENED = ("memory", "core", "environment")
CONFINED = ("outside",)


@dataclass(frozen=True)
class Subject:
    """One way to start the puppet.

    words -- the command line; names in braces are paths
    checks -- what must hold of the process once it is ready: functions of experiment.py
    base -- calls that fail in every run, by name: they lead to another method
    user -- 0: root without capabilities is the attacker
    is_injected -- whether a library is preloaded into the caller, which the program must not load
    """

    name: str
    words: tuple[str, ...]
    checks: tuple[str, ...]
    base: dict[str, int] = field(default_factory=dict)
    user: int = support.USER
    is_copy: bool = False
    is_traced: bool = False
    is_injected: bool = False

    def make_start(
        self, paths: dict[str, str], folder: Path, numbers: frozenset[int] = frozenset()
    ) -> Start:
        """How it is started; a library that is injected leaves its mark in the folder.

        numbers -- of the calls that are supervised; none stands for all
        """
        env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": CANARY}
        if self.is_injected:
            env |= {"LD_PRELOAD": paths["mark"], "MARK_FILE": str(folder / "mark")}
        words = [word.format(**paths) for word in self.words]
        fields = (self.user, paths["puppet"], self.is_copy, self.is_traced, numbers)
        return Start(words, env, str(folder), *fields)


def _harden(name: str, *options: str, **fields: object) -> Subject:
    words = ("{harden}", *options, "--", "{puppet}")
    subject = {"checks": (*HARDENED, "injected"), "is_injected": True, **fields}
    return Subject(f"harden{name}", words, **subject)  # type: ignore[arg-type]


def _python(name: str, mode: str, **fields: object) -> Subject:
    words = ("{python}", "-I", "{script}", mode)
    subject = {"checks": HARDENED, **fields}
    return Subject(name, words, **subject)  # type: ignore[arg-type]


_NO_NAMESPACE = {"setns": errno.EPERM}

SUBJECTS = (
    _python("pre_main_hardening()", "default"),
    _python(
        "pre_main_hardening(STRICT), sealed",
        "strict",
        checks=(*HARDENED, "privileges", "seal"),
    ),
    _python("pre_main_hardening(STRICT), traced", "strict", checks=("never",), is_traced=True),
    _python("pre_main_hardening(reexec=True)", "reexec"),
    _harden(""),
    _harden(", in a memfd", base=_NO_NAMESPACE),
    _harden(" --method copy", "--method=copy", is_copy=True),
    _harden(" --method copy, in a memfd", "--method=copy", is_copy=True, base=_NO_NAMESPACE),
    _harden(" --method preload", "--method=preload"),
    _harden(" --strict", "--strict", checks=(*HARDENED, "injected", "privileges")),
    _harden(" --seal", "--seal", checks=(*HARDENED, "injected", "seal")),
    _harden(" --confine", "--confine", checks=(*HARDENED, "injected", *CONFINED)),
    _harden(", traced", checks=("never",), is_traced=True, is_injected=False),
    _harden(", as root", user=0),
    Subject(
        "harden env PROGRAM",
        ("{harden}", "--", "/usr/bin/env", "A=1", "{puppet}"),
        HARDENED,
    ),
    Subject(
        "harden --children sh",
        ("{harden}", "--children", "--", "/bin/sh", "-c", "{puppet}; exit $?"),
        HARDENED,
    ),
    Subject(
        "process-hardening run",
        ("{python}", "-I", "{command}", "run", "--", "{puppet}"),
        HARDENED,
    ),
    Subject("confine", ("{confine}", "--", "{puppet}"), CONFINED),
    Subject("confine, as root", ("{confine}", "--", "{puppet}"), ("capabilities",), user=0),
    _python("ph.confine()", "confine", checks=CONFINED),
)

CONTROL = Subject("control", ("{puppet}",), HARDENED)
"""Unprotected: the attacker must find everything."""


def make_paths(folder: Path) -> dict[str, str]:
    """Build and find the programs, into a folder that every user can enter."""
    compiler = support.Compiler(PROGRAMS, folder)
    script = folder / "puppet.py"
    shutil.copy(PROGRAMS / "puppet.py", script)
    beside = Path(sys.executable)
    return {
        "puppet": str(compiler("launch/puppet.c")),
        "mark": str(compiler("launch/mark.c", "-shared", "-fPIC", name="libmark.so")),
        "script": str(script),
        "python": sys.executable,
        "harden": os.path.realpath(beside.with_name("harden")),
        "confine": os.path.realpath(beside.with_name("confine")),
        "command": str(beside.with_name("process-hardening")),
    }
