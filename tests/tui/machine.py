"""A machine for the monitor to look at: its processes are made up, its clock stands still."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from process_hardening.audit.core_dumps import core_rules_of
from process_hardening.audit.entries import make_entries
from process_hardening.audit.exit_race import FIXED
from process_hardening.audit.host import TRIED, Host, Swap
from process_hardening.audit.posture import Posture
from process_hardening.audit.result import Audit, Diagnosis
from process_hardening.audit.rules.model import HostCase
from process_hardening.audit.rules.tables import judge_host
from process_hardening.errors import CommandError
from process_hardening.state import UNLIMITED, Status
from process_hardening.tui.app import WatchApp
from process_hardening.tui.machine import Machine
from process_hardening.verify import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    VICTIMS,
    AttackResult,
    Progress,
    Verification,
    VictimResult,
)
from support import TIMEOUT

MORNING = 1_767_323_045.0
"""2026-01-02 03:04:05 UTC."""

USERS = {0: "root", 1000: "ada", 1001: "björn", 65534: "nobody"}

HARDENED: dict[str, Any] = {"dumpable": 0, "core_limit": (0, 0)}
PARTIAL: dict[str, Any] = {"dumpable": 0, "core_limit": (0, UNLIMITED)}


def process(pid: int, line: str, **fields: Any) -> Posture:
    """An exposed process of ada's, but for what is said. line -- its arguments."""
    path = line.split(" ", 1)[0] if " " in line else line
    name = path.rsplit("/", 1)[-1].removeprefix("-")
    known: dict[str, Any] = {
        "name": name[:15],
        "ppid": 1,
        "exe": f"/usr/bin/{name}",
        "command": line.replace(" ", "\0") + "\0",
        "uid": 1000,
        "dumpable": 1,
        "dumpable_source": "pidfd",
        "core_limit": (0, UNLIMITED),
        "no_new_privs": False,
        "seccomp": 0,
        "confined": False,
        "tracer_pid": 0,
        "capabilities": (),
        "other_user_namespace": False,
        "loader_variables": (),
        "injected_libraries": (),
        "secret_variables": (),
        "secret_arguments": (),
        "python": "",
        "remote_debugging": False,
    }
    known.update(fields)
    if known["dumpable"] is not None:
        known["inspectable"] = known["dumpable"] == 1
    return Posture(pid=pid, **known)


def hidden(pid: int) -> Posture:
    """One of which /proc shows nothing."""
    return process(
        pid,
        "",
        uid=65534,
        exe=None,
        command=None,
        dumpable=None,
        dumpable_source=None,
        protected=("name", "exe"),
        problem="/proc hides it (mount option hidepid)",
    )


def node(hardened: bool = False) -> list[Posture]:
    """The four processes of a server that holds two secrets."""
    secrets = ("OPENAI_API_KEY", "DATABASE_URL")
    fields = HARDENED if hardened else {}
    first = 700 if hardened else 500
    return [
        process(
            first + i,
            f"node server.js --port {8080 + i}",
            cwd="/srv/web",
            secret_variables=secrets,
            **fields,
        )
        for i in range(4)
    ]


def usual() -> list[Posture]:
    """A developer's machine."""
    return [
        process(1, "/sbin/init", name="systemd", uid=0, ppid=0),
        process(2, "kthreadd", uid=0, ppid=0, kind="kernel thread"),
        process(412, "sshd -D", uid=0, **HARDENED),
        *node(),
        process(603, "ssh-agent -D"),
        process(871, "gunicorn app:main", python="3.12", framework="gunicorn", **HARDENED),
        process(880, "gunicorn app:main", ppid=871, python="3.12", **HARDENED),
        process(881, "python3 report.py", ppid=871, python="3.12",
                secret_variables=("DATABASE_PASSWORD",)),
        process(1201, "-bash", secret_variables=("AWS_SECRET_ACCESS_KEY",)),
        process(1207, "-bash", secret_variables=("AWS_SECRET_ACCESS_KEY",)),
        process(1310, "編集者-éditeur notes.txt", uid=1001),
        process(1444, "[b]bold[b]\x1b[31m", secret_arguments=("--password",)),
        process(1580, "ruby worker.rb", loader_variables=("LD_PRELOAD",),
                injected_libraries=("/tmp/x.so",)),
        process(1733, "java -jar shop.jar", tracer_pid=99),
        *(process(1800 + i, "code") for i in range(12)),
        process(1900, "firefox"),
        process(1910, "gpg-agent --daemon", **PARTIAL),
        hidden(2050),
    ]  # fmt: skip


def host() -> Host:
    """Its settings."""
    return Host(
        system="linux",
        name="desk",
        kernel="6.18.1",
        kernel_version=(6, 18, 1),
        core=core_rules_of("core", False, (6, 18)),
        suid_dumpable=0,
        ptrace_scope=0,
        hidepid="",
        perf_event_paranoid=2,
        user_namespaces=True,
        memfd_noexec=0,
        randomize_va_space=2,
        preload_file=(),
        swaps=(Swap(path="/dev/sda2", encrypted=False),),
        exit_race=FIXED,
        exit_race_source=TRIED,
    )


