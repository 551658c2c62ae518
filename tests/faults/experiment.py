"""One run of a subject below faults, and what came of it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faults import oracle
from faults.subjects import CANARY, Subject
from faults.supervisor import INHERITED, NUMBERS, PATIENCE, Call, HungError, Supervised

REFUSED = "refused"
HARDENED = "hardened"
ANNOUNCED = "unprotected, with a warning"
ENDED = "other exit"
LEAKED = "unprotected, no warning"
HUNG = "hung"
OUTCOMES = (REFUSED, HARDENED, ANNOUNCED, ENDED, LEAKED, HUNG)
BAD = (LEAKED, HUNG)

STATUSES = (2, 5, 6, 7, 8, 126, 127)
PREFIX = "process-hardening: "
LAUNCHERS = ("harden", "launcher", "confine", "helper")


@dataclass(frozen=True)
class Fault:
    """What a call returns instead of being made.

    call -- this very one, or a number: every call of ours with it
    result -- 0: it claims success; else an errno value
    """

    call: Call | int
    result: int

    def hits(self, call: Call) -> bool:
        """Whether it is in place of this call."""
        return call == self.call or call.number == self.call


@dataclass(frozen=True)
class Outcome:
    """What came of a run: one of OUTCOMES, why, and the calls that our code made."""

    kind: str
    why: str
    calls: tuple[Call, ...]


class Run:
    """A subject that runs, and what is checked of it."""

    def __init__(self, subject: Subject, victim: oracle.Outside | None, folder: Path) -> None:
        self.subject = subject
        self.victim = victim
        self.folder = folder
        self.secret = secrets.token_hex(32)
        self.place = 0
        self.faults: list[str] = []
        self._is_born = False

    def watch(self, program: Supervised, pid: int, image: str, number: int) -> None:
        """Look at the processes of a launch while they wait for the answer to a call."""
        if pid == program.pid:
            if self._is_born and oracle.read_dumpable(pid) == 1:
                self.faults.append("the program is dumpable at its first call")
            self._is_born = image in ("harden", "launcher") and number == NUMBERS["execveat"]
        elif image in LAUNCHERS and oracle.read_dumpable(pid) == 1 != oracle.read_dumpable(
            program.pid
        ):
            if CANARY.encode() in oracle.read_environment(pid):
                self.faults.append(f"a process of the launch ({image}) shows its environment")
            if oracle.has_descriptor(pid, INHERITED):
                self.faults.append(f"a process of the launch ({image}) shows its descriptors")

    def check(self, program: Supervised, pid: int) -> None:
        """Make the attacks on a program that is ready."""
        for name in self.subject.checks:
            found = CHECKS[name](self, program, pid)
            if found:
                self.faults.append(found)


def _leaks(run: Run, pid: int) -> bool:
    found = oracle.read_memory(run.subject.user, pid, run.place, len(run.secret))
    return found.decode(errors="replace") == run.secret


def _check_memory(run: Run, program: Supervised, pid: int) -> str:
    run.place = int(program.ask(f"hold {run.secret}") or 0)
    if not run.place:
        return ""  # it ended: nothing is there to leak
    return "its memory was read" if _leaks(run, pid) else ""


def _check_seal(run: Run, program: Supervised, pid: int) -> str:
    program.ask("expose")
    return "it exposed itself in spite of the seal" if _leaks(run, pid) else ""


def _check_core(_run: Run, _program: Supervised, pid: int) -> str:
    limit = oracle.read_core_limit(pid)
    return "" if limit == ["0", "0"] else f"its core limit is {limit}"


def _check_environment(_run: Run, _program: Supervised, pid: int) -> str:
    is_there = CANARY.encode() in oracle.read_environment(pid)
    return "a loader variable is in its initial environment" if is_there else ""


def _check_injected(run: Run, _program: Supervised, _pid: int) -> str:
    return "an injected library was loaded" if (run.folder / "mark").exists() else ""


def _check_privileges(_run: Run, _program: Supervised, pid: int) -> str:
    return "" if oracle.read_status(pid, "NoNewPrivs") == "1" else "no_new_privs is not set"


def _check_outside(run: Run, program: Supervised, _pid: int) -> str:
    assert run.victim
    tries = {
        "read": f"read {run.victim.pid} {run.victim.place}",
        "limited": f"limit {run.victim.pid}",
        "signalled": f"signal {run.victim.pid}",
    }
    done = [name for name, line in tries.items() if program.ask(line) == "yes"]
    return f"another process was {', '.join(done)}" if done else ""


def _check_capabilities(_run: Run, _program: Supervised, pid: int) -> str:
    held = int(oracle.read_status(pid, "CapPrm") or "0", 16) & oracle.BYPASSING
    return f"it holds capabilities: {held:#x}" if held else ""


def _check_never(_run: Run, _program: Supervised, _pid: int) -> str:
    return "it was started although it is traced"


CHECKS: Mapping[str, Callable[[Run, Supervised, int], str]] = {
    "memory": _check_memory,
    "seal": _check_seal,
    "core": _check_core,
    "environment": _check_environment,
    "injected": _check_injected,
    "privileges": _check_privileges,
    "outside": _check_outside,
    "capabilities": _check_capabilities,
    "never": _check_never,
}


def _judge(run: Run, program: Supervised, line: str) -> tuple[str, str]:
    """What came of it."""
    errors = program.read_errors()
    is_said = any(each.startswith(PREFIX) for each in errors.splitlines())
    if line.startswith("ready "):
        try:
            run.check(program, int(line.split()[1]))
        except (FileNotFoundError, ProcessLookupError):  # of its folder in /proc
            if not run.faults:
                return ENDED, f"after it was ready: {errors.strip()}"
        why = "; ".join(dict.fromkeys(run.faults))
        if why:
            return (ANNOUNCED if is_said else LEAKED), f"{why}: {errors.strip()}"
        return HARDENED, errors.strip()
    why = f"{program.status} {errors.strip()}"
    if run.faults:
        return LEAKED, f"{'; '.join(dict.fromkeys(run.faults))}: {why}"
    return (REFUSED if program.status in STATUSES and is_said else ENDED), why


def run(
    subject: Subject,
    faults: tuple[Fault, ...],
    paths: dict[str, str],
    numbers: dict[str, int],
    victim: oracle.Outside | None,
) -> Outcome:
    """Start a subject below faults, attack what was started, and end it."""
    base = {numbers[name]: result for name, result in subject.base.items()}

    def answer(call: Call) -> int | None:
        for fault in faults:
            if fault.hits(call):
                return fault.result
        return base.get(call.number)

    folder = Path(tempfile.mkdtemp(prefix="ph-fault-"))
    folder.chmod(0o777)
    state = Run(subject, victim, folder)
    # All calls are recorded once; afterwards only those that matter are, which takes half as long.
    supervised = {
        call if isinstance(call, int) else call.number for call in (f.call for f in faults)
    }
    if supervised:
        supervised |= {*base, *(NUMBERS[name] for name in ("execve", "execveat", "prctl", "read"))}
    program = Supervised(subject.make_start(paths, folder, frozenset(supervised)), answer)
    program.watch = lambda pid, image, number: state.watch(program, pid, image, number)
    try:
        with program:
            try:
                kind, why = _judge(state, program, program.read_line())
            except HungError:
                kind, why = HUNG, f"after {PATIENCE} seconds: {program.read_errors()}"
    finally:
        shutil.rmtree(folder)
    return Outcome(kind, why, tuple(program.calls))
