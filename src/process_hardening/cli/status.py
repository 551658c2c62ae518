"""process-hardening status: what the kernel says now of this or another process."""

from __future__ import annotations

import argparse
import os
import sys
from types import SimpleNamespace

from process_hardening.cli.arguments import parse_pid
from process_hardening.errors import CommandError
from process_hardening.state import HARDENED, UNKNOWN, Status, status
from process_hardening.output import write
from process_hardening.audit.reader import Posture, read_posture
from process_hardening.audit.procfs import UNLIMITED
from process_hardening.terminal import printable

HELP = "say what the kernel tells now of this or another process"
EPILOG = """\
exit status:
  0 hardened, 1 not hardened (partial, exposed), 3 it cannot be told (another user's process on
  an old kernel, a kernel thread, a zombie), 2 no such process or usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument("pid", nargs="?", metavar="PID", help="the process; default: this one")
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")


def _read(pid: str | None) -> tuple[int, str, Status | Posture]:
    if pid is None:
        return os.getpid(), "this process", status()
    number = parse_pid(pid)
    if not sys.platform.startswith(("linux", "android")):
        raise CommandError("the status of another process can be read on Linux only")
    posture = read_posture(number)
    return posture.pid, printable(posture.name), posture


def _limit(value: int) -> int | str:
    return "unlimited" if value == UNLIMITED else value


def _as_json(pid: int, found: Status | Posture) -> dict[str, object]:
    limit = found.core_limit
    variables = found.loader_variables
    return {
        "schema": 1,
        "pid": pid,
        "inspectable": found.inspectable,
        "dumpable": found.dumpable,
        "core_limit": limit and {"soft": _limit(limit[0]), "hard": _limit(limit[1])},
        "tracer_pid": found.tracer_pid,
        "loader_variables": None if variables is None else list(variables),
        "verdict": found.verdict,
    }


def _as_text(pid: int, name: str, found: Status | Posture) -> str:
    def told(value: object) -> object:
        return "not known" if value is None else value

    inspection = {
        None: "not known",
        True: "open to every process of the same user",
        False: "refused to processes of the same user",
    }[found.inspectable]
    variables = found.loader_variables
    if variables is None:
        named = "protected from us" if found.inspectable is False else "not known"
    else:
        named = printable(", ".join(variables)) or "none"
    limit = found.core_limit
    rows = [
        ("inspection", f"{inspection} (dumpable {told(found.dumpable)})"),
        (
            "core limit",
            f"soft {_limit(limit[0])}, hard {_limit(limit[1])}" if limit else told(None),
        ),
        ("tracer", "none" if found.tracer_pid == 0 else told(found.tracer_pid)),
        ("no new privileges", {None: "not known", True: "yes", False: "no"}[found.no_new_privs]),
        ("loader variables", named),
    ]
    if getattr(found, "has_memory", True) is False:
        rows.append(("memory", "none: a kernel thread, or it has ended"))
    lines = [f"{pid} ({name}): {found.verdict}"]
    return "\n".join(lines + [f"  {label + ':':<19}{value}" for label, value in rows])


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Print the status; returns 0 hardened, 1 not, 3 cannot be told."""
    pid, name, found = _read(options.pid)
    if options.json:
        import json

        write(json.dumps(_as_json(pid, found)))
    else:
        write(_as_text(pid, name, found))
    if found.verdict == UNKNOWN:
        return 3
    return 0 if found.verdict == HARDENED else 1
