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

    from process_hardening.audit.result import Entry

    class HasPid(Protocol):
        """A process as subprocess, multiprocessing, asyncio and psutil have it."""

        @property
        def pid(self) -> int | None:
            """Its process id; None before it was started."""


_PAUSE = 0.01


def assert_hardened(
    process: int | str | HasPid,
    *,
    within: float = 0.0,
    allow: Callable[[str], bool] | None = None,
) -> None:
    """Assert that a process is hardened: its user cannot read it, and a crash leaves no core.

    process -- a pid, an object that has one, or a regular expression as `audit --name` takes it:
        then all processes that match must be hardened, and there must be one
    within -- how many seconds it may take to become hardened; 0: it must be now
    allow -- takes the id of a finding (PH004) and returns whether to tolerate it

    Raises AssertionError with everything that is wrong, or with the reason why that is not known.
    What the kernel hides from us because the process is hardened does not count against it.
    """
    __tracebackhide__ = True
    which = process if isinstance(process, (int, str)) else process.pid
    if which is None:
        raise AssertionError("the process was not started")
    deadline = time.monotonic() + within
    while True:
        complaint = _find_complaint(which, allow)
        if complaint is None:
            return
        if time.monotonic() >= deadline:
            raise AssertionError(complaint)
        time.sleep(_PAUSE)


def _find_complaint(which: int | str, allow: Callable[[str], bool] | None) -> str | None:
    """What is wrong with the process of a pid, or with those that match a name; None: nothing."""
    # Here, not above: a test run that does not assert anything need not load them.
    from process_hardening import audit
    from process_hardening.errors import CommandError

    try:
        if isinstance(which, int):
            found = audit.take(pids=[which], with_ancestors=False)
        else:
            found = audit.take(name=which)
    except CommandError as error:
        return str(error)
    if not found.entries:
        return f"no process matches {which!r}: none was checked"
    complaints = [_describe_entry(entry, allow) for entry in found.entries]
    return "\n".join(filter(None, complaints)) or None


def _describe_entry(entry: Entry, allow: Callable[[str], bool] | None) -> str | None:
    """What is wrong with a process, or None."""
    from process_hardening.audit.rules.model import INFO

    posture = entry.posture
    if posture.verdict == HARDENED:
        return None
    findings = [finding for finding in entry.findings if finding.severity != INFO]
    if allow is not None and findings and posture.verdict != UNKNOWN:
        findings = [finding for finding in findings if not allow(finding.id)]
        if not findings:
            return None
    lines = [f"process {posture.pid} ({posture.name}) is {posture.verdict}, not hardened"]
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
