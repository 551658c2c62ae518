"""The zoo: processes of every kind, each of which tells over a pipe what it knows of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import support

HARDENED = ("undump", "core=0,0")
"""The arguments that make an animal harden itself."""

ENVIRONMENT = {"PATH": os.defpath, "SECRET_NAME": "no secret", "LANG": "C.UTF-8"}

COMMAND = str(Path(sys.executable).with_name("process-hardening"))

UNLIMITED = (1 << 64) - 1


class Animal(support.Running):
    """A process of the zoo. dumpable, core_limit -- as prctl and getrlimit told it itself."""

    def __init__(
        self,
        program: Path | str,
        *modes: str | bytes,
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        **options: Any,
    ) -> None:
        argv = [*before, program, *modes]
        super().__init__(argv, env={**ENVIRONMENT, **(env or {})}, **options)  # type: ignore[arg-type]
        self._take(self.ready)

    def _take(self, line: str) -> None:
        words = [int(word) for word in line.split()]
        if len(words) == 4:
            self.pid, self.dumpable = words[0], words[1]
            soft, hard = (UNLIMITED if word < 0 else word for word in words[2:])
            self.core_limit = soft, hard

    def tell(self) -> None:
        """Ask it once more what it knows of itself."""
        self._take(self.ask(""))


ROOT: dict[str, Any] = {"user": None, "group": None, "extra_groups": None}
"""The options that start an animal with the rights of the tests themselves."""


def audit(
    *arguments: object, before: Sequence[str] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `process-hardening audit`."""
    return support.run([*before, COMMAND, "audit", *map(str, arguments)], **options)


def audit_json(*arguments: object, **options: Any) -> dict[str, Any]:
    """The JSON of an audit."""
    done = audit("--json", "--fail-on", "never", *arguments, **options)
    assert done.returncode in (0, 3), done.stderr
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def process_of(pid: int, **options: Any) -> dict[str, Any]:
    """What an audit of one process says of it."""
    (process,) = audit_json(pid, **options)["processes"]
    assert process["pid"] == pid
    found: dict[str, Any] = process
    return found


def in_mounts(script: str, as_user: bool = True) -> list[str]:
    """The words before a command that run it below a mount namespace of its own.

    script -- what root does there first, in the shell; as_user -- whether the command then runs
    as the unprivileged user
    """
    support.need_root()
    drop = f"setpriv --reuid={support.USER} --regid={support.USER} --clear-groups " * as_user
    shell = f'mount --make-rprivate / && {script} && exec {drop}"$@"'
    return [support.tool("unshare"), "--mount", "sh", "-ec", shell, "sh"]


def mount_proc(hidepid: str) -> str:
    """The script that mounts /proc so."""
    return f"mount -t proc -o hidepid={hidepid} proc /proc"
