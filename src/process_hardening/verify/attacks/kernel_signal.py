"""Have the kernel crash a process for us, and read its core: no signal of ours is sent."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import socket
import time

from process_hardening.verify.attacks.core_dump import FILE_NEEDED, crash_by, find_missing_file
from process_hardening.verify.model import BUILT_IN, CORE_FILE, KILLS, Attack, Attempt, Target

_CPU_SECONDS = 1  # the least that RLIMIT_CPU takes
_EXHAUST_SECONDS = 40.0
_DELIVERY_SECONDS = 4.0
_QUESTION = "x" * 60000  # long, so that the target spends its time on it
_VICTIMS = ("pre-main", "confined")  # seconds each, and one hardened process refuses like another


def limit_processor_time(target: Target) -> Attempt:
    """Lower the target's limit of processor time, which it then uses up: SIGXCPU."""
    victim = target.victim
    assert victim is not None

    def ask_until_it_ends() -> None:
        deadline = time.monotonic() + _EXHAUST_SECONDS
        while victim.wait(0.0) is None and time.monotonic() < deadline:
            victim.ask("ping", _QUESTION)

    try:
        _, hard = resource.prlimit(target.pid, resource.RLIMIT_CPU)
        resource.prlimit(target.pid, resource.RLIMIT_CPU, (_CPU_SECONDS, hard))
    except (PermissionError, ValueError):  # Python turns EPERM into a ValueError
        message = f"prlimit(RLIMIT_CPU): {os.strerror(errno.EPERM)}"
        return Attempt(False, message, errno.EPERM, refused=True)
    return crash_by(ask_until_it_ends, signal.SIGXCPU.name, target)


def signal_by_descriptor(target: Target) -> Attempt:
    """Make the target the owner of a socket that announces data with SIGSEGV, and write to it."""
    victim = target.victim
    assert victim is not None
    ours, theirs = socket.socketpair()

    def write() -> None:
        theirs.send(b"x")
        if victim.wait(_DELIVERY_SECONDS) is None:  # the kernel tells nobody that it refused
            raise PermissionError(0, "SIGSEGV was not delivered", "fcntl(F_SETSIG)")

    with ours, theirs:
        fcntl.fcntl(ours, fcntl.F_SETOWN, target.pid)
        fcntl.fcntl(ours, fcntl.F_SETSIG, signal.SIGSEGV)
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        return crash_by(write, signal.SIGSEGV.name, target)


ATTACKS = (
    Attack(
        name="core-cpu-limit",
        kind=BUILT_IN,
        summary="have the kernel crash it at a limit of processor time, read the core",
        type="core dump",
        targets="a process that uses a second of processor time and leaves a core",
        requires=FILE_NEEDED,
        refusal="EPERM from prlimit, or no core appears",
        effect=KILLS,
        command="prlimit(PID, RLIMIT_CPU, 1); read the core from a file",
        find_missing=find_missing_file,
        run=limit_processor_time,
        core_pattern=CORE_FILE,
        victims=_VICTIMS,
        timeout=60.0,
    ),
    Attack(
        name="core-sigio",
        kind=BUILT_IN,
        summary="have the kernel crash it with a descriptor's signal, read the core",
        type="core dump",
        targets="a process that leaves a core",
        requires=FILE_NEEDED,
        refusal="no core appears",
        effect=KILLS,
        command="fcntl(F_SETOWN, PID); fcntl(F_SETSIG, SIGSEGV); read the core from a file",
        find_missing=find_missing_file,
        run=signal_by_descriptor,
        core_pattern=CORE_FILE,
        victims=_VICTIMS,
        timeout=12.0,
    ),
)
