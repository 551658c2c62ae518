"""Processes of every kind on the machine under test, and what `audit` says of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

from tools.kernels.starts import COMMAND, ENVIRONMENT, NOBODY, SECONDS

ANIMAL, RAISED_ANIMAL = "/zoo/animal", "/zoo/raised"
INJECTED = "/zoo/injected.so"
_HARDENED = ["undump", "core=0,0"]

# Processes to audit, by name: the words before the program, its arguments, its environment.
ZOO: dict[str, tuple[list[str], list[str], dict[str, str]]] = {
    "plain": ([], [ANIMAL], {}),
    "not dumpable": ([], [ANIMAL, "undump"], {}),
    "no core": ([], [ANIMAL, "core=0,0"], {}),
    "hardened": ([], [ANIMAL, *_HARDENED], {}),
    "hardened, core limit to be raised": ([], [ANIMAL, "undump", "core=0,4096"], {}),
    "fork of a hardened one": ([], [ANIMAL, *_HARDENED, "fork"], {}),
    "program started by a hardened one": ([], [ANIMAL, *_HARDENED, "exec", ANIMAL], {}),
    "set-user-ID": ([], [RAISED_ANIMAL], {}),
    "set-user-ID, no core": ([], [RAISED_ANIMAL, "core=0,0"], {}),
    "injected, its environment wiped": (
        [],
        [ANIMAL, *_HARDENED, "wipe=0*"],
        {"LD_PRELOAD": INJECTED},
    ),
    "started by run": ([*COMMAND, "run", "--"], [ANIMAL], {}),
    "started by run --method preload": (
        [*COMMAND, "run", "--method", "preload", "--"],
        [ANIMAL],
        {},
    ),
    "started by harden": (["harden", "--"], [ANIMAL], {}),
}


class _Animal:
    """A process that tells its own pid, dumpable flag and core limit."""

    def __init__(self, name: str, uid: int) -> None:
        before, argv, environment = ZOO[name]
        self.name, self.uid = name, uid
        self.process = subprocess.Popen(
            [*before, *argv],
            env={**ENVIRONMENT, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=[],
        )
        assert self.process.stdout
        assert self.process.stderr
        words = self.process.stdout.readline().split()
        if len(words) < 4:
            self.process.kill()  # or its standard error would not end
            raise RuntimeError(f"{name}: {words} {self.process.stderr.read()}")
        self.pid, self.dumpable, soft, hard = map(int, words[:4])
        self.core_limit = [soft, hard]

    def end(self) -> None:
        """End it, and wait for it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def _drop_to_user() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _drop_ptrace() -> None:
    from process_hardening.verify.lab.kernel import CONTAINER_CAPABILITIES, keep_capabilities

    keep_capabilities(CONTAINER_CAPABILITIES)


# Who audits: root as it is, and both attackers.
_AUDITORS: dict[str, Callable[[], None] | None] = {
    "all-powerful root": None,
    "user": _drop_to_user,
    "root": _drop_ptrace,
}


def audit_zoo() -> list[dict[str, Any]]:
    """Beside what each process of the zoo is, what each auditor says of it."""
    animals = [_Animal(name, uid) for uid in (NOBODY, 0) for name in ZOO]
    found = []
    try:
        for auditor, become in _AUDITORS.items():
            pids = [str(animal.pid) for animal in animals]
            done = subprocess.run(
                [*COMMAND, "audit", "--json", "--fail-on", "never", *pids],
                env=ENVIRONMENT,
                preexec_fn=become,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            if not done.stdout:
                raise RuntimeError(f"audit ended with {done.returncode}: {done.stderr[-500:]}")
            said = {process["pid"]: process for process in json.loads(done.stdout)["processes"]}
            found += [
                {
                    "auditor": auditor,
                    "process": animal.name,
                    "of_root": animal.uid == 0,
                    "is": {"dumpable": animal.dumpable, "core_limit": animal.core_limit},
                    "said": {
                        key: said.get(animal.pid, {}).get(key)
                        for key in ("verdict", "dumpable", "dumpable_source", "inspectable")
                    },
                }
                for animal in animals
            ]
    finally:
        for animal in animals:
            animal.end()
    return found
