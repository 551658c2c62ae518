"""Start the laboratory as an unprivileged user, collect its observations, judge them.

An attack counts as blocked only when the same attack got a secret out of the control in the same
run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from process_hardening.errors import CommandError, NotKnownError
from process_hardening.system import IS_LINUX
from process_hardening.verify.attacks import find_attacks
from process_hardening.verify.confined import plan_confined
from process_hardening.verify.judge import result_for
from process_hardening.verify.lab import core_guard, lab
from process_hardening.verify.lab.installation import install
from process_hardening.verify.machine import describe_environment, read_yama_scope
from process_hardening.verify.model import (
    CONTROL,
    LEAKED,
    Attack,
    AttackResult,
    Observation,
    Progress,
    Verification,
)
from process_hardening.verify.plan import (
    NOBODY,
    Plan,
    plan_process,
    plan_program,
    plan_victims,
)
from process_hardening.verify.victims import INSTALLED

if TYPE_CHECKING:
    from typing_extensions import Self

_STOP_SECONDS = 4.0
_MAX_PARALLEL = 4

ProgressCallback = Callable[[Progress], None]


def verify(
    attacks: Sequence[Attack] | None = None,
    victims: Sequence[str] | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack the control and victims of ours, and judge.

    attacks -- from list_attacks() or find_attacks(); None: all
    victims -- names from VICTIMS or BROKEN_VICTIMS; None: all of VICTIMS, with other forms of an
        attack only on some
    as_container_root -- attack as root lacking CAP_SYS_PTRACE, not as an unprivileged user
    progress -- called after each attempt; what it raises ends the run

    Raises CommandError when nothing can be tried at all.
    """
    plan = plan_victims(attacks, victims, as_container_root)
    return _execute(plan, as_container_root, progress)


