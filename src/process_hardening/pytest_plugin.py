"""A pytest plugin: assert in the tests of any project that a process is hardened.

Import assert_hardened, or let pytest bring it as a fixture of that name, with a line in the
conftest.py at the root of the tests: pytest_plugins = ["process_hardening.pytest_plugin"].

There is no entry point that would make pytest load this by itself: it would slow every test run in
an environment that has this package.
"""

from __future__ import annotations

import time

import pytest

from process_hardening.state import HARDENED, UNKNOWN

TYPE_CHECKING = False  # importing typing would slow the start of every test run
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class HasPid(Protocol):
        """A process as subprocess, multiprocessing, asyncio and psutil have it."""

        @property
        def pid(self) -> int | None:
            """Its process id; None before it was started."""


_PAUSE = 0.01


def assert_hardened(
    process: int | HasPid, *, within: float = 0.0, allow: Callable[[str], bool] | None = None
) -> None:
    """Assert that a process is hardened: its user cannot read it, and a crash leaves no core.

    process -- a pid, or an object that has one
    within -- how many seconds it may take to become hardened; 0: it must be now
    allow -- takes the id of a finding (PH004) and returns whether to tolerate it

    Raises AssertionError with everything that is wrong, or with the reason why that is not known.
    What the kernel hides from us because the process is hardened does not count against it.
    """
    __tracebackhide__ = True
    pid = process if isinstance(process, int) else process.pid
    if pid is None:
        raise AssertionError("the process was not started")
    deadline = time.monotonic() + within
    while True:
        complaint = _find_complaint(pid, allow)
        if complaint is None:
            return
        if time.monotonic() >= deadline:
            raise AssertionError(complaint)
        time.sleep(_PAUSE)


def _find_complaint(pid: int, allow: Callable[[str], bool] | None) -> str | None:
    """What is wrong with a process, or None."""
    # Here, not above: a test run that does not assert anything need not load them.
    from process_hardening import audit
    from process_hardening.audit.rules.model import INFO
    from process_hardening.errors import CommandError

    try:
        (entry,) = audit.take(pids=[pid], with_ancestors=False).entries
    except CommandError as error:
        return str(error)
    posture = entry.posture
    if posture.verdict == HARDENED:
        return None
    findings = [finding for finding in entry.findings if finding.severity != INFO]
    if allow is not None and findings and posture.verdict != UNKNOWN:
        findings = [finding for finding in findings if not allow(finding.id)]
        if not findings:
            return None
    lines = [f"process {pid} ({posture.name}) is {posture.verdict}, not hardened"]
    lines.append(f"  {entry.outcome}")
    for finding in findings:
        lines.append(f"  {finding.id} {finding.severity}: {finding.message}")
        lines.append(f"    fix: {finding.fix}")
        lines += [f"      $ {command}" for command in finding.commands]
    if posture.problem:
        lines.append(f"  {posture.problem}")
    return "\n".join(lines)


@pytest.fixture(name="assert_hardened", scope="session")
def _assert_hardened() -> Callable[..., None]:
    """The function assert_hardened(process), which fails the test when it is not hardened."""
    return assert_hardened
