"""Made-up machines for the tests of what audit says about them."""

from __future__ import annotations

from typing import Any

from process_hardening.audit.core_dumps import core_rules_of
from process_hardening.audit.entries import make_entries
from process_hardening.audit.host import Host
from process_hardening.audit.posture import Posture
from process_hardening.audit.result import Audit

HOST = Host(name="web-1", kernel="6.18.0", core=core_rules_of("core", False, (6, 18)))
USERS = {0: "root", 1000: "ada", 1001: "bob"}

HARDENED = Posture(
    pid=1,
    uid=1000,
    dumpable=0,
    inspectable=False,
    core_limit=(0, 0),
    tracer_pid=0,
    loader_variables=(),
    injected_libraries=(),
    other_user_namespace=False,
)
"""A process about which everything is known, and nothing against it."""


def process(pid: int, line: str, **fields: Any) -> Posture:
    """A process of ada's that others of hers can read, but for these fields.

    line -- its arguments, separated by blanks
    """
    program = line.split()[0].rsplit("/", 1)[-1].removeprefix("-")
    known: dict[str, Any] = {
        "name": program[:15],
        "exe": f"/usr/bin/{program}",
        "command": line.replace(" ", "\0") + "\0",
        "cwd": "/",
        "ppid": 1,
        "uid": 1000,
        "dumpable": 1,
        "inspectable": True,
        "core_limit": (0, 0),
        "tracer_pid": 0,
        "loader_variables": (),
        "injected_libraries": (),
        "secret_variables": (),
        "secret_arguments": (),
        "other_user_namespace": False,
        "python": "",
    }
    return Posture(pid=pid, **{**known, **fields})


def hardened(pid: int, line: str, **fields: Any) -> Posture:
    """The same, hardened."""
    return process(pid, line, dumpable=0, inspectable=False, **fields)


def audit_of(*postures: Posture, asked_by: int = 1000, **fields: Any) -> Audit:
    """The audit of a machine with these processes."""
    as_root = asked_by == 0
    entries = make_entries(postures, HOST, lambda uid: USERS.get(uid, str(uid)), as_root=as_root)
    return Audit(host=HOST, entries=entries, asked_by=asked_by, **fields)


def crowded() -> Audit:
    """A machine of 300 processes, of which few matter; they are not the first by pid."""
    postures = [process(pid, "kworker-like", uid=0) for pid in range(1, 101)]
    for number, program in enumerate(("code", "gnome-shell", "bash", "python3", "make")):
        postures += [process(200 + 30 * number + i, program) for i in range(30)]
    postures += [hardened(400 + i, "myagent") for i in range(5)]
    postures += [
        process(500 + i, "node server.js", cwd="/srv/web",
                secret_variables=("OPENAI_API_KEY", "DATABASE_URL"))
        for i in range(14)
    ]  # fmt: skip
    postures += [process(600 + i, "-bash", secret_variables=("AWS_SECRET_ACCESS_KEY",),
                         core_limit=(0, 99)) for i in range(3)]  # fmt: skip
    postures += [process(700, "ssh-agent -D"), process(701, "firefox"), process(702, "firefox")]
    postures += [
        process(
            800 + i, "sleep 1000", uid=1001, secret_variables=None, protected=("secret_variables",)
        )
        for i in range(25)
    ]
    return audit_of(*postures)
