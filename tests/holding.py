"""A process that holds a canary, and the attacks of another process of its user on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import support

if TYPE_CHECKING:
    from typing_extensions import Self

ATTACK = str(Path(__file__).with_name("programs") / "attack.py")
ATTACKS = ("mem", "process_vm_readv")
PYTHON = "/usr/bin/python3"


class Holder(support.Running):
    """A process that became `holder`."""

    def __enter__(self) -> Self:
        super().__enter__()
        pid, self.address, self.canary, self.dumpable, self.variables = self.ready.split()
        self.holder = int(pid)
        return self

    def leaks(self) -> list[str]:
        """The attacks that get the canary."""
        where = [str(self.holder), self.address, str(len(self.canary))]
        return [
            attack
            for attack in ATTACKS
            if self.canary
            in support.run_as_user([PYTHON, ATTACK, attack, *where], errors="replace").stdout
        ]

    def initial_variables(self) -> set[str]:
        """The names in /proc/PID/environ, which root can read."""
        support.require_root()
        entries = Path(f"/proc/{self.holder}/environ").read_bytes().split(b"\0")
        return {entry.partition(b"=")[0].decode() for entry in entries if entry}


def ours(names: set[str]) -> set[str]:
    """The variables that only our library is for."""
    own = {name for name in names if name.startswith(("LD_", "PROCESS_HARDENING_"))}
    return own - {"PROCESS_HARDENING_MUST_WORK"}