def verify_program(
    argv: Sequence[str],
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack a user's program, started plain and with each method of `run`, and judge.

    argv -- the program and its arguments
    canary -- a secret that it is known to hold; None: one is put into its environment
    The other arguments are those of verify().

    Raises CommandError when the program cannot be started or ends at once, and NotKnownError when
    it is hardened although it is started plain.
    """
    plan = plan_program(argv, attacks, canary, as_container_root)
    if _is_hardened_when_plain(plan, as_container_root):
        raise NotKnownError(
            f"{argv[0]}: is hardened even when it is started plain, so there is nothing to compare"
            " with: start it and attack it with `process-hardening verify --pid PID`"
        )
    return _execute(plan, as_container_root, progress)


def _is_hardened_when_plain(plan: Plan, as_container_root: bool) -> bool:
    """Whether the program of a plan hardens itself: it would be no control."""
    probe = replace(plan, attacks=find_attacks(["proc-mem"]), victims=(), skipped={})
    (row,) = _execute(probe, as_container_root, None).attacks
    seen = row.observation
    return seen is not None and seen.refused and bool(seen.protected)


def verify_confined(
    argv: Sequence[str] = (),
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack a victim that is not hardened, as a confined attacker and as one who is not.

    argv -- a user's program and its arguments; empty: a victim of ours
    The other arguments are those of verify_program().

    Raises CommandError when this kernel cannot confine or the program cannot be started.
    """
    return _execute(plan_confined(argv, attacks, canary), as_container_root, progress)


def verify_process(
    pid: int,
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack a running process without harming it, and a control of ours, and judge.

    canary -- a secret that it is known to hold; None: getting in counts as a leak
    The other arguments are those of verify().

    Raises CommandError when there is no such process or when it belongs to another user.
    """
    plan = plan_process(pid, attacks, canary, as_container_root)
    return _execute(plan, as_container_root, progress)


def _execute(
    plan: Plan, as_container_root: bool, progress: ProgressCallback | None
) -> Verification:
    """Carry out a plan."""
    if not IS_LINUX:
        raise CommandError("verify attacks on Linux only")
    started = time.monotonic()
    with LaboratoryProcess(as_container_root, plan.uid, plan.gid) as laboratory:
        environment = describe_environment(laboratory.uid, as_container_root)
        table = Table(plan, read_yama_scope())
        for event in laboratory.run(plan):
            step = table.add(event)
            if step and progress:
                progress(step)
    return Verification(
        environment=environment,
        victims=plan.victims,
        attacks=table.results(),
        notes=table.notes(),
        seconds=round(time.monotonic() - started, 2),
    )


class Table:
    """The table while it fills with the laboratory's events."""

    def __init__(self, plan: Plan, yama: int) -> None:
        """Plan -- what is attacked; yama -- kernel.yama.ptrace_scope."""
        self._plan = plan
        self._yama = yama
        self._attacks = {attack.name: attack for attack in plan.attacks}
        self._observed: dict[str, dict[str, Observation]] = {name: {} for name in self._attacks}
        self._rows: dict[str, AttackResult] = {}
        self._notes = list(plan.notes)
        self._done = 0

    def add(self, event: dict[str, Any]) -> Progress | None:
        """Take an event; returns how far the run is, or None when it is no attempt.

        Raises CommandError when the user's program cannot be started at all.
        """
        if event["event"] == lab.NOTE:
            self._notes.append(event["text"])
            return None
        name: str = event["attack"]
        victim, row = CONTROL, None
        if event["event"] == lab.MISSING:
            self._done += len(self._plan.names)
            row = self._complete(name, event["reason"])
        else:
            victim = event["victim"]
            self._observe(name, victim, event["observation"])
            self._done += 1
            if len(self._observed[name]) == len(self._plan.names):
                row = self._complete(name)
        return Progress(self._done, self._plan.attempts, name, victim, row)

    def results(self) -> tuple[AttackResult, ...]:
        """The rows, in the order of the plan."""
        return tuple(self._rows[name] for name in self._attacks)

    def notes(self) -> tuple[str, ...]:
        """The notes for the report."""
        if self._plan.program and not any(row.control == LEAKED for row in self._rows.values()):
            return (*self._notes, "no attack found the canary in the control: is it there?")
        return tuple(self._notes)

    def _observe(self, name: str, victim: str, fields: dict[str, Any]) -> None:
        observation = Observation(**{**fields, "places": tuple(fields["places"])})
        if self._plan.program and victim == CONTROL and observation.failure:
            program = self._plan.starts[CONTROL].program[0]
            raise CommandError(f"{program}: {observation.failure}")
        self._observed[name][victim] = observation

    def _complete(self, name: str, missing: str | None = None) -> AttackResult:
        observed = self._observed[name]
        in_order = {victim: observed[victim] for victim in self._plan.names if victim in observed}
        known = self._plan.canary_known
        row = result_for(self._attacks[name], in_order, missing, self._yama, known)
        self._rows[name] = row
        return row


class LaboratoryProcess:
    """The laboratory and its core guard, as processes that leave nothing behind.

    as_container_root -- attack as root lacking CAP_SYS_PTRACE
    uid, gid -- whom to attack as when we are root otherwise; None: nobody

    Raises CommandError when as_container_root is asked for without being root.
    """

    def __init__(self, as_container_root: bool, uid: int | None = None, gid: int = NOBODY) -> None:
        self.root = os.geteuid() == 0
        self.as_container_root = as_container_root
        if as_container_root and not self.root:
            raise CommandError("--as-root-without-ptrace needs root to begin with")
        self.drops = self.root and not as_container_root
        self.uid = (NOBODY if uid is None else uid) if self.drops else os.geteuid()
        self.gid = gid
        self.top = ""
        self.work = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make_folders()
        except OSError as error:
            shutil.rmtree(self.top, ignore_errors=True)
            raise CommandError(
                f"no temporary folder can be made ({error.strerror}): set TMPDIR to a folder that"
                " can be written"
            ) from None
        return self

    def _make_folders(self) -> None:
        self.top = tempfile.mkdtemp(prefix="ph-verify-")
        self.work = os.path.join(self.top, "work")
        os.chmod(self.top, 0o711)
        for name, mode in (("work", 0o700), ("cores", 0o700), ("piped", 0o750)):
            path = os.path.join(self.top, name)
            os.mkdir(path, mode)
            if self.drops:
                # A program of root's writes into "piped": nobody else may put a link there.
                os.chown(path, 0 if name == "piped" else self.uid, self.gid)

    def __exit__(self, *_: object) -> None:
        if self.process:
            _stop(self.process)
        if self.guard:
            _stop(self.guard)
        shutil.rmtree(self.top, ignore_errors=True)

    def run(self, plan: Plan) -> Iterator[dict[str, Any]]:
        """Start the laboratory with a plan; yields its events.

        Raises CommandError when it cannot be started or ends early.
        """
        plan = self._skip_unexecutable(plan)
        guard = self._start_guard()
        self.process = self._start_laboratory(guard)
        if self.guard:
            assert self.guard.stdin
            self.guard.stdin.close()  # its input now ends with the laboratory
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(self._request(plan, guard)).encode() + b"\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == lab.DONE:
                return
            if event["event"] == lab.FAILED:
                raise CommandError(event["text"])
            yield event
        raise CommandError("the laboratory ended before it was done")

    def _start_guard(self) -> list[int]:
        """Start core_guard.py where we may set kernel.core_pattern; returns its descriptors."""
        collector = shutil.which("dd", path="/usr/bin:/bin")
        if not self.root or not collector or not os.access(core_guard.PATTERN, os.W_OK):
            return []
        patterns = [
            f"{self.top}/cores/%p",
            f"|{collector} bs=1M status=none of={self.top}/piped/%p",
        ]
        if max(map(len, patterns)) > core_guard.MAX_LENGTH:
            return []
        self.guard = subprocess.Popen(
            [sys.executable, "-m", core_guard.__name__, *patterns, self.top],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        assert self.guard.stdin
        assert self.guard.stdout
        return [self.guard.stdin.fileno(), self.guard.stdout.fileno()]

    def _start_laboratory(self, guard: list[int]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, "-m", lab.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.top if self.drops else self.work,
                env={"PATH": _search_path(), "LANG": "C.UTF-8"},
                pass_fds=guard,
                start_new_session=True,
                user=self.uid if self.drops else None,
                group=self.gid if self.drops else None,
                extra_groups=[] if self.drops else None,
            )
        except PermissionError as error:
            raise CommandError(
                f"user {self.uid} cannot run {sys.executable} ({error.strerror}): install where"
                " every user may read, or run verify as an ordinary user"
            ) from None

    def _install(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """Make what the victims need; returns how each is started, as plain values.

        Raises CommandError.
        """
        starts = {name: asdict(start) for name, start in plan.started.items()}
        words = {word for start in plan.started.values() for word in start.words}
        try:
            paths = install(words, self.top, self.uid, self.gid)
        except OSError as error:
            raise CommandError(f"what verify attacks cannot be installed: {error}") from None
        for start in starts.values():
            for part in ("launcher", "program"):
                start[part] = [paths.get(word, word) for word in start[part]]
        return starts

    def _skip_unexecutable(self, plan: Plan) -> Plan:
        """The plan without the victims that must be installed where nothing can be executed."""
        if not os.statvfs(self.top).f_flag & os.ST_NOEXEC:
            return plan
        reason = "the temporary folder is mounted noexec: set TMPDIR to another one"
        names = [name for name, start in plan.starts.items() if INSTALLED.intersection(start.words)]
        cells = {(attack.name, name): reason for attack in plan.attacks for name in names}
        return replace(plan, skipped={**cells, **plan.skipped})

    def _request(self, plan: Plan, guard: list[int]) -> dict[str, Any]:
        """What the laboratory reads from its standard input."""
        return {
            "attacks": [attack.name for attack in plan.attacks],
            "victims": plan.names,
            "skipped": [(*cell, reason) for cell, reason in plan.skipped.items()],
            "starts": self._install(plan),
            "program": plan.program,
            "pid": plan.pid,
            "needles": plan.needles,
            "parallel": min(_MAX_PARALLEL, (os.cpu_count() or 1) + 1),
            "folder": self.work,
            "remove": self.work if self.drops else self.top,
            "guard": guard or None,
            "as_container_root": self.as_container_root,
            "environment": {"PATH": _search_path(), "LANG": "C.UTF-8", "HOME": self.work},
        }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process by ending its input, or else by SIGKILL."""
    try:
        if process.stdin:
            process.stdin.close()
        process.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        if process.stdout:
            process.stdout.close()


def _search_path() -> str:
    """Where to find tools: the folder of this interpreter first."""
    here = os.path.dirname(sys.executable)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])
