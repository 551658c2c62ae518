"""How observations are judged; nothing is attacked."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from process_hardening.verify.judge import judge_process, result_for
from process_hardening.verify.model import (
    BLOCKED,
    BUILT_IN,
    CONTROL,
    EXPECTED,
    INCONCLUSIVE,
    KILLS,
    LEAKED,
    READS,
    TOOL,
    UNAVAILABLE,
    Attack,
    AttackResult,
    Attempt,
    Observation,
    Target,
    Verification,
)


def _never(_: Target) -> Attempt:
    raise AssertionError


ATTACK = Attack(
    name="peek",
    kind=BUILT_IN,
    summary="peek",
    type="debugger",
    targets="any process",
    requires="nothing",
    refusal="EPERM",
    effect=READS,
    command="peek(PID)",
    find_missing=lambda: None,
    run=_never,
)
GOT_IT = Observation(True, "read 40 bytes", places=("heap",), answers=True)
REFUSED = Observation(
    False, "peek: Operation not permitted", errno=errno.EPERM, refused=True, answers=True
)
GOT_IN = Observation(False, "read 9 bytes", answers=True)


def judge(
    control: Observation,
    hardened: Observation,
    attack: Attack = ATTACK,
    missing: str | None = None,
    yama: int = 0,
) -> AttackResult:
    """The row of an attack on the control and one victim."""
    return result_for(attack, {CONTROL: control, "victim": hardened}, missing, yama)


def verification(*rows: AttackResult) -> Verification:
    """A verification of these rows."""
    return Verification(environment={}, victims=("victim",), attacks=rows)


def test_refused_is_blocked_only_beside_a_control_that_leaked() -> None:
    """A secret that the control kept too proves nothing."""
    assert judge(GOT_IT, REFUSED).victims["victim"].outcome == BLOCKED
    assert judge(REFUSED, REFUSED).victims["victim"].outcome == INCONCLUSIVE
    assert judge(REFUSED, REFUSED).control == INCONCLUSIVE


def test_a_leak_is_a_leak_even_when_the_control_kept_its_secret() -> None:
    """A leak from a hardened victim always fails the run."""
    assert judge(REFUSED, GOT_IT).victims["victim"].outcome == LEAKED
    assert verification(judge(REFUSED, GOT_IT)).exit_code == 1


@pytest.mark.parametrize("dead", ["control", "hardened"])
def test_control_and_victim_must_answer_afterwards(dead: str) -> None:
    """A dead process keeps its secrets too, which proves nothing."""
    control = replace(GOT_IT, answers=dead != "control")
    hardened = replace(REFUSED, answers=dead != "hardened")
    result = judge(control, hardened).victims["victim"]
    assert result.outcome == INCONCLUSIVE
    assert "no longer responds" in result.evidence


def test_an_attack_that_kills_needs_no_answer() -> None:
    """A crashed victim cannot answer."""
    attack = replace(ATTACK, effect=KILLS)
    control, hardened = replace(GOT_IT, answers=None), replace(REFUSED, answers=None)
    assert judge(control, hardened, attack).victims["victim"].outcome == BLOCKED


def test_the_reason_why_a_control_does_not_leak_is_named() -> None:
    """Yama, a missing permission, a broken tool and a failed start are different reasons."""
    assert "Yama" in judge(REFUSED, REFUSED, yama=2).detail
    assert "lacks permission" in judge(REFUSED, REFUSED).detail
    broken = Observation(False, "no output", answers=True)
    assert "the tool does not work" in judge(broken, broken, replace(ATTACK, kind=TOOL)).detail
    assert "no result" in judge(Observation(failure="no start"), REFUSED).detail


def test_a_missing_tool_is_neither_failure_nor_success() -> None:
    """Its row is unavailable; the other rows decide."""
    missing = judge(GOT_IT, REFUSED, missing="peek is not installed")
    assert (missing.control, missing.detail) == (UNAVAILABLE, "peek is not installed")
    assert not missing.victims
    assert verification(missing).exit_code == 3
    assert verification(missing, judge(GOT_IT, REFUSED)).exit_code == 0


def test_a_leak_outweighs_an_inconclusive_result() -> None:
    """The exit code is 0 for blocked, 1 for leaked and 3 for inconclusive."""
    blocked, leaked = judge(GOT_IT, REFUSED), judge(GOT_IT, GOT_IT)
    failed = judge(GOT_IT, Observation(failure="did not become ready"))
    assert verification(blocked).exit_code == 0
    assert verification(blocked, failed).exit_code == 3
    assert verification(blocked, failed, leaked).exit_code == 1
    assert verification(judge(REFUSED, REFUSED)).exit_code == 3


def test_a_documented_limit_does_not_fail_the_run() -> None:
    """An expected leak is shown; the same leak from another victim fails."""
    attack = replace(ATTACK, name="launch-window")
    observed = {CONTROL: GOT_IT, "pre-main": GOT_IT, "execute-only": REFUSED}
    expected = result_for(attack, observed, None, 0)
    assert expected.victims["pre-main"].outcome == LEAKED
    assert expected.victims["pre-main"].known_limit
    assert verification(expected).exit_code == 0
    assert [limit[:2] for limit in verification(expected).known_limits] == [
        ("launch-window", "pre-main")
    ]
    worse = result_for(attack, {**observed, "execute-only": GOT_IT}, None, 0)
    assert verification(worse).exit_code == 1


@pytest.mark.parametrize(
    ("control", "status"),
    [(Observation(failure="timed out"), 3), (Observation(unavailable="not here"), 0)],
)
def test_a_documented_leak_stays_one_if_the_control_gave_no_result(
    control: Observation, status: int
) -> None:
    """Under load the attack on the control may time out; other victims' leaks still count."""
    attack = replace(ATTACK, name="launch-window")
    observed = {CONTROL: control, "pre-main": GOT_IT, "execute-only": REFUSED}
    row = result_for(attack, observed, None, 0)
    assert row.victims["pre-main"].mark == EXPECTED
    assert verification(row, judge(GOT_IT, REFUSED)).exit_code == status
    worse = result_for(attack, {**observed, "execute-only": GOT_IT}, None, 0)
    assert verification(worse, judge(GOT_IT, REFUSED)).exit_code == 1


