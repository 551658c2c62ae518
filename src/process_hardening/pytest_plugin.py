"""A pytest plugin: test a main() that hardens itself, and assert that a process is hardened.

Load it in the conftest.py at the root of the tests, or with
`pytest -p process_hardening.pytest_plugin`:

    pytest_plugins = ["process_hardening.pytest_plugin"]

While a test runs, harden() and pre_main_hardening() do not harden, re-execute or terminate the
pytest process. The fixture hardening_calls records their calls instead. Calls in a conftest.py
before the tests and calls in child processes are not affected. Use assert_hardened() for child
processes; it is both a function and a fixture.

The plugin has no entry point, so pytest does not load it automatically: that would slow every test
run in an environment with this package.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

import pytest

import process_hardening
from process_hardening import Report, _native
from process_hardening.launch import reexec as _reexec
from process_hardening.policy import DEFAULT, STEPS, native_form
from process_hardening.record import Record
from process_hardening.state import HARDENED, UNKNOWN

TYPE_CHECKING = False  # importing typing would slow the start of every test run
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any, Protocol

    from process_hardening.audit.entries import Entry
    from process_hardening.policy import Policy

    class HasPid(Protocol):
        """A process object of subprocess, multiprocessing, asyncio or psutil."""

        @property
        def pid(self) -> int | None:
            """Its process id; None before it is started."""


_PAUSE = 0.01


def assert_hardened(
    process: int | str | HasPid,
    *,
    within: float = 0.0,
    allow: Callable[[str], bool] | None = None,
) -> None:
    """Assert that a process is hardened: its user cannot read it, and a crash leaves no core.

    process -- a pid, an object with a pid, or a regular expression as for `audit --name`; at least
        one process must match the expression, and all matching processes must be hardened
    within -- how many seconds it may take to become hardened; 0: it must already be hardened
    allow -- a function that takes the id of a finding (PH004) and returns whether to tolerate it

    Raises AssertionError with everything that is wrong, or with the reason why the state is
    unknown, and TypeError for an invalid process or time. Facts that the kernel hides because the
    process is hardened do not count against it.
    """
    __tracebackhide__ = True
    which = process if isinstance(process, (int, str)) else getattr(process, "pid", process)
    if which is None and process is not None:
        raise AssertionError("the process was not started")
    if not isinstance(which, (int, str)):
        raise TypeError(f"process must be a pid, a name or an object with a pid, not {process!r}")
    if not isinstance(within, (int, float)):
        raise TypeError(f"within must be a number of seconds, not {within!r}")
    deadline = time.monotonic() + within
    while True:
        complaint = _find_complaint(which, allow)
        if complaint is None:
            return
        if time.monotonic() >= deadline:
            raise AssertionError(complaint)
        time.sleep(_PAUSE)


def _find_complaint(which: int | str, allow: Callable[[str], bool] | None) -> str | None:
    """Return what is wrong with the processes that match a pid or a name, or None."""
    # Imported here, because a test run without assert_hardened() does not need them.
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
        return f"no process matches {which!r}"
    complaints = [_describe_entry(entry, allow) for entry in found.entries]
    return "\n".join(filter(None, complaints)) or None


def _describe_entry(entry: Entry, allow: Callable[[str], bool] | None) -> str | None:
    """Return what is wrong with a process, or None."""
    from process_hardening.audit.posture import ZOMBIE
    from process_hardening.audit.rules.model import INFO

    posture = entry.posture
    if posture.verdict == HARDENED:
        return None
    findings = [finding for finding in entry.findings if finding.severity != INFO]
    if allow is not None and findings and posture.verdict != UNKNOWN:
        findings = [finding for finding in findings if not allow(finding.id)]
        if not findings:
            return None
    if posture.kind == ZOMBIE:
        return f"process {posture.pid} ({posture.name}) has ended, so it is not hardened"
    lines = [f"process {posture.pid} ({posture.name}) is {posture.verdict}, not hardened"]
    lines.append(f"  {entry.outcome}")
    for finding in findings:
        lines.append(f"  {finding.id} {finding.severity}: {finding.message}")
        lines.append(f"    fix: {finding.fix}")
        lines += [f"      $ {command}" for command in finding.commands]
    if posture.problem:
        lines.append(f"  {posture.problem}")
    return "\n".join(lines)


class HardeningCall(Record):
    """A call to pre_main_hardening() or harden() that the plugin recorded.

    policy -- its policy; DEFAULT if none was given
    reexec -- whether the program would have been re-executed
    fatal -- whether a failure would have ended the process, as in pre_main_hardening(), instead of
        raising an exception, as in harden()
    """

    policy: Policy
    reexec: bool
    fatal: bool


class _Recorder:
    """Replaces the functions that harden, re-execute or terminate this process."""

    def __init__(self) -> None:
        self.calls: list[HardeningCall] = []
        self._pid = os.getpid()
        self._seams: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
            (process_hardening, "_take_steps", self._take_steps),
            (_reexec, "harden_and_start_again", self._harden_and_start_again),
            (_native, "call_or_exit", self._call_or_exit),
        )
        self._real = {name: getattr(module, name) for module, name, _ in self._seams}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Record calls while a block runs. A nested recorder suspends the outer one."""
        for module, name, replacement in self._seams:
            setattr(module, name, replacement)
        try:
            yield
        finally:
            for module, name, _ in self._seams:
                setattr(module, name, self._real[name])

    def _is_child(self) -> bool:
        """Return whether a test forked this process. If so, it is hardened for real."""
        return os.getpid() != self._pid

    def _record(self, policy: Policy | None, reexec: bool, fatal: bool) -> Report:
        policy = DEFAULT if policy is None else policy
        native_form(policy)  # raises TypeError if it is not a Policy
        self.calls.append(HardeningCall(policy=policy, reexec=reexec, fatal=fatal))
        skipped: dict[str, Any] = dict.fromkeys((*STEPS, "children"), "skipped")
        return Report(**skipped, removed=(), bypassed=True, started=_native.STARTED, seccomp=None)

    def _take_steps(self, policy: Policy | None, fatal: bool) -> Any:
        if self._is_child():
            return self._real["_take_steps"](policy, fatal)
        return self._record(policy, reexec=False, fatal=fatal)

    def _harden_and_start_again(self, policy: Policy | None, harden: Any) -> Any:
        if self._is_child():
            return self._real["harden_and_start_again"](policy, harden)
        return self._record(policy, reexec=True, fatal=True)

    def _call_or_exit(self, function: Any, args: Any, keywords: Any) -> Any:
        if self._is_child():
            return self._real["call_or_exit"](function, args, keywords)
        return function(*args, **keywords)  # its exceptions fail the test


_RECORDER = pytest.StashKey[_Recorder]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Record calls while a test and its fixtures run."""
    recorder = item.stash[_RECORDER] = _Recorder()
    with recorder.installed():
        return (yield)


@pytest.fixture
def hardening_calls(request: pytest.FixtureRequest) -> list[HardeningCall]:
    """The calls to pre_main_hardening() and harden() in this test, in order, as HardeningCall."""
    node: pytest.Item = request.node
    return node.stash[_RECORDER].calls


@pytest.fixture(name="assert_hardened", scope="session")
def _assert_hardened() -> Callable[..., None]:
    """The function assert_hardened(process): fails the test if the process is not hardened."""
    return assert_hardened
