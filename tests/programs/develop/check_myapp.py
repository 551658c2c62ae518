"""Tests of the program for pytest, with our plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import myapp  # type: ignore[import-not-found]  # beside this file
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import process_hardening as ph
from process_hardening.pytest_plugin import HardeningCall

BEFORE = ph.status().verdict


def test_main_hardens_itself_first(hardening_calls: list[HardeningCall]) -> None:
    """The call is recorded, and the process of pytest stays as it was."""
    assert myapp.main(["again"]) == 0
    assert hardening_calls == [HardeningCall(policy=myapp.POLICY, reexec=True, fatal=True)]
    assert ph.status().verdict == BEFORE


def test_each_test_has_its_own_calls(hardening_calls: list[HardeningCall]) -> None:
    """Whatever ran before."""
    assert hardening_calls == []
    report = ph.harden()
    assert (report.bypassed, report.inspection) == (True, "skipped")
    assert hardening_calls == [HardeningCall(policy=ph.DEFAULT, reexec=False, fatal=False)]


def test_a_wrong_argument_raises(hardening_calls: list[HardeningCall]) -> None:
    """It does not end the test run."""
    with pytest.raises(TypeError, match="policy must be"):
        ph.pre_main_hardening("strict")  # type: ignore[arg-type]
    assert hardening_calls == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5)
@given(st.lists(st.sampled_from(["again", "other"])))
def test_many_examples(hardening_calls: list[HardeningCall], arguments: list[str]) -> None:
    """Each example is one more call."""
    before = len(hardening_calls)
    assert myapp.main(arguments) == 0
    assert len(hardening_calls) == before + 1


def test_the_program_is_hardened(assert_hardened: Callable[..., None]) -> None:
    """A started program is hardened for real."""
    command = [sys.executable, myapp.__file__, "again", "wait"]
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as program:
        assert_hardened(program, within=60)


def test_a_forked_child_is_hardened() -> None:
    """It is another process."""
    pid = os.fork()
    if not pid:
        ph.pre_main_hardening()
        os._exit(3 if ph.status().verdict == "hardened" else 4)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
