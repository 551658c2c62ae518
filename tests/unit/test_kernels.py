"""What `make kernels` makes of the answers of its machines, and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tools.kernels import report
from tools.kernels.configurations import CONFIGURATIONS, CRASHING, METHODS, OWN_NAME
from tools.kernels.judgement import WRONG, judge

ROOT = Path(__file__).resolve().parent.parent.parent


STARTS = {"status": 0, "started": True, "said": ""}


def refused(status: int, reason: str) -> dict[str, Any]:
    """How a launcher ends that starts nothing."""
    return {"status": status, "started": False, "said": f"not so: {reason}"}


def told_by_a_good_machine() -> list[dict[str, Any]]:
    """What a machine tells where all is as promised."""
    off = refused(126, "add landlock to lsm= on the kernel command line")
    told: list[dict[str, Any]] = [
        {"without_landlock": {"landlock": 0, "confine": off, "strict": off}},
        {"kernel": "6.1", "machine": "x86_64"},
        {"confinements": {"landlock": 6, "confine": STARTS, "strict": STARTS}},
    ]
    for configuration in CONFIGURATIONS:
        name = configuration.name
        told.append({"configuration": name, "method": METHODS[configuration.method]})
        if configuration.refused:
            launchers = {"harden": 126, "run": 126, "reexec": 5}
            refusals = {what: refused(n, configuration.refused) for what, n in launchers.items()}
            told.append({"configuration": name, "refusals": refusals})
        if configuration.searched:
            told.append({"configuration": name, "missed": {"user": ["pidof"]}})
        if configuration.audited:
            told.append({"configuration": name, "audits": [a_right_audit()]})
        for number, trial in enumerate(configuration.trials):
            attacks = {}
            for attack in trial.attacks:
                closed = attack in configuration.closed
                judged = {"outcome": "inconclusive" if closed else "blocked", "known_limit": False}
                attacks[attack] = {
                    "control": "inconclusive" if closed else "leaked",
                    "detail": "",
                    "victims": {victim: dict(judged) for victim in trial.victims},
                }
            told.append({"configuration": name, "trial": number, "attacks": attacks, "notes": []})
    return [*told, {"done": True}]


def a_right_audit() -> dict[str, Any]:
    """What a user is told about a hardened process."""
    return {
        "auditor": "user",
        "process": "hardened",
        "is": {"dumpable": 0, "core_limit": [0, 0]},
        "said": {"verdict": "hardened", "dumpable": 0, "inspectable": False},
    }


def a_page_of(results: dict[str, Any]) -> str:
    """The page about one machine."""
    facts = {"date": "today", "version": "1", "minutes": 9, "zoo": 1, "problems": []}
    return report.render({**facts, "machines": [results]})


def attacks_of(told: list[dict[str, Any]], configuration: str, trial: int = 0) -> dict[str, Any]:
    """The attacks of a trial."""
    attacks: dict[str, Any] = next(
        part["attacks"]
        for part in told
        if part.get("configuration") == configuration and part.get("trial") == trial
    )
    return attacks


def problems_of(told: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a machine that told this."""
    return judge("bookworm", told)[1]


def test_a_good_machine_has_no_problem() -> None:
    """And its results make a page."""
    results, problems = judge("bookworm", told_by_a_good_machine())
    assert problems == []
    page = a_page_of(results)
    assert "| baseline | user | harden-own-name | 22 blocked |" in page
    assert "| fs.suid_dumpable=1 | preload; execute-only refused |" in page
    assert "| baseline | root | found by all |" in page
    assert "| `confine --strict` | starts |" in page
    assert "| `confine`, booted without landlock in `lsm=` | refused (126) |" in page


@pytest.mark.parametrize("victim", ["harden-own-name", "in-process"])
def test_a_leak_is_a_problem_unless_it_is_documented(victim: str) -> None:
    """And an execute-only image has no documented leak."""
    told = told_by_a_good_machine()
    judged = attacks_of(told, "hidepid=2")["launch-window"]["victims"][victim]
    judged["outcome"] = "leaked"
    assert len(problems_of(told)) == 1
    judged["known_limit"] = True
    assert len(problems_of(told)) == (victim == OWN_NAME)


