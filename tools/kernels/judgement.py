"""What a machine told, in brief, and what of it must not be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.kernels.configurations import CONFIGURATIONS, WITHOUT_LIMITS, Configuration

BLOCKED, LEAKED, INCONCLUSIVE = "blocked", "leaked", "inconclusive"
DOCUMENTED = "documented"
"""A leak that docs and `verify` name as what this means of hardening cannot stop."""

RIGHT, UNKNOWN, WRONG = "right", "unknown", "wrong"

_MAY_BE_ABSENT = {"vm/memfd_noexec"}  # came with Linux 6.3
_STATUS_OF_REFUSAL = {"run": 126, "reexec": 5}


def _outcome(judged: dict[str, Any]) -> str:
    return DOCUMENTED if judged["known_limit"] else str(judged["outcome"])


def _trial(
    configuration: Configuration, attacker: str, told: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """One attacker's attacks: victim to outcome to the attacks that had it."""
    trial = configuration.trials[attacker]
    victims: dict[str, dict[str, list[str]]] = {name: {} for name in trial.victims}
    problems = []
    for attack in trial.attacks:
        row = told["attacks"][attack]
        expected = INCONCLUSIVE if attack in configuration.closed else LEAKED
        if row["control"] != expected:
            problems.append(f"{attack}: control {row['control']}, not {expected}: {row['detail']}")
        for victim in trial.victims:
            judged = row["victims"].get(victim, {"outcome": "missing", "known_limit": False})
            outcome = _outcome(judged)
            victims[victim].setdefault(outcome, []).append(attack)
            allowed = {INCONCLUSIVE} if expected == INCONCLUSIVE else {BLOCKED}
            if victim not in WITHOUT_LIMITS:
                allowed.add(DOCUMENTED)
            if outcome not in allowed:
                evidence = judged.get("evidence", "")
                problems.append(f"{attack} on {victim}: {outcome}: {evidence}")
    problems += told["notes"]
    return victims, problems


def _is_hardened(audit: dict[str, Any]) -> bool:
    """Whether the process that was audited is, by its own word."""
    return bool(audit["is"] == {"dumpable": 0, "core_limit": [0, 0]})


def _is_right(audit: dict[str, Any]) -> bool:
    """Whether nothing that an audit said of a process contradicts what the process is."""
    of_it, said = audit["is"], audit["said"]
    hardened = _is_hardened(audit)
    # Whoever may not look into a process cannot know what was injected; root can.
    if audit["auditor"] == "all-powerful root":
        hardened = hardened and not audit["process"].startswith("injected")
    return (
        (hardened or said["verdict"] != "hardened")
        and said["dumpable"] in (None, of_it["dumpable"])
        and said["inspectable"] in (None, of_it["dumpable"] == 1)
    )


def _audits(told: list[dict[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """How many audits were right, did not know or were wrong."""
    counts = {RIGHT: 0, UNKNOWN: 0, WRONG: 0}
    problems = []
    for audit in told:
        unknown = audit["said"]["verdict"] in (None, "unknown")
        right = _is_right(audit)
        counts[(UNKNOWN if unknown else RIGHT) if right else WRONG] += 1
        if not right:
            problems.append(f"audit: {audit}")
        if audit["process"].startswith("started by") and not _is_hardened(audit):
            problems.append(f"started exposed: {audit}")
    return counts, problems


def _refusals(configuration: Configuration, told: dict[str, Any]) -> Iterator[str]:
    for what, status in _STATUS_OF_REFUSAL.items():
        refusal = told[what]
        if refusal["status"] != status or str(configuration.refused) not in refusal["said"]:
            yield f"{what} was not refused for {configuration.refused}: {refusal}"


def _configuration(
    configuration: Configuration, told: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {"name": configuration.name}
    problems: list[str] = [part["error"] for part in told if "error" in part]
    if any("absent" in part for part in told):
        found["absent"] = True
        if not _MAY_BE_ABSENT.issuperset(configuration.settings):
            problems.append("this kernel has no such setting")
        return found, problems
    found |= {"attackers": {}, "audits": {}}
    for part in told:
        if "refusals" in part:
            found["refused"] = configuration.refused
            problems += _refusals(configuration, part["refusals"])
        elif "audits" in part:
            found["audits"], more = _audits(part["audits"])
            problems += more
        elif "attacker" in part:
            attacker = part["attacker"]
            found["attackers"][attacker], more = _trial(configuration, attacker, part)
            problems += [f"{attacker}: {problem}" for problem in more]
    missing = set(configuration.trials) - set(found["attackers"])
    problems += [f"{attacker}: attacked nothing" for attacker in sorted(missing)]
    if not found["audits"]:
        problems.append("audited nothing")
    if configuration.refused and "refused" not in found:
        problems.append("nothing was refused")
    return found, problems


def judge(name: str, told: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The results of a machine in brief, and its problems: none when all is as promised.

    told -- what machines.boot() returned
    """
    of_machine = next((part for part in told if "kernel" in part), {})
    results: dict[str, Any] = {
        "name": name,
        "kernel": of_machine.get("kernel", "unknown"),
        "machine": of_machine.get("machine", "unknown"),
        "configurations": [],
    }
    problems = [part["error"] for part in told if "error" in part and "configuration" not in part]
    for configuration in CONFIGURATIONS:
        parts = [part for part in told if part.get("configuration") == configuration.name]
        found, more = _configuration(configuration, parts)
        results["configurations"].append(found)
        problems += [f"{configuration.name}: {problem}" for problem in more]
    return results, [f"{name}: {problem}" for problem in problems]
