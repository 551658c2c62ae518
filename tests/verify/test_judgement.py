"""How attempts are judged: pure, without any attack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from process_hardening.verify.model import BUILT_IN, KILLS, READS, TOOL, Attack, Attempt, Target
from process_hardening.verify.run import (
    BLOCKED,
    CONTROL,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    AttackResult,
    Judged,
    Observed,
    Verification,
    judge_process,
    result_for,
)


def _never(_: Target) -> Attempt:
    raise AssertionError


ATTACK = Attack("peek", BUILT_IN, "peeks", READS, "peek(PID)", lambda: None, _never)
GOT_IT = Observed(leaked=True, said="read 40 bytes", places=("heap",), answers=True)
REFUSED = Observed(said="peek: Operation not permitted", errno=1, refused=True, answers=True)


def row(
    control: Observed,
    hardened: Observed,
    attack: Attack = ATTACK,
    unavailable: str | None = None,
    yama: int = 0,
) -> AttackResult:
    """The row of an attack on the control and one victim."""
    return result_for(attack, {CONTROL: control, "victim": hardened}, unavailable, yama)


def verification(*rows: AttackResult) -> Verification:
    """A verification of these rows."""
    return Verification(environment={}, victims=("victim",), attacks=rows)


def test_refused_is_blocked_only_beside_a_control_that_leaked() -> None:
    """What the control did not lose either proves nothing."""
    assert row(GOT_IT, REFUSED).victims["victim"].outcome == BLOCKED
    assert row(REFUSED, REFUSED).victims["victim"].outcome == INCONCLUSIVE
    assert row(REFUSED, REFUSED).control == INCONCLUSIVE


def test_a_leak_is_a_leak_even_when_the_control_kept_its_secret() -> None:
    """A hardened victim that leaks is never excused."""
    assert row(REFUSED, GOT_IT).victims["victim"].outcome == LEAKED
    assert verification(row(REFUSED, GOT_IT)).exit_code == 1


@pytest.mark.parametrize("dead", ["control", "hardened"])
def test_both_must_answer_afterwards(dead: str) -> None:
    """A dead process keeps its secrets, too: that proves nothing."""
    control = replace(GOT_IT, answers=dead != "control")
    hardened = replace(REFUSED, answers=dead != "hardened")
    judged = row(control, hardened).victims["victim"]
    assert judged.outcome == INCONCLUSIVE
    assert "does not answer" in judged.evidence


def test_an_attack_that_kills_needs_no_answer() -> None:
    """Nobody answers after a core dump."""
    attack = replace(ATTACK, effect=KILLS)
    control, hardened = replace(GOT_IT, answers=None), replace(REFUSED, answers=None)
    assert row(control, hardened, attack).victims["victim"].outcome == BLOCKED


def test_the_reason_of_a_control_that_does_not_leak() -> None:
    """Yama, a missing right and a broken tool are told apart."""
    assert "Yama" in row(REFUSED, REFUSED, yama=2).detail
    assert "lacks the right" in row(REFUSED, REFUSED).detail
    broken = Observed(said="it said nothing", answers=True)
    assert "the tool does not work" in row(broken, broken, replace(ATTACK, kind=TOOL)).detail
    assert "not tried" in row(Observed(failed="no start"), REFUSED).detail


def test_unavailable() -> None:
    """A missing tool is neither a failure nor a success."""
    missing = row(GOT_IT, REFUSED, unavailable="peek is not installed")
    assert (missing.control, missing.detail) == (UNAVAILABLE, "peek is not installed")
    assert not missing.victims
    assert verification(missing).exit_code == 3
    assert verification(missing, row(GOT_IT, REFUSED)).exit_code == 0


def test_exit_codes() -> None:
    """0 blocked, 1 leaked, 3 inconclusive; a leak outweighs all."""
    blocked, leaked = row(GOT_IT, REFUSED), row(GOT_IT, GOT_IT)
    failed = row(GOT_IT, Observed(failed="did not get ready"))
    assert verification(blocked).exit_code == 0
    assert verification(blocked, failed).exit_code == 3
    assert verification(blocked, failed, leaked).exit_code == 1
    assert verification(row(REFUSED, REFUSED)).exit_code == 3


def test_documented_limits_do_not_fail() -> None:
    """A leak that the documents foresee is shown, and does not fail the run."""
    attack = replace(ATTACK, name="launch-window")
    observed = {CONTROL: GOT_IT, "pre-main": GOT_IT, "execute-only": REFUSED}
    foreseen = result_for(attack, observed, None, 0)
    assert foreseen.victims["pre-main"].outcome == LEAKED
    assert foreseen.victims["pre-main"].known_limit
    assert verification(foreseen).exit_code == 0
    assert [limit[:2] for limit in verification(foreseen).known_limits] == [
        ("launch-window", "pre-main")
    ]
    worse = result_for(attack, {**observed, "execute-only": GOT_IT}, None, 0)
    assert verification(worse).exit_code == 1


@pytest.mark.parametrize(
    ("observed", "known", "outcome"),
    [
        (REFUSED, True, BLOCKED),
        (REFUSED, False, BLOCKED),
        (GOT_IT, True, LEAKED),
        (Observed(said="read 9 bytes", answers=True), False, LEAKED),
        (Observed(said="read 9 bytes", answers=True), True, INCONCLUSIVE),
        (replace(REFUSED, answers=False), True, INCONCLUSIVE),
        (Observed(failed="timed out"), True, INCONCLUSIVE),
    ],
)
def test_a_process_that_is_not_ours(observed: Observed, known: bool, outcome: str) -> None:
    """Getting in is a leak where no secret is known, and inconclusive where it was not found."""
    judged = judge_process("pid 1", observed, known)
    assert isinstance(judged, Judged)
    assert judged.outcome == outcome
