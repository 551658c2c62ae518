"""What processes of one user share in the kernel, and confining does not take away.

docs/confine.md lists it under "What it does not stop"; nothing of it shows memory or crashes what
did not ask for a signal.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

import support

SENT = ["queue", "lease"]
"""Where a process asks the kernel for a signal of its choice: mq_notify(3), F_SETLEASE."""
STORED = ["memory", "keyring"]
"""System V shared memory, and the user's keyring."""


@pytest.fixture(scope="module")
def shares(make: support.Compiler) -> str:
    """The program of both sides."""
    return str(make("shares.c"))


@pytest.fixture(params=[False, True], ids=["free", "confined"])
def prefix(request: pytest.FixtureRequest, confine: str) -> list[str]:
    """What starts the one that is not trusted; free is the control."""
    return [confine] if request.param else []


@pytest.mark.parametrize("way", SENT)
def test_a_signal_that_a_process_asked_for_is_sent(
    shares: str, prefix: list[str], way: str, user_tmp: Path
) -> None:
    file = user_tmp / "leased"
    file.touch()
    os.chown(file, support.USER, support.USER)
    name = str(file) if way == "lease" else f"/ph-{os.getpid()}"
    with support.Running([shares, "hold", way, name]) as holder:
        assert support.run_as_user([*prefix, shares, "use", way, name]).returncode == 0
        assert holder.answer() == f"signal {'29' if way == 'lease' else '10'}"


@pytest.mark.parametrize("way", STORED)
def test_what_is_stored_for_the_user_is_read(shares: str, prefix: list[str], way: str) -> None:
    secret = secrets.token_hex(16)
    name = str(os.getpid()) if way == "memory" else f"ph-{os.getpid()}"
    with support.Running([shares, "hold", way, name], env={"SECRET": secret}) as holder:
        result = support.run_as_user([*prefix, shares, "use", way, name])
        holder.process.communicate("\n", timeout=support.TIMEOUT)  # it removes it again
    assert result.stdout == f"{secret}\n"


def test_a_process_may_be_lent_priority(shares: str, prefix: list[str]) -> None:
    """A lock in the caller's own memory names it as the owner; nothing else happens to it."""
    with support.Running([shares, "hold", "priority", "x"]) as holder:
        result = support.run_as_user([*prefix, shares, "use", "priority", str(holder.pid)])
        assert "timed out" in result.stderr
        holder.process.communicate("\n", timeout=support.TIMEOUT)
        assert holder.process.returncode == 0


def test_no_timer_sends_a_signal_to_another_process(shares: str, prefix: list[str]) -> None:
    """SIGEV_THREAD_ID takes threads of the caller only: the kernel refuses it to everybody."""
    with support.Running([shares, "hold", "timer", "x"]) as holder:
        other = support.run_as_user([*prefix, shares, "use", "timer", str(holder.pid)])
    own = support.run_as_user([*prefix, shares, "use", "timer", ""])
    assert "Invalid argument" in other.stderr
    assert own.stdout == "made\n"