def own_status() -> Status:
    """The monitor is hardened."""
    return Status(
        dumpable=0,
        inspectable=False,
        no_new_privs=False,
        sealed=False,
        seccomp=0,
        confined=False,
        tracer_pid=0,
        core_limit=(0, 0),
        loader_variables=(),
    )


def result(name: str, control: str, outcomes: dict[str, str]) -> AttackResult:
    """A row of verify's table."""
    message = f"{name}: Operation not permitted"
    cells = {victim: VictimResult(outcome, message) for victim, outcome in outcomes.items()}
    return AttackResult(
        name, "built-in", f"what {name} does", name, control, message, victims=cells
    )


class FakeMachine(Machine):
    """Shows what it is told to.

    postures -- its processes; problem -- why they cannot be seen; notes -- what cannot be
    looks -- how often it was looked at; read -- the pids that each look had to read
    asked -- the attacks that were asked for
    gate -- attacks wait for it after each step
    """

    def __init__(self, postures: Iterable[Posture] | None = None) -> None:
        super().__init__()
        self.postures = list(usual() if postures is None else postures)
        self.problem = ""
        self.notes: list[str] = []
        self.host_problem = ""
        self.time = MORNING
        self.looks = 0
        self.read: list[set[int]] = []
        self.asked: list[tuple[int | None, bool]] = []
        self.gate = threading.Event()
        self.gate.set()

    def now(self) -> float:
        """What the clock was set to."""
        return self.time

    def own_status(self) -> Status:
        """The monitor is hardened."""
        return own_status()

    def list_pids(self) -> dict[int, int]:
        """What is there now."""
        return {posture.pid: posture.inode or 0 for posture in self.postures if posture}

    def look(self, seen: Iterable[Posture] = ()) -> Audit:
        """What is there now; seen is believed."""
        self.looks += 1
        self.read.append({p.pid for p in self.postures if p} - {p.pid for p in seen})
        if self.problem:
            raise CommandError(self.problem)
        settings = host()
        entries = make_entries(self.postures, settings, lambda uid: USERS.get(uid, str(uid)))
        return Audit(host=settings, entries=entries, notes=tuple(self.notes), asked_by=1000)

    def diagnose(self, postures: Iterable[Posture]) -> Diagnosis:
        """Of the host."""
        if self.host_problem:
            raise CommandError(self.host_problem)
        checks = judge_host(HostCase(host=host(), postures=tuple(postures)))
        return Diagnosis(host=host(), checks=checks)

    def attack(
        self, pid: int | None, with_tools: bool, progress: Callable[[Progress], None]
    ) -> Verification:
        """All are blocked but one, which a victim of ours could not stop."""
        self.asked.append((pid, with_tools))
        if pid == 1:
            raise CommandError("1: root's process, which root may always read")
        victims = VICTIMS if pid is None else (f"pid {pid}",)
        blocked = dict.fromkeys(victims, BLOCKED)
        rows = [
            result("ptrace-attach", LEAKED, blocked),
            result("proc-mem", LEAKED, blocked),
            result("launch-window", LEAKED, {**blocked, victims[0]: LEAKED}),
            result("perf-event-open", UNAVAILABLE, {}),
        ]
        for number, row in enumerate(rows):
            progress(Progress(number + 1, len(rows), row.name, CONTROL, row))
            self.gate.wait(TIMEOUT)
        if pid is not None:  # an attack on its runtime, which could harm it, is not made
            rows.append(result("node-inspector", UNAVAILABLE, {victims[0]: INCONCLUSIVE}))
        return Verification({"uid": 1000, "container_root": False}, victims, tuple(rows))


class Driver:
    """The running monitor, and hands at its keyboard."""

    def __init__(self, app: WatchApp, pilot: Pilot[None], machine: FakeMachine) -> None:
        self.app = app
        self.pilot = pilot
        self.machine = machine
        self.screen = app.processes

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until they were dealt with."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that a thread brings about."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, self.text()
            await asyncio.sleep(0.005)
        await self.pilot.pause()

    async def look(self, seconds: float = 2.0) -> None:
        """Let time pass, and look at the machine again."""
        before = self.screen.view
        self.machine.time += seconds
        await self.press("r")
        await self.until(lambda: self.screen.view is not before)

    def text(self) -> str:
        """What is on the screen, as text."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def names(self) -> list[str]:
        """What stands in the table, from top to bottom."""
        return [row.label for row in self.screen.table.rows]


@asynccontextmanager
async def watching(
    machine: FakeMachine | None = None,
    size: tuple[int, int] = (120, 36),
    late: str = "",
    only_ascii: bool = False,
) -> AsyncIterator[Driver]:
    """Start the monitor on a machine, have looked at it once, and end it afterwards."""
    machine = machine or FakeMachine()
    app = WatchApp(machine, 3600.0, late, only_ascii)
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot, machine)
        await driver.until(lambda: driver.screen.view and driver.screen.host_view)
        yield driver
        machine.gate.set()


def name_of(watch: Driver) -> str:
    """The class of the screen on top."""
    return type(watch.app.screen).__name__


async def save(watch: Driver, path: Path) -> None:
    """Export to a file."""
    await watch.press("x")
    watch.app.screen.query_one(Input).value = str(path)
    await watch.press("enter")
