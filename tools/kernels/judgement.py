"""What a machine told, in brief, and what of it must not be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.kernels.configurations import (
    CONFIGURATIONS,
    CONFINED,
    CRASHING,
    IN_MEMORY,
    METHODS,
    SIGNALS_SCOPED,
    WITHOUT_LIMITS,
    Configuration,
    Trial,
)

BLOCKED, LEAKED, INCONCLUSIVE = "blocked", "leaked", "inconclusive"
DOCUMENTED = "documented"
"""A leak that docs and `verify` name as one that this method cannot stop."""

_AS_WISHED = {BLOCKED, DOCUMENTED}

RIGHT, UNKNOWN, WRONG = "right", "unknown", "wrong"
"""What an audit says of a process, compared with what the process knows of itself."""

_OF_MACHINE = ("kernel", "machine", "confinements", "without_landlock")
"""What a machine tells about itself."""

_MAY_BE_ABSENT = {"vm/memfd_noexec"}  # came with Linux 6.3
_STATUS_OF_REFUSAL = {"harden": 126, "run": 126, "reexec": 5}

_ABOUT_SIGNALS = "cannot block signals"
_ABOUT_LANDLOCK = "add landlock to lsm="

_READ_THE_LINK = {"pidof", "start-stop-daemon --exec"}
"""Tools that take a program for what /proc/PID/exe names, which only root may read."""


def _is_documented(
    trial: Trial, attack: str, victim: str, judged: dict[str, Any], landlock: int
) -> bool:
    """Whether docs and `verify` say of a leak that it cannot be stopped."""
    if trial.attacker == CONFINED:
        return attack in CRASHING and landlock < SIGNALS_SCOPED
    return bool(judged["known_limit"]) and victim not in WITHOUT_LIMITS


def _trial(
    configuration: Configuration, trial: Trial, told: dict[str, Any], landlock: int
) -> tuple[dict[str, Any], list[str]]:
    """Victim to outcome to the attacks that had it."""
    victims: dict[str, dict[str, list[str]]] = {name: {} for name in trial.victims}
    problems = []
    for attack in trial.attacks:
        row = told["attacks"][attack]
        expected = INCONCLUSIVE if attack in configuration.closed else LEAKED
        if row["control"] != expected:
            problems.append(f"{attack}: control {row['control']}, not {expected}: {row['detail']}")
        for victim in trial.victims:
            judged = row["victims"].get(victim, {"outcome": "missing", "known_limit": False})
            outcome = str(judged["outcome"])
            if outcome == LEAKED and _is_documented(trial, attack, victim, judged, landlock):
                outcome = DOCUMENTED
            victims[victim].setdefault(outcome, []).append(attack)
            if outcome not in ({INCONCLUSIVE} if expected == INCONCLUSIVE else _AS_WISHED):
                evidence = judged.get("evidence", "")
                problems.append(f"{attack} on {victim}: {outcome}: {evidence}")
    problems += [note for note in told["notes"] if trial.attacker != CONFINED]
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


def _refusals(refused: str, told: dict[str, Any]) -> Iterator[str]:
    for what, status in _STATUS_OF_REFUSAL.items():
        refusal = told[what]
        named = refused in refusal["said"]
        if refusal["status"] != status or refusal["started"] or not named:
            yield f"{what} was not refused for {refused}: {refusal}"


def _searches(method: str, missed: dict[str, list[str]]) -> Iterator[str]:
    """Tools that did not find a program although they could have."""
    for who, tools in missed.items():
        allowed = _READ_THE_LINK if who != "root" or method == IN_MEMORY else set()
        yield from (f"{tool} of {who} does not find it" for tool in tools if tool not in allowed)


def _confinement(told: dict[str, Any]) -> Iterator[str]:
    """What is wrong with how `confine` starts programs on a kernel with Landlock."""
    can_scope = told["landlock"] >= SIGNALS_SCOPED
    plain, strict = told["confine"], told["strict"]
    if plain["status"] or not plain["started"] or can_scope == (_ABOUT_SIGNALS in plain["said"]):
        yield f"confine: {plain}"
    expected = {"status": 0, "started": True} if can_scope else {"status": 126, "started": False}
    if expected.items() - strict.items() or can_scope == (_ABOUT_SIGNALS in strict["said"]):
        yield f"confine --strict: {strict}"


def _without_landlock(told: dict[str, Any]) -> Iterator[str]:
    for option in ("confine", "strict"):
        found = told[option]
        if found["status"] != 126 or found["started"] or _ABOUT_LANDLOCK not in found["said"]:
            yield f"{option} without Landlock: {found}"


def _configuration(
    configuration: Configuration, told: list[dict[str, Any]], landlock: int
) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {"name": configuration.name}
    problems: list[str] = [part["error"] for part in told if "error" in part]
    if any("skipped" in part for part in told):
        return {**found, "skipped": True}, problems
    if any("absent" in part for part in told):
        found["absent"] = True
        if _MAY_BE_ABSENT.isdisjoint(configuration.settings):
            problems.append("this kernel has no such setting")
        return found, problems
    found |= {"trials": {}}
    for part in told:
        if "method" in part:
            found["method"] = part["method"]
            if part["method"] != METHODS[configuration.method]:
                problems.append(f"harden chooses another method: {part['method']}")
        elif "refusals" in part:
            found["refused"] = configuration.refused
            problems += _refusals(str(configuration.refused), part["refusals"])
        elif "missed" in part:
            found["missed"] = part["missed"]
            problems += _searches(configuration.method, part["missed"])
        elif "audits" in part:
            found["audits"], more = _audits(part["audits"])
            problems += more
        elif "trial" in part:
            trial = configuration.trials[part["trial"]]
            victims, more = _trial(configuration, trial, part, landlock)
            found["trials"][part["trial"]] = {"attacker": trial.attacker, "victims": victims}
            problems += [f"{trial.attacker}: {problem}" for problem in more]
    wanted = {
        "method": True,
        "refused": configuration.refused,
        "missed": configuration.searched,
        "audits": configuration.audited,
    }
    problems += [f"{what}: not tried" for what, due in wanted.items() if due and what not in found]
    tried = found["trials"]
    found["trials"] = [tried[number] for number in sorted(tried)]
    if len(tried) < len(configuration.trials):
        problems.append(f"{len(configuration.trials) - len(tried)} trials: not tried")
    return found, problems


def judge(name: str, told: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The results of a machine in brief, and its problems: none when all is as promised.

    told -- what machines.boot() returned
    """
    facts = {key: part[key] for part in told for key in _OF_MACHINE if key in part}
    confinements = facts.get("confinements", {"landlock": 0})
    results: dict[str, Any] = {
        "name": name,
        "kernel": facts.get("kernel", "unknown"),
        "machine": facts.get("machine", "unknown"),
        "confinements": confinements,
        "without_landlock": facts.get("without_landlock"),
        "configurations": [],
    }
    problems = [part["error"] for part in told if "error" in part and "configuration" not in part]
    problems += [f"{key}: not tried" for key in _OF_MACHINE if key not in facts]
    if "confinements" in facts:
        problems += _confinement(confinements)
    if "without_landlock" in facts:
        problems += _without_landlock(facts["without_landlock"])
    for configuration in CONFIGURATIONS:
        parts = [part for part in told if part.get("configuration") == configuration.name]
        found, more = _configuration(configuration, parts, confinements["landlock"])
        results["configurations"].append(found)
        problems += [f"{configuration.name}: {problem}" for problem in more]
    return results, [f"{name}: {problem}" for problem in problems]