@pytest.mark.parametrize(("landlock", "documented"), [(2, True), (6, False)])
def test_signals_of_a_confined_attacker_may_crash_on_old_kernels(
    landlock: int, documented: bool
) -> None:
    """No other attack of his may leak there."""
    told = told_by_a_good_machine()
    (_, confining) = [part for part in told if {"confinements", "kernel"} & set(part)]
    confining["confinements"]["landlock"] = landlock
    before = len(problems_of(told))
    attacks = attacks_of(told, "baseline", trial=4)
    attacks[CRASHING[0]]["victims"]["confined"]["outcome"] = "leaked"
    assert len(problems_of(told)) - before == (not documented)
    attacks["proc-mem"]["victims"]["confined"]["outcome"] = "leaked"
    assert len(problems_of(told)) - before == 2 - documented


def test_confine_must_say_what_an_old_kernel_cannot_refuse() -> None:
    """With a line, and with --strict it starts nothing."""
    told = told_by_a_good_machine()
    (confining,) = [part for part in told if "confinements" in part]
    confining["confinements"]["landlock"] = 2
    assert len(problems_of(told)) == 2
    line = "Linux before 6.12 cannot block signals"
    confining["confinements"] |= {"confine": {**STARTS, "said": line}, "strict": refused(126, line)}
    assert problems_of(told) == []
    confining["confinements"]["landlock"] = 6
    assert len(problems_of(told)) == 2


def test_a_program_that_starts_without_landlock_is_a_problem() -> None:
    """Unconfined, that is."""
    told = told_by_a_good_machine()
    told[0]["without_landlock"]["confine"] = STARTS
    assert len(problems_of(told)) == 1


def test_a_program_that_is_not_found_by_name_is_a_problem() -> None:
    """Unless the tool needs a link that only root may read, or that names a memfd."""
    for name, who, tool, right in (
        ("baseline", "user", "pidof", True),
        ("baseline", "user", "pgrep -x", False),
        ("baseline", "root", "pidof", False),
        ("user.max_user_namespaces=0", "root", "pidof", True),
        ("user.max_user_namespaces=0", "root", "ps -C", False),
    ):
        told = told_by_a_good_machine()
        (part,) = [part for part in told if part.get("configuration") == name and "missed" in part]
        part["missed"] = {who: [tool]}
        assert len(problems_of(told)) == (not right)


def test_another_method_than_the_expected_is_a_problem() -> None:
    """For instance a preload where the place could have been had."""
    told = told_by_a_good_machine()
    next(part for part in told if "method" in part)["method"] = METHODS["preload"]
    assert len(problems_of(told)) == 1


def test_an_attack_that_proves_nothing_is_a_problem() -> None:
    """Where the control should have leaked, and where it should not have."""
    told = told_by_a_good_machine()
    attacks_of(told, "hidepid=2")["proc-mem"]["control"] = "inconclusive"
    attacks_of(told, "hidepid=2")["proc-fd"]["victims"][OWN_NAME]["outcome"] = "inconclusive"
    attacks_of(told, "Yama 2")["proc-mem"]["control"] = "leaked"
    del attacks_of(told, "Yama 1")["proc-mem"]["victims"][OWN_NAME]
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


@pytest.mark.parametrize(
    "key", ["audits", "refusals", "attacks", "method", "missed", "confinements", "kernel"]
)
def test_what_was_not_tried_is_a_problem(key: str) -> None:
    """One part less of what a machine has to tell."""
    told = told_by_a_good_machine()
    told.remove(next(part for part in told if key in part))
    assert problems_of(told)


def test_a_start_that_was_not_refused_is_a_problem() -> None:
    """Where an execute-only image would be exposed."""
    told = told_by_a_good_machine()
    refusals = next(part for part in told if "refusals" in part)["refusals"]
    refusals["run"]["status"] = 0
    refusals["harden"]["started"] = True
    assert len(problems_of(told)) == 2


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
    for name, count in (
        ("vm.memfd_noexec=2", 0),
        ("no user namespaces, no programs in memory", 0),
        ("hidepid=2", 1),
    ):
        told = [part for part in told_by_a_good_machine() if part.get("configuration") != name]
        told.append({"configuration": name, "absent": True})
        assert len(problems_of(told)) == count


def test_another_result_makes_another_page() -> None:
    """The page says what was seen."""
    results, _ = judge("bookworm", told_by_a_good_machine())
    page = a_page_of(results)
    results["kernel"] = "0.1"
    assert a_page_of(results) != page


def test_the_page_shows_the_recorded_results() -> None:
    """Nobody can claim more by hand."""
    results = json.loads((ROOT / "docs" / "kernels-results.json").read_text())
    assert report.render(results) == (ROOT / "docs" / "kernels.md").read_text()