@pytest.mark.parametrize(
    ("observed", "known", "outcome"),
    [
        (REFUSED, True, BLOCKED),
        (REFUSED, False, BLOCKED),
        (replace(REFUSED, protected=True), False, BLOCKED),
        (replace(REFUSED, protected=False), False, INCONCLUSIVE),
        (GOT_IT, True, LEAKED),
        (GOT_IN, False, LEAKED),
        (GOT_IN, True, INCONCLUSIVE),
        (replace(REFUSED, answers=False), True, INCONCLUSIVE),
        (Observation(failure="timed out"), True, INCONCLUSIVE),
    ],
)
def test_a_foreign_process_is_judged_by_what_is_known_of_it(
    observed: Observation, known: bool, outcome: str
) -> None:
    """Getting in is a leak when no secret is known, and inconclusive when it was not found."""
    result = judge_process("pid 1", observed, known)
    assert result.outcome == outcome


def test_a_refusal_is_not_believed_of_a_victim_that_its_user_can_read() -> None:
    """Something else refused: a seccomp filter, or a tool that is none."""
    refused = replace(REFUSED, protected=False)
    cell = judge(GOT_IT, refused).victims["victim"]
    assert cell.outcome == INCONCLUSIVE
    assert "can be read by its user" in cell.evidence
    assert judge(GOT_IT, replace(REFUSED, protected=True)).victims["victim"].outcome == BLOCKED


def test_a_launch_that_ends_with_an_exit_code_of_ours_is_blocked() -> None:
    """It protects by not starting; nobody is left to answer."""
    ended = Observation(False, "status 6", refused=True, failed_closed=True, answers=False)
    assert judge(GOT_IT, ended).victims["victim"].outcome == BLOCKED


def test_what_was_not_tried_is_unavailable() -> None:
    """It neither fails the run nor makes it a success."""
    untried = Observation(unavailable="needs root")
    row = judge(GOT_IT, untried)
    assert row.victims["victim"].outcome == UNAVAILABLE
    assert row.victims["victim"].evidence == "needs root"
    assert verification(row).exit_code == 3
    assert verification(row, judge(GOT_IT, REFUSED)).exit_code == 0


def test_an_attack_that_does_not_apply_to_the_program_is_unavailable() -> None:
    """The row says why, and counts no more than a missing tool; a leak would still count."""
    untried = Observation(unavailable="the program catches SIGQUIT")
    row = judge(untried, REFUSED)
    assert (row.control, row.detail) == (UNAVAILABLE, "the program catches SIGQUIT")
    assert row.victims["victim"].outcome == UNAVAILABLE
    assert verification(row, judge(GOT_IT, REFUSED)).exit_code == 0
    assert judge(untried, GOT_IT).victims["victim"].outcome == LEAKED


def test_a_built_in_attack_that_leaks_nowhere_is_inconclusive() -> None:
    """A tool that leaks nowhere does not work here, as if it were missing."""
    good = judge(GOT_IT, REFUSED)
    assert verification(good, judge(REFUSED, REFUSED)).exit_code == 3
    assert verification(good, judge(REFUSED, REFUSED, replace(ATTACK, kind=TOOL))).exit_code == 0


def test_a_control_that_is_hardened_is_named_as_the_reason() -> None:
    """By the start-up hook, for instance."""
    hardened = replace(REFUSED, protected=True)
    assert "the control is hardened itself" in judge(hardened, hardened).detail


def test_no_data_is_no_leak_from_a_process_without_a_known_secret() -> None:
    """Getting in counts as a leak only with data."""
    assert judge_process("pid 1", GOT_IN, canary_known=False).outcome == LEAKED
    empty = judge_process("pid 1", replace(GOT_IN, empty=True), canary_known=False)
    assert empty.outcome == INCONCLUSIVE
    assert "got no data" in empty.evidence
