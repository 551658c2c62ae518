"""A pytest plugin: assert in the tests of any project that a process is hardened.

Import assert_hardened, or let pytest bring it as a fixture of that name, with a line in the
conftest.py at the root of the tests: pytest_plugins = ["process_hardening.pytest_plugin"].

There is no entry point that would make pytest load this by itself. It would then take the modules
of this package, whose __init__ is an extension, for modules of its own names and warn at each
start that __main__ cannot be rewritten (_pytest/config/__init__.py: _iter_rewritable_modules()).
"""

from __future__ import annotations

import time

import pytest

from process_hardening.state import HARDENED

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
    """Assert that a process is hardened: who runs as its user cannot read it, it leaves no core.

    process -- a pid, or an object that has one
    within -- seconds that it may take to become so; 0: it must be so now
    allow -- told the id of each finding (PH004), says whether to tolerate it
    Raises AssertionError with all that is wrong, or with the reason why it cannot be told. What
    the kernel keeps from us because the process is hardened is not held against it.
    """
    __tracebackhide__ = True
    pid = process if isinstance(process, int) else process.pid
    if pid is None:
        raise AssertionError("the process was not started")
    deadline = time.monotonic() + within
    while True:
        complaint = _complaint(pid, allow)
        if complaint is None:
            return
        if time.monotonic() >= deadline:
            raise AssertionError(complaint)
        time.sleep(_PAUSE)


def _complaint(pid: int, allow: Callable[[str], bool] | None) -> str | None:
    """What is wrong with a process, or None."""
    # Here, not above: a test run that asserts nothing of the kind need not load them.
    from process_hardening.errors import CommandError
    from process_hardening.audit.rules.findings import findings_of
    from process_hardening.audit.host import read_rules
    from process_hardening.audit.posture import crash_of, sentence
    from process_hardening.audit.reader import read_posture
    from process_hardening.audit.rules.registry import INFO

    try:
        posture = read_posture(pid)
    except CommandError as error:
        return str(error)
    if posture.verdict == HARDENED:
        return None
    crash = crash_of(posture, read_rules().core)
    findings = [f for f in findings_of(posture, crash) if f.severity != INFO]
    if allow is not None and findings and posture.verdict != "unknown":
        findings = [finding for finding in findings if not allow(finding.id)]
        if not findings:
            return None
    lines = [f"process {pid} ({posture.name}) is {posture.verdict}, not hardened"]
    lines.append(f"  {sentence(posture, crash)}")
    lines += [f"  {f.id} {f.severity}: {f.message}\n    fix: {f.fix}" for f in findings]
    if posture.problem:
        lines.append(f"  {posture.problem}")
    return "\n".join(lines)


@pytest.fixture(name="assert_hardened", scope="session")
def _assert_hardened() -> Callable[..., None]:
    """The function assert_hardened(process): fails the test when the process is not hardened."""
    return assert_hardened
