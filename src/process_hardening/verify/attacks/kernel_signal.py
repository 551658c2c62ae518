"""Make the kernel crash a process and read its core, without sending a signal ourselves."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from functools import partial

from process_hardening.verify.attacks.core_dump import FILE_NEEDED, crash_by, find_missing_file
from process_hardening.verify.lab.core_guard import CORE_FILE
from process_hardening.verify.lab.victim import FAR
from process_hardening.verify.model import (
    BUILT_IN,
    CONFINED,
    KILLS,
    Attack,
    Attempt,
    Target,
)

_CPU_SECONDS = 0  # Linux before 5.4 makes this a second (do_prlimit() in kernel/sys.c)
_EXHAUST_SECONDS = 40.0
_DELIVERY_SECONDS = 4.0
_QUESTION = "x" * 60000  # so long that answering it takes CPU time
_VICTIMS = ("pre-main", CONFINED)  # attacks take seconds, and hardened victims all behave alike


def limit_processor_time(target: Target) -> Attempt:
    """Lower the target's CPU time limit and make the target exceed it, which raises SIGXCPU."""
    victim = target.victim
    assert victim is not None

    def exceed() -> None:
        _lower_limit(target.pid, resource.RLIMIT_CPU, "RLIMIT_CPU", _CPU_SECONDS)
        deadline = time.monotonic() + _EXHAUST_SECONDS
        while victim.wait(0.0) is None and time.monotonic() < deadline:
            victim.ask("ping", _QUESTION)

    return crash_by(exceed, signal.SIGXCPU, target)


def limit_file_size(target: Target) -> Attempt:
    """Lower the target's file size limit and make the target exceed it, which raises SIGXFSZ."""
    victim = target.victim
    assert victim is not None
    # Half the offset at which the target writes: a core must still fit below the limit.
    _lower_limit(target.pid, resource.RLIMIT_FSIZE, "RLIMIT_FSIZE", FAR // 2)
    return crash_by(partial(victim.ask, "write"), signal.SIGXFSZ, target)


def _lower_limit(pid: int, limit: int, name: str, soft: int) -> None:
    """Set the soft limit of a process. Raises PermissionError."""
    try:
        _, hard = resource.prlimit(pid, limit)
        resource.prlimit(pid, limit, (soft, hard))
    except (PermissionError, ValueError):  # Python turns EPERM into a ValueError
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), f"prlimit({name})") from None


def _choose_crash(file: socket.socket) -> None:
    """Make a socket send SIGSEGV to the process that owns it. Raises PermissionError."""
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGSEGV)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, "fcntl(F_SETSIG)") from None


def signal_by_descriptor(target: Target) -> Attempt:
    """Make the target the owner of a socket that announces data with SIGSEGV, and write to it."""
    victim = target.victim
    assert victim is not None
    ours, theirs = socket.socketpair()

    def write() -> None:
        theirs.send(b"x")
        if victim.wait(_DELIVERY_SECONDS) is None:  # the kernel does not report the refusal
            raise PermissionError(0, "SIGSEGV was not delivered", "fcntl(F_SETSIG)")

    with ours, theirs:
        fcntl.fcntl(ours, fcntl.F_SETOWN, target.pid)
        _choose_crash(ours)
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        return crash_by(write, signal.SIGSEGV, target)


def choose_signal(target: Target) -> Attempt:
    """Make a socket that the target already owns announce data with SIGSEGV, and write to it."""
    victim = target.victim
    assert victim is not None
    os.chdir(target.folder)  # the path of a socket must be short, whatever TMPDIR is
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        listener.listen()
        victim.ask("share", os.path.join(os.path.relpath(target.folder, victim.cwd), "socket"))
        with listener.accept()[0] as connection:
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
    ours, theirs = (socket.socket(fileno=fd) for fd in descriptors)
    with ours, theirs:
        _choose_crash(ours)
        return crash_by(lambda: theirs.send(b"x"), signal.SIGSEGV, target)


def _attack(
    name: str,
    summary: str,
    run: Callable[[Target], Attempt],
    *,
    targets: str,
    refusal: str,
    command: str,
    own_victim: bool = False,
    timeout: float = 12.0,
) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=f"make the kernel crash it {summary} and read the core",
        type="core dump",
        targets=targets,
        requires=FILE_NEEDED,
        refusal=refusal,
        effect=KILLS,
        command=f"{command}; read the core from a file",
        find_missing=find_missing_file,
        run=run,
        core_pattern=CORE_FILE,
        own_victim=own_victim,
        victims=_VICTIMS,
        timeout=timeout,
    )


_LIMIT_REFUSED = "EPERM from prlimit, or no core appears"

ATTACKS = (
    _attack(
        "core-cpu-limit",
        "with a CPU time limit",
        limit_processor_time,
        targets="a process that works and leaves a core",
        refusal=_LIMIT_REFUSED,
        command="prlimit(PID, RLIMIT_CPU, 0)",
        own_victim=True,  # a program that waits for work might never reach it
        timeout=60.0,
    ),
    _attack(
        "core-file-limit",
        "with a file size limit",
        limit_file_size,
        targets="a process that writes files and leaves a core",
        refusal=_LIMIT_REFUSED,
        command=f"prlimit(PID, RLIMIT_FSIZE, {FAR // 2})",
        own_victim=True,
    ),
    _attack(
        "core-sigio",
        "with a descriptor's signal",
        signal_by_descriptor,
        targets="a process that leaves a core",
        refusal="no core appears",
        command="fcntl(F_SETOWN, PID); fcntl(F_SETSIG, SIGSEGV)",
    ),
    _attack(
        "core-setsig",
        "with the signal of a descriptor that it owns",
        choose_signal,
        targets="a process that shares a descriptor, owns it and leaves a core",
        refusal="EPERM from fcntl, or no core appears",
        command="fcntl(F_SETSIG, SIGSEGV)",
        own_victim=True,
    ),
)
