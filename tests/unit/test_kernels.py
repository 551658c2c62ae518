"""What `make kernels` makes of the answers of its machines, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tools.kernels import report
from tools.kernels.configurations import CONFIGURATIONS, EXECUTE_ONLY
from tools.kernels.judgement import WRONG, judge

ROOT = Path(__file__).resolve().parent.parent.parent


def told_by_a_good_machine() -> list[dict[str, Any]]:
    """What a machine tells where all is as promised."""
    told: list[dict[str, Any]] = [{"kernel": "6.1", "machine": "x86_64"}]
    for configuration in CONFIGURATIONS:
        name = configuration.name
        if configuration.refused:
            refused = {"said": f"not so: {configuration.refused} forbids it"}
            refusals = {"run": {"status": 126, **refused}, "reexec": {"status": 5, **refused}}
            told.append({"configuration": name, "refusals": refusals})
        said = {"verdict": "hardened", "dumpable": 0, "inspectable": False}
        audit = {
            "auditor": "user",
            "process": "hardened",
            "is": {"dumpable": 0, "core_limit": [0, 0]},
            "said": said,
        }
        told.append({"configuration": name, "audits": [audit]})
        for attacker, trial in configuration.trials.items():
            attacks = {}
            for attack in trial.attacks:
                closed = attack in configuration.closed
                judged = {"outcome": "inconclusive" if closed else "blocked", "known_limit": False}
                attacks[attack] = {
                    "control": "inconclusive" if closed else "leaked",
                    "detail": "",
                    "victims": {victim: dict(judged) for victim in trial.victims},
                }
            told.append(
                {"configuration": name, "attacker": attacker, "attacks": attacks, "notes": []}
            )
    return [*told, {"done": True}]


def attacks_of(told: list[dict[str, Any]], configuration: str) -> dict[str, Any]:
    """The first attacker's attacks."""
    attacks: dict[str, Any] = next(
        part["attacks"]
        for part in told
        if part.get("configuration") == configuration and "attacks" in part
    )
    return attacks


def problems_of(told: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a machine that told this."""
    return judge("bookworm", told)[1]


def test_a_good_machine_has_no_problem() -> None:
    """And its results make a page."""
    results, problems = judge("bookworm", told_by_a_good_machine())
    assert problems == []
    page = report.render(
        {"date": "today", "version": "1", "zoo": 1, "machines": [results], "problems": []}
    )
    assert "| nothing in the way | user | execute-only | 24 blocked |" in page
    assert "| fs.suid_dumpable=1 | user | execute-only | refused |" in page


@pytest.mark.parametrize("victim", ["execute-only", "in-process"])
def test_a_leak_is_a_problem_unless_it_is_documented(victim: str) -> None:
    """And an execute-only image has no documented leak."""
    told = told_by_a_good_machine()
    judged = attacks_of(told, "Yama 1")["launch-window"]["victims"][victim]
    judged["outcome"] = "leaked"
    assert len(problems_of(told)) == 1
    judged["known_limit"] = True
    assert len(problems_of(told)) == (victim == EXECUTE_ONLY)


def test_an_attack_that_proves_nothing_is_a_problem() -> None:
    """Where the control should have leaked, and where it should not have."""
    told = told_by_a_good_machine()
    attacks_of(told, "hidepid=2")["proc-mem"]["control"] = "inconclusive"
    attacks_of(told, "hidepid=2")["proc-fd"]["victims"][EXECUTE_ONLY]["outcome"] = "inconclusive"
    attacks_of(told, "Yama 2")["proc-mem"]["control"] = "leaked"
    del attacks_of(told, "Yama 1")["proc-mem"]["victims"][EXECUTE_ONLY]
    assert len(problems_of(told)) == 4


@pytest.mark.parametrize(
    ("auditor", "process", "dumpable", "core_limit", "right"),
    [
        ("user", "hardened", 0, [0, 0], True),
        ("user", "plain", 1, [0, 0], False),
        ("user", "raised", 2, [0, 0], False),
        ("user", "soft", 0, [0, -1], False),
        ("user", "injected", 0, [0, 0], True),
        ("all-powerful root", "injected", 0, [0, 0], False),
    ],
)
def test_hardened_is_said_of_hardened_processes_only(
    auditor: str, process: str, dumpable: int, core_limit: list[int], right: bool
) -> None:
    """A process that is not, and of which it is said, is a problem."""
    told = told_by_a_good_machine()
    (audit,) = next(part["audits"] for part in told if "audits" in part)
    audit["auditor"], audit["process"] = auditor, process
    audit["is"] = {"dumpable": dumpable, "core_limit": core_limit}
    audit["said"] |= {"dumpable": None, "inspectable": None}
    results, problems = judge("bookworm", told)
    assert results["configurations"][0]["audits"][WRONG] == (not right)
    assert bool(problems) is not right


@pytest.mark.parametrize("key", ["audits", "refusals", "attacks"])
def test_what_was_not_tried_is_a_problem(key: str) -> None:
    """One part less of what a machine has to tell."""
    told = told_by_a_good_machine()
    told.remove(next(part for part in told if key in part))
    assert problems_of(told)


def test_a_start_that_was_not_refused_is_a_problem() -> None:
    """Where an execute-only image would be exposed."""
    told = told_by_a_good_machine()
    next(part for part in told if "refusals" in part)["refusals"]["run"]["status"] = 0
    assert len(problems_of(told)) == 1


def test_what_run_starts_is_hardened_or_a_problem() -> None:
    """By whatever method `run` chose there."""
    told = told_by_a_good_machine()
    (audit,) = next(part["audits"] for part in told if "audits" in part)
    audit |= {"process": "started by run", "is": {"dumpable": 2, "core_limit": [0, 0]}}
    audit["said"] = {"verdict": "partial", "dumpable": 2, "inspectable": False}
    (problem,) = problems_of(told)
    assert "started exposed" in problem


def test_errors_and_missing_settings() -> None:
    """Only what older kernels do not have may be absent."""
    told = told_by_a_good_machine()
    told.append({"configuration": "Yama 1", "error": "OSError"})
    assert problems_of(told) == ["bookworm: Yama 1: OSError"]
    for name, count in (("vm.memfd_noexec=2", 0), ("hidepid=2", 1)):
        told = [part for part in told_by_a_good_machine() if part.get("configuration") != name]
        told.append({"configuration": name, "absent": True})
        assert len(problems_of(told)) == count


def test_another_result_makes_another_page() -> None:
    """The page says what was seen."""
    results, _ = judge("bookworm", told_by_a_good_machine())
    run = {"date": "today", "version": "1", "zoo": 1, "machines": [results], "problems": []}
    page = report.render(run)
    results["kernel"] = "0.1"
    assert report.render(run) != page
