"""How the laboratory's events become the table; nothing is attacked."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict
from typing import Any

import pytest

from process_hardening.verify import (
    CONTROL,
    LEAKED,
    UNAVAILABLE,
    Observation,
    Progress,
    find_attacks,
)
from process_hardening.verify.attacks.tools.running import summarize_output
from process_hardening.verify.lab.attempt import describe_refusal
from process_hardening.verify.model import Target
from process_hardening.verify.plan import Plan, plan_program, plan_victims
from process_hardening.verify.run import Table

ATTACKS = find_attacks(["ptrace-attach", "proc-mem"])
LEAK = Observation(True, "read 40 bytes", places=("heap",), answers=True)
REFUSAL = Observation(False, "denied", errno.EPERM, refused=True, answers=True)


def plan() -> Plan:
    """Two attacks on the control and one victim."""
    return plan_victims(ATTACKS, ["preload"])


def attempt(attack: str, victim: str, observation: Observation) -> dict[str, Any]:
    """The event of an attempt, as JSON gives it back."""
    fields = {**asdict(observation), "places": list(observation.places), "runtimes": []}
    return {"event": "attempt", "attack": attack, "victim": victim, "observation": fields}


def test_a_row_is_complete_when_the_control_and_every_victim_were_attacked() -> None:
    """The victims' results may come first."""
    table = Table(plan(), yama=0)
    first = table.add(attempt("proc-mem", "preload", REFUSAL))
    assert first == Progress(1, 4, "proc-mem", "preload", None)
    second = table.add(attempt("proc-mem", CONTROL, LEAK))
    assert second is not None
    assert second.row is not None
    assert second.row.control == LEAKED
    assert second.row.observation == LEAK
    assert second.row.victims["preload"].observation == REFUSAL


def test_a_missing_tool_counts_for_all_its_attempts() -> None:
    """The progress jumps over them, and the rows keep the order of the plan."""
    table = Table(plan(), yama=0)
    step = table.add({"event": "missing", "attack": "proc-mem", "reason": "not installed"})
    assert step is not None
    assert (step.done, step.total) == (2, 4)
    table.add(attempt("ptrace-attach", CONTROL, LEAK))
    table.add(attempt("ptrace-attach", "preload", REFUSAL))
    rows = table.results()
    assert [row.name for row in rows] == ["ptrace-attach", "proc-mem"]
    assert (rows[1].control, rows[1].detail) == (UNAVAILABLE, "not installed")


def test_a_note_is_no_progress() -> None:
    """It is kept for the report."""
    table = Table(plan(), yama=0)
    assert table.add({"event": "note", "text": "a note"}) is None
    assert table.notes() == ("a note",)


def test_an_attack_without_a_result_is_the_matter_of_its_row() -> None:
    """The run goes on, for a user's program too."""
    table = Table(plan_program(["true"], ATTACKS, canary=None), yama=0)
    table.add(attempt("proc-mem", CONTROL, Observation(failure="timed out")))
    step = table.add(attempt("ptrace-attach", CONTROL, LEAK))
    assert step is not None
    assert step.done == 2


def test_a_refusal_is_described_without_the_pid() -> None:
    """Rows of different victims can then be compared; hidepid is named where it hides."""
    error = OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc/77/mem")
    refusal = describe_refusal(error)
    assert refusal.message == "/proc/PID/mem: No such file or directory (hidepid hides the process)"
    assert refusal.refused
    assert not refusal.leaked


@pytest.mark.parametrize(
    ("output", "message", "refused"),
    [
        ("", "no output", False),
        ("attached\nread 9 bytes\n", "read 9 bytes", False),
        ("ptrace: denied by 77\nError: exit\n", "ptrace: denied by PID", True),
        ("ValueError: no process 77\nbye\n", "ValueError: no process PID", True),
        ("cannot write /attack/folder/x: failed\n", "cannot write DIR/x: failed", True),
    ],
)
def test_a_tools_output_is_summarized_by_its_clearest_line(
    output: str, message: str, refused: bool
) -> None:
    """A refusal comes before an error, and an error before the last line."""
    target = Target(pid=77, needles={}, folder="/attack/folder")
    assert summarize_output(output, target) == (message, refused)
