"""Proof by attack: every attack on an unhardened control and on hardened victims, judged.

An attack counts as blocked only when the same attack got a secret out of the control in the
same run.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import process_hardening
from process_hardening.verify.lab import core_guard
from process_hardening.verify.lab.canary import GIVEN
from process_hardening.verify.lab.lab import is_alive
from process_hardening.verify.lab.launcher import (
    BROKEN_KINDS,
    KINDS,
    command_for,
    commands_for,
)
from process_hardening.verify.lab.launcher import CONTROL as CONTROL
from process_hardening.verify.model import KILLS, READS, Attack
from process_hardening.verify.attacks.registry import attacks as all_attacks
from process_hardening.errors import CommandError, NotFoundError

if TYPE_CHECKING:
    from typing_extensions import Self

BLOCKED = "blocked"
LEAKED = "leaked"
INCONCLUSIVE = "inconclusive"
UNAVAILABLE = "unavailable"

VICTIMS = tuple(kind for kind in KINDS if kind != CONTROL)

_NOBODY = 65534
_STOP_SECONDS = 4.0

_WINDOW = (
    "it was open from its exec to its hardening, and a descriptor opened then stays usable;"
    " execute-only and reexec have no such moment"
)
_INJECTED = (
    "the loader had put the library into it before its first line ran;"
    " execute-only, preload and reexec start without it"
)
KNOWN_LIMITS = {
    ("launch-window", "pre-main"): _WINDOW,
    ("launch-window", "preload"): _WINDOW,
    ("launch-window", "in-process"): _WINDOW,
    ("ld-preload", "pre-main"): _INJECTED,
    ("ld-audit", "pre-main"): _INJECTED,
}
"""What hardening from inside cannot stop, by attack and victim, and why: no failure."""


@dataclass(frozen=True)
class Observed:
    """What came of one attack on one target.

    leaked, said, errno, command, places, refused -- as in attacks.model.Attempt
    answers -- whether the target answered afterwards; None: not applicable, the attack kills it
    failed -- why the attempt did not take place, or None
    seconds -- how long it took
    """

    leaked: bool = False
    said: str = ""
    errno: int | None = None
    command: str = ""
    places: tuple[str, ...] = ()
    refused: bool = False
    answers: bool | None = None
    failed: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Judged:
    """One victim's cell of the table.

    outcome -- BLOCKED, LEAKED, INCONCLUSIVE or UNAVAILABLE
    evidence -- the kernel's or the tool's words, or the reason
    known_limit -- why this leak was to be expected, or None
    observed -- the attempt that was judged, or None when there was none
    """

    outcome: str
    evidence: str
    known_limit: str | None = None
    observed: Observed | None = None


@dataclass(frozen=True)
class AttackResult:
    """One row of the table.

    control -- LEAKED, INCONCLUSIVE or UNAVAILABLE; detail -- why, or how it leaked
    kills -- whether the attack ends its target, so that no answer can be expected
    victims -- victim's name to what came of it
    """

    name: str
    kind: str
    summary: str
    command: str
    control: str
    detail: str
    kills: bool = False
    observed: Observed | None = None
    victims: dict[str, Judged] = field(default_factory=dict)


@dataclass(frozen=True)
class Verification:
    """The whole table, and where and when it was made."""

    environment: dict[str, Any]
    victims: tuple[str, ...]
    attacks: tuple[AttackResult, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def count(self, outcome: str) -> int:
        """How many cells of the table have an outcome, known limits not counted."""
        return sum(
            judged.outcome == outcome and not judged.known_limit
            for attack in self.attacks
            for judged in attack.victims.values()
        )

    @property
    def known_limits(self) -> tuple[tuple[str, str, str], ...]:
        """The leaks that were to be expected: attack, victim, why."""
        return tuple(
            (attack.name, victim, judged.known_limit)
            for attack in self.attacks
            for victim, judged in attack.victims.items()
            if judged.known_limit
        )

    @property
    def exit_code(self) -> int:
        """0: all that leaked from the control was blocked; 1: something leaked; 3: inconclusive."""
        if self.count(LEAKED):
            return 1
        leaking = [attack for attack in self.attacks if attack.control == LEAKED]
        unclear = any(
            judged.outcome == INCONCLUSIVE
            for attack in leaking
            for judged in attack.victims.values()
        )
        return 3 if unclear or not leaking else 0


@dataclass(frozen=True)
class Progress:
    """How far a verification is: of so many attempts so many are done; what was the last.

    row -- the row of the table, when the last one completed it
    """

    done: int
    total: int
    attack: str
    victim: str
    row: AttackResult | None = None


def why_no_leak(control: Observed, kind: str, yama: int) -> str:
    """Why an attack did not get anything out of the control."""
    if control.failed:
        return f"not tried: {control.failed}"
    denied = control.errno in (1, 13)  # EPERM, EACCES
    if denied and yama:
        return f"Yama (kernel.yama.ptrace_scope={yama}) forbids it for any process: {control.said}"
    if denied:
        return f"this attacker lacks the right, whatever the target: {control.said}"
    if kind == "tool":
        return f"the tool does not work here: {control.said}"
    return f"the control did not leak: {control.said}"


def judge(attack: Attack, victim: str, control: Observed, hardened: Observed) -> Judged:
    """Compare an attack on a victim with the same attack on the control, which leaked."""

    def judged(outcome: str, evidence: str, limit: str | None = None) -> Judged:
        return Judged(outcome, evidence, limit, hardened)

    if hardened.failed:
        return judged(INCONCLUSIVE, hardened.failed)
    if hardened.leaked:
        limit = KNOWN_LIMITS.get((attack.name, victim))
        return judged(LEAKED, hardened.said, limit)
    if attack.effect != KILLS:
        for name, observed in ((CONTROL, control), (victim, hardened)):
            if not observed.answers:
                return judged(INCONCLUSIVE, f"{name} does not answer any more: {observed.said}")
    return judged(BLOCKED, hardened.said)


def judge_process(name: str, process: Observed, known: bool) -> Judged:
    """Judge an attack on a process that is not ours, which leaked from a control of ours.

    known -- whether a secret is known that it holds; else getting in is a leak already
    """
    outcome, evidence = BLOCKED, process.said
    if process.failed:
        outcome, evidence = INCONCLUSIVE, process.failed
    elif not process.answers:
        outcome, evidence = INCONCLUSIVE, f"{name} does not run any more: {process.said}"
    elif process.leaked or not (process.refused or known):
        outcome = LEAKED
    elif not process.refused:
        outcome, evidence = INCONCLUSIVE, f"it got in, but not at the canary: {process.said}"
    return Judged(outcome, evidence, None, process)


def result_for(
    attack: Attack,
    observed: dict[str, Observed],
    unavailable: str | None,
    yama: int,
    canary_known: bool | None = None,
) -> AttackResult:
    """The row of an attack, from what was observed on the control and on each victim.

    canary_known -- for a process that is not ours: whether a secret is known that it holds
    """
    row = AttackResult(
        name=attack.name,
        kind=attack.kind,
        summary=attack.summary,
        command=attack.command,
        control=UNAVAILABLE,
        detail=unavailable or "",
        kills=attack.effect == KILLS,
    )
    victims = [name for name in observed if name != CONTROL]
    if unavailable:
        return row
    control = observed[CONTROL]

    def judged(name: str) -> Judged:
        if canary_known is None:
            return judge(attack, name, control, observed[name])
        return judge_process(name, observed[name], canary_known)

    row = replace(row, observed=control, command=control.command)
    if not control.leaked:
        reason = why_no_leak(control, attack.kind, yama)
        cells = {
            name: Judged(LEAKED, observed[name].said, None, observed[name])
            if observed[name].leaked
            else Judged(INCONCLUSIVE, reason, None, observed[name])
            for name in victims
        }
        return replace(row, control=INCONCLUSIVE, detail=reason, victims=cells)
    cells = {name: judged(name) for name in victims}
    return replace(row, control=LEAKED, detail=control.said, victims=cells)


def _sysctl(name: str) -> str | None:
    try:
        with open(f"/proc/sys/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def yama_scope() -> int:
    """kernel.yama.ptrace_scope; 0 without Yama."""
    return int(_sysctl("kernel/yama/ptrace_scope") or 0)


_SYSCTLS = (
    "kernel/yama/ptrace_scope",
    "kernel/core_pattern",
    "kernel/core_uses_pid",
    "kernel/perf_event_paranoid",
    "fs/suid_dumpable",
    "vm/memfd_noexec",
)


def describe_environment(uid: int, as_container_root: bool) -> dict[str, Any]:
    """The facts of this machine that decide what attacks can do."""
    return {
        "version": process_hardening.__version__,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
        "python": platform.python_version(),
        "executable": os.path.basename(sys.executable),
        "uid": uid,
        "started_by_root": os.geteuid() == 0,
        "container_root": as_container_root,
        "sysctl": {name.replace("/", "."): _sysctl(name) for name in _SYSCTLS},
    }


class _Laboratory:
    """The parent's side: starts lab.py and the guard, and leaves nothing behind."""

    def __init__(self, as_container_root: bool, uid: int | None = None, gid: int = _NOBODY) -> None:
        """uid, gid -- whom to attack as when we are root; None: nobody."""
        self.root = os.geteuid() == 0
        self.as_container_root = as_container_root
        if as_container_root and not self.root:
            raise CommandError("--as-root-without-ptrace needs root to begin with")
        self.drops = self.root and not as_container_root
        self.uid = (_NOBODY if uid is None else uid) if self.drops else os.geteuid()
        self.gid = gid
        self.top = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.top = tempfile.mkdtemp(prefix="ph-verify-")
        self.work = os.path.join(self.top, "work")
        os.chmod(self.top, 0o711)
        for name, mode in (("work", 0o700), ("cores", 0o700), ("piped", 0o750)):
            path = os.path.join(self.top, name)
            os.mkdir(path, mode)
            if self.drops:
                # A program of root's writes into "piped": nobody else may put a link there.
                os.chown(path, 0 if name == "piped" else self.uid, self.gid)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self._stop(self.process)
        if self.guard:
            assert self.guard.stdin
            self.guard.stdin.close()
            self._stop(self.guard)
        shutil.rmtree(self.top, ignore_errors=True)

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        """End a process by ending its input, else by force."""
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

    def _start_guard(self) -> None:
        """Have core_guard.py ready where we may set kernel.core_pattern."""
        collector = shutil.which("dd", path="/usr/bin:/bin")
        if not self.root or not collector or not os.access(core_guard.PATTERN, os.W_OK):
            return
        patterns = [
            f"{self.top}/cores/%p",
            f"|{collector} bs=1M status=none of={self.top}/piped/%p",
        ]
        if max(map(len, patterns)) > core_guard.MAX_LENGTH:
            return
        self.guard = subprocess.Popen(
            [sys.executable, "-m", core_guard.__name__, *patterns, self.top],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )

    def run(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Start the laboratory with a request; yields its reports."""
        self._start_guard()
        guard: list[int] = []
        if self.guard:
            assert self.guard.stdin
            assert self.guard.stdout
            guard = [self.guard.stdin.fileno(), self.guard.stdout.fileno()]
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "process_hardening.verify.lab.lab"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.work if not self.drops else self.top,
                env={"PATH": _path(), "LANG": "C.UTF-8"},
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
        if self.guard:
            assert self.guard.stdin
            self.guard.stdin.close()  # its input now ends with the laboratory
        assert self.process.stdin
        assert self.process.stdout
        complete = {
            **request,
            "folder": self.work,
            "remove": self.work if self.drops else self.top,
            "guard": guard or None,
            "as_container_root": self.as_container_root,
            "environment": {"PATH": _path(), "LANG": "C.UTF-8", "HOME": self.work},
        }
        self.process.stdin.write(json.dumps(complete).encode() + b"\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "done":
                return
            yield event
        raise CommandError("the laboratory ended before it was done")


def _path() -> str:
    """Where tools are looked for: the folder of this interpreter first."""
    here = os.path.dirname(sys.executable)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])


def _observed(event: dict[str, Any], command: str) -> Observed:
    if "failed" in event:
        return Observed(failed=event["failed"], seconds=event["seconds"])
    attempt = event["attempt"]
    return Observed(
        **{**attempt, "places": tuple(attempt["places"]), "command": attempt["command"] or command},
        answers=event["answers"],
        seconds=event["seconds"],
    )


@dataclass(frozen=True)
class _Plan:
    """What is to be attacked: the part of a request that differs.

    commands -- how the control and the victims are started
    program -- see launcher.Program
    pid, needles -- a running process and what to look for in it
    uid, gid -- whom to attack as
    canary_known -- see result_for()
    """

    commands: dict[str, list[str]]
    victims: tuple[str, ...]
    program: dict[str, Any] | None = None
    pid: int = 0
    needles: dict[str, str] = field(default_factory=dict)
    uid: int | None = None
    gid: int = _NOBODY
    canary_known: bool | None = None


def _verify(
    plan: _Plan,
    chosen: tuple[Attack, ...],
    as_container_root: bool,
    progress: Callable[[Progress], None] | None,
    notes: tuple[str, ...] = (),
) -> Verification:
    if not sys.platform.startswith("linux"):
        raise CommandError("verify attacks on Linux only")
    names = [CONTROL, *plan.victims]
    total = len(names) * len(chosen)
    started = time.monotonic()
    observed: dict[str, dict[str, Observed]] = {attack.name: {} for attack in chosen}
    by_name = {attack.name: attack for attack in chosen}
    yama = yama_scope()
    rows: dict[str, AttackResult] = {}
    told = list(notes)
    done = 0

    def complete(attack_name: str, unavailable: str | None = None) -> AttackResult:
        seen = observed[attack_name]
        in_order = {name: seen[name] for name in names if name in seen}
        row = result_for(by_name[attack_name], in_order, unavailable, yama, plan.canary_known)
        rows[attack_name] = row
        return row

    with _Laboratory(as_container_root, plan.uid, plan.gid) as laboratory:
        environment = describe_environment(laboratory.uid, as_container_root)
        request = {
            "attacks": [attack.name for attack in chosen],
            "victims": names,
            "commands": plan.commands,
            "program": plan.program,
            "pid": plan.pid,
            "needles": plan.needles,
            "parallel": min(4, (os.cpu_count() or 1) + 1),
        }
        for event in laboratory.run(request):
            if event["event"] == "note":
                told.append(event["text"])
                continue
            attack_name: str = event["attack"]
            row = None
            if event["event"] == "unavailable":
                victim = CONTROL
                done += len(names)
                row = complete(attack_name, event["reason"])
            else:
                victim = event["victim"]
                seen = _observed(event, by_name[attack_name].command)
                observed[attack_name][victim] = seen
                if plan.program and victim == CONTROL and seen.failed:
                    raise CommandError(f"{plan.commands[CONTROL][0]}: {seen.failed}")
                done += 1
                if len(observed[attack_name]) == len(names):
                    row = complete(attack_name)
            if progress:
                progress(Progress(done, total, attack_name, victim, row))
    results = tuple(rows.get(attack.name) or complete(attack.name) for attack in chosen)
    if plan.program and not any(row.control == LEAKED for row in results):
        told.append("no attack found the canary in the control: is it there?")
    return Verification(
        environment=environment,
        victims=plan.victims,
        attacks=results,
        notes=tuple(told),
        seconds=round(time.monotonic() - started, 2),
    )


def verify(
    attacks: Sequence[Attack] | None = None,
    victims: Sequence[str] = VICTIMS,
    as_container_root: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Verification:
    """Try attacks on the control and on victims of ours, and judge.

    attacks -- from attacks.registry; None: all
    victims -- names from launcher.KINDS or BROKEN_KINDS
    as_container_root -- attack as root lacking CAP_SYS_PTRACE, not as an unprivileged user
    progress -- is called after each attempt

    Raises CommandError when nothing can be tried at all.
    """
    for victim in victims:
        if victim == CONTROL or (victim not in KINDS and victim not in BROKEN_KINDS):
            raise CommandError(f"{victim!r} is no victim: {', '.join((*VICTIMS, *BROKEN_KINDS))}")
    chosen = tuple(all_attacks() if attacks is None else attacks)
    wanted = tuple(dict.fromkeys(victims))
    plan = _Plan({name: command_for(name) for name in (CONTROL, *wanted)}, wanted)
    return _verify(plan, chosen, as_container_root, progress)


def verify_program(
    argv: Sequence[str],
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Verification:
    """Try attacks on a program of the user's, started plain and by each method of `run`.

    argv -- the program and its arguments
    canary -- a secret that it is known to hold; None: one is put into its environment

    Raises CommandError when the program cannot be started or ends at once.
    """
    path = argv[0] if "/" in argv[0] or os.path.isfile(argv[0]) else shutil.which(argv[0])
    if path is None or not os.path.exists(path):
        raise NotFoundError(f"{argv[0]}: no such program")
    commands = commands_for([os.path.abspath(path), *argv[1:]])
    program = {"environment": dict(os.environ), "cwd": os.getcwd(), "canary": canary}
    plan = _Plan(commands, tuple(name for name in commands if name != CONTROL), program)
    chosen = tuple(all_attacks() if attacks is None else attacks)
    return _verify(plan, chosen, as_container_root, progress)


def verify_process(
    pid: int,
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Verification:
    """Try the attacks that cannot harm on a running process; the control is one of ours.

    canary -- a secret that it is known to hold; None: getting in counts as a leak

    Raises CommandError when there is no such process or it is another user's.
    """
    try:
        owner = os.stat(f"/proc/{pid}/status")
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            raise CommandError(f"{pid}: no such process") from None
        except OSError:
            raise CommandError(f"{pid}: another user's process: run verify as root") from None
        owner = None  # hidden by hidepid; it is ours, as the signal told
    if not is_alive(pid):
        raise CommandError(f"{pid}: has ended, or is stopped")
    uid, gid = _owner(pid) if owner else (os.geteuid(), os.getegid())
    if os.geteuid() and uid != os.geteuid():
        raise CommandError(f"{pid}: another user's process: run verify as that user or as root")
    if os.geteuid() == 0 and uid == 0 and not as_container_root:
        raise CommandError(
            f"{pid}: root's process, which root may always read:"
            " --as-root-without-ptrace attacks as a container's root"
        )
    chosen = tuple(all_attacks() if attacks is None else attacks)
    harmless = tuple(attack for attack in chosen if attack.effect == READS)
    left_out = [attack.name for attack in chosen if attack.effect != READS]
    notes = (f"left out, for they could harm it: {', '.join(left_out)}",) if left_out else ()
    if not harmless:
        raise CommandError(f"{', '.join(left_out)}: could harm process {pid}: not tried")
    name = f"pid {pid}"
    needles = {GIVEN: canary} if canary else {GIVEN: os.urandom(20).hex()}
    plan = _Plan(
        commands={CONTROL: command_for(CONTROL)},
        victims=(name,),
        pid=pid,
        needles=needles,
        uid=uid,
        gid=gid,
        canary_known=canary is not None,
    )
    return _verify(plan, harmless, as_container_root, progress, notes)


def _owner(pid: int) -> tuple[int, int]:
    """The effective user and group of a process; a hardened one's files are root's."""
    found = {}
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, values = line.partition(":")
            if name in ("Uid", "Gid"):
                found[name] = int(values.split()[1])
    return found["Uid"], found["Gid"]
