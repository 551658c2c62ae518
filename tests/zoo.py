"""The zoo: processes of every kind, each of which reports what it knows about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import support
from process_hardening import audit as facade
from process_hardening.audit.render.json import process_as_dict
from process_hardening.environment import PRELOAD_LIBRARY

HARDENED = ("undump", "core=0,0")
"""The arguments that make an animal harden itself."""

ENVIRONMENT = {"PATH": os.defpath, "SECRET_NAME": "no secret", "LANG": "C.UTF-8"}

COMMAND = str(Path(sys.executable).with_name("process-hardening"))

UNLIMITED = (1 << 64) - 1


class Animal(support.Running):
    """A process of the zoo.

    dumpable, core_limit, tracer -- as prctl, getrlimit and its own status told the process itself
    code -- the files whose code is mapped, from its own maps
    """

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
        self.program = str(program)
        self._take(self.ready)

    def _take(self, line: str) -> None:
        numbers, *code = line.split("\t")
        if numbers:
            self.pid, self.dumpable, *limits, self.tracer = map(int, numbers.split())
            soft, hard = (UNLIMITED if limit < 0 else limit for limit in limits)
            self.core_limit = soft, hard
            self.code = set(code)

    def report_again(self) -> None:
        """Ask it once more what it knows about itself."""
        self._take(self.ask(""))

    @property
    def foreign_code(self) -> set[str]:
        """The mapped files that neither the program nor its C library brought, nor we."""
        own = {self.program, os.path.realpath(self.program), PRELOAD_LIBRARY}
        return {path for path in self.code - own if not _is_no_injection(path)}


def _is_no_injection(path: str) -> bool:
    return path.startswith(("/usr/lib", "/lib", sys.prefix, sys.base_prefix, "/memfd:"))


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
    assert done.stderr == "" or "nothing matched" in done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def process_of(pid: int, **options: Any) -> dict[str, Any]:
    """What an audit of one process says, as it stands in the JSON.

    options -- those of audit(): then the command is run, and not the same code in this process
    """
    if options:
        (process,) = audit_json(pid, **options)["processes"]
    else:
        (entry,) = facade.take(pids=[pid]).entries
        process = json.loads(json.dumps(process_as_dict(entry)))
    assert process["pid"] == pid
    found: dict[str, Any] = process
    return found


def ids_of(process: Mapping[str, Any]) -> list[str]:
    """The ids of the findings of a process."""
    return [finding["id"] for finding in process["findings"]]


def check(animal: Animal, found: Mapping[str, Any]) -> None:
    """Compare what an audit found with the process's own flag, limits, tracer and maps.

    Above all, whatever an audit calls hardened has to be.
    """
    limits = [UNLIMITED if n == "unlimited" else n for n in found["core_limit"].values()]
    assert found["dumpable"] == animal.dumpable
    assert tuple(limits) == animal.core_limit
    assert found["inspectable"] is (animal.dumpable == 1)
    if found["tracer_pid"] is not None:
        assert found["tracer_pid"] == animal.tracer
    if found["injected_libraries"] is not None:
        assert set(found["injected_libraries"]) == animal.foreign_code
    if found["verdict"] == "hardened":
        assert (animal.dumpable, animal.core_limit, animal.tracer) == (0, (0, 0), 0)
        assert not animal.foreign_code


def in_mounts(script: str, as_user: bool = True) -> list[str]:
    """The words before a command that run it below a mount namespace of its own.

    script -- what root does there first, in the shell; as_user -- whether the command then runs
    as the unprivileged user
    """
    support.require_root()
    drop = f"setpriv --reuid={support.USER} --regid={support.USER} --clear-groups " * as_user
    shell = f'mount --make-rprivate / && {script} && exec {drop}"$@"'
    return [support.find_tool("unshare"), "--mount", "sh", "-ec", shell, "sh"]


def mount_proc(hidepid: str) -> str:
    """The script that mounts /proc so."""
    return f"mount -t proc -o hidepid={hidepid} proc /proc"
