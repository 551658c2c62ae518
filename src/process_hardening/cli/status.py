"""process-hardening status: report how a process is protected now."""

from __future__ import annotations

import os

from process_hardening.audit.procfs import describe_limits
from process_hardening.cli.arguments import parse_pid
from process_hardening.cli.facts import SCHEMA
from process_hardening.errors import FOUND, NOT_KNOWN
from process_hardening.output import write
from process_hardening.state import HARDENED, UNKNOWN, Status, status
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

    from process_hardening.audit.posture import Posture

HELP = "report how this or another process is protected now"
EPILOG = """\
exit status:
  0  hardened
  1  not hardened (partial or exposed)
  2  no such process, or a usage error
  3  unknown: another user's process on an old kernel, a kernel thread, or a zombie
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.epilog = EPILOG
    parser.add_argument("pid", nargs="?", metavar="PID", help="the process; default: this one")
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")


def _read(argument: str | None) -> tuple[int, str, Status | Posture]:
    """Return the pid, name and state of a process. None means this process."""
    if argument is None:
        return os.getpid(), "this process", status()
    pid = parse_pid(argument)
    from process_hardening.audit import read_process

    posture = read_process(pid)
    return posture.pid, printable(posture.name), posture


def _as_json(pid: int, found: Status | Posture) -> dict[str, object]:
    variables = found.loader_variables
    return {
        "schema": SCHEMA,
        "pid": pid,
        "inspectable": found.inspectable,
        "dumpable": found.dumpable,
        "core_limit": describe_limits(found.core_limit),
        "tracer_pid": found.tracer_pid,
        "no_new_privs": found.no_new_privs,
        "seccomp": found.seccomp,
        "confined": found.confined,
        "loader_variables": None if variables is None else list(variables),
        "verdict": found.verdict,
    }


_INSPECTION = {
    None: "not known",
    True: "open to every process of the same user",
    False: "refused to processes of the same user",
}
_SECCOMP = {None: "not known", 0: "none", 1: "strict mode"}
_CONFINED = {
    None: "not known: the kernel does not report Landlock domains",
    True: "yes: it cannot read other processes",
    False: "no",
}
_YES_NO = {None: "not known", True: "yes", False: "no"}


def _or_not_known(value: object) -> object:
    return "not known" if value is None else value


def _describe_variables(found: Status | Posture) -> str:
    if found.loader_variables is not None:
        return printable(", ".join(found.loader_variables)) or "none"
    return "hidden by the kernel" if found.inspectable is False else "not known"


def _as_text(pid: int, name: str, found: Status | Posture) -> str:
    limits = describe_limits(found.core_limit)
    rows = [
        (
            "inspection",
            f"{_INSPECTION[found.inspectable]} (dumpable {_or_not_known(found.dumpable)})",
        ),
        (
            "core limit",
            f"soft {limits['soft']}, hard {limits['hard']}" if limits else "not known",
        ),
        ("tracer", "none" if found.tracer_pid == 0 else _or_not_known(found.tracer_pid)),
        ("no new privileges", _YES_NO[found.no_new_privs]),
        (
            "seccomp filter",
            _SECCOMP.get(found.seccomp, "active: it can fake the results of system calls"),
        ),
        ("confined", _CONFINED[found.confined]),
        ("loader variables", _describe_variables(found)),
    ]
    if not isinstance(found, Status) and not found.has_memory:
        rows.append(("memory", "none: a kernel thread, or an ended process"))
    if not isinstance(found, Status) and found.injected_libraries:
        rows.append(("injected libraries", printable(", ".join(found.injected_libraries))))
    if not isinstance(found, Status) and found.opens_itself:
        shows = f"{found.opens_itself} discloses its memory: see `process-hardening explain PH018`"
        rows.append(("runtime", shows))
    if not isinstance(found, Status) and found.other_user_namespace:
        rows.append(("user namespace", "not ours: its owner can read the process"))
    # The verdict covers only who can read the process; this covers what the process can read.
    confined = ", and confined: it cannot read other processes" if found.confined else ""
    lines = [f"{pid} ({name}): {found.verdict}{confined}"]
    return "\n".join(lines + [f"  {label + ':':<19}{value}" for label, value in rows])


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Print the status. Return 0 (hardened), 1 (not hardened) or 3 (not known)."""
    pid, name, found = _read(options.pid)
    if options.json:
        import json

        write(json.dumps(_as_json(pid, found)))
    else:
        write(_as_text(pid, name, found))
    if found.verdict == UNKNOWN:
        return NOT_KNOWN
    return 0 if found.verdict == HARDENED else FOUND
