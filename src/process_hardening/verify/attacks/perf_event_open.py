"""Sample running threads with copies of their stacks: perf_event_open, PERF_SAMPLE_STACK_USER."""

from __future__ import annotations

import mmap
import os
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack

from process_hardening.verify.attacks.reading import is_users_program
from process_hardening.verify.lab import kernel
from process_hardening.verify.machine import read_sysctl
from process_hardening.verify.model import (
    BUILT_IN,
    READS,
    Attack,
    Attempt,
    DoesNotApplyError,
    Target,
)


def find_flag(number: int, order: str = sys.byteorder) -> int:
    """Return a flag of struct perf_event_attr, whose first bit field is number 0.

    C compilers begin at the lowest bit on little-endian machines, and at the highest on others.
    """
    return 1 << (number if order == "little" else 63 - number)


# include/uapi/linux/perf_event.h, struct perf_event_attr up to sample_stack_user.
_ATTRIBUTES = struct.Struct("=IIQQQQQIIQQQQIiQIHH")
_SOFTWARE, _TASK_CLOCK = 1, 1
_PERIOD = 20_000  # nanoseconds of the thread's running time
_SAMPLE_STACK_USER = 1 << 13
_INHERIT, _EXCLUDE_KERNEL, _EXCLUDE_HV = find_flag(1), find_flag(5), find_flag(6)
_ANY_CPU = -1
_STACK_BYTES = 32 << 10
_PAGES = 1 + 64
# struct perf_event_mmap_page
_POSITION, _DATA_HEAD, _DATA_TAIL = struct.Struct("=Q"), 1024, 1032
_SECONDS = 0.6
_SETTING = "kernel/perf_event_paranoid"
_HIGHEST = 2  # Debian's additional value 3 forbids sampling without CAP_PERFMON


def find_missing() -> str | None:
    """Return what prevents unprivileged users from sampling, or None."""
    if kernel.perf_event_number() is None:
        return "the system call number of perf_event_open is unknown for this architecture"
    setting = read_sysctl(_SETTING)
    if setting and int(setting) > _HIGHEST and os.geteuid():
        return f"kernel.perf_event_paranoid={setting} forbids it for unprivileged users"
    return None


def _attributes(inherit: int = 0) -> bytes:
    head = (_SOFTWARE, _ATTRIBUTES.size, _TASK_CLOCK, _PERIOD, _SAMPLE_STACK_USER)
    flags = inherit | _EXCLUDE_KERNEL | _EXCLUDE_HV
    return _ATTRIBUTES.pack(*head, 0, flags, 0, 0, 0, 0, 0, 0, _STACK_BYTES, 0, 0, 0, 0, 0)


def sample_stack(target: Target) -> Attempt:
    """Sample for a moment and look for the secret in the copies of the stack.

    Raises DoesNotApplyError for a user's program that did not run while it was sampled.
    """
    fd = kernel.perf_event_open(_attributes(), target.thread or target.pid, _ANY_CPU)
    try:
        attempt = read_samples([fd], target)
    finally:
        os.close(fd)
    if attempt.empty and is_users_program(target):
        raise DoesNotApplyError("the program was idle, so nothing was sampled")
    return attempt


def open_inherited_events(pid: int, events: dict[int, int]) -> None:
    """Open events that also sample what a process starts later: one for each CPU.

    The kernel refuses to map such an event for all CPUs.

    events -- the descriptors by CPU. Those that are missing are added, also before an error. The
        caller closes all of them.

    Raises OSError.
    """
    attributes = _attributes(_INHERIT)
    for cpu in os.sched_getaffinity(0) - events.keys():
        events[cpu] = kernel.perf_event_open(attributes, pid, cpu)


def read_samples(events: Iterable[int], target: Target) -> Attempt:
    """Look for the secret in the samples of these events for a moment."""
    places: tuple[str, ...] = ()
    sampled = 0
    with ExitStack() as stack:
        size = _PAGES * mmap.PAGESIZE
        rings = [stack.enter_context(mmap.mmap(fd, size)) for fd in events]
        deadline = time.monotonic() + _SECONDS
        while not places and time.monotonic() < deadline:
            time.sleep(0.01)
            heads = [_POSITION.unpack_from(ring, _DATA_HEAD)[0] for ring in rings]
            sampled = sum(heads)
            for ring, head in zip(rings, heads, strict=True):
                places = places or target.places_in(ring[mmap.PAGESIZE :])
                _POSITION.pack_into(ring, _DATA_TAIL, head)  # mark as read: frees the buffer
    return Attempt(bool(places), f"sampled {sampled} bytes", places=places, empty=not sampled)


ATTACKS = (
    Attack(
        name="perf-event-open",
        kind=BUILT_IN,
        summary="sample a thread with copies of its stack",
        type="profiler",
        targets="a thread that runs while it is sampled",
        requires="the same user; kernel.perf_event_paranoid of at most 2",
        refusal="EACCES from perf_event_open",
        effect=READS,
        command="perf_event_open(TASK_CLOCK, PERF_SAMPLE_STACK_USER, THREAD)",
        find_missing=find_missing,
        run=sample_stack,
    ),
)
