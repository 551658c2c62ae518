"""verify on this machine: what must leak leaks, what must not does not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import support
from process_hardening.verify.attacks import registry
from process_hardening.verify.model import BUILT_IN, TOOL
from process_hardening.verify.run import KNOWN_LIMITS

_CORE_PIPE = {attack.name for attack in registry.attacks() if attack.core_pattern == "pipe"}
_CORE_FILE = {attack.name for attack in registry.attacks() if attack.core_pattern == "file"}
_NAMES = {attack.name for attack in registry.attacks((BUILT_IN,))}
_INJECTIONS = {"ld-preload", "ld-audit"}


def verified(command: str, *arguments: str, status: int = 0, root: bool = True) -> dict[str, Any]:
    """The JSON of a run that ends with a status."""
    run = support.run if root else support.run_as_user
    result = run([command, "verify", "--json", *arguments], timeout=150)
    assert result.returncode == status, result.stdout + result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    assert told["exit_code"] == status
    return told


def leaking(told: dict[str, Any], victim: str) -> set[str]:
    """The attacks that got a secret out of a victim."""
    return {
        attack["name"]
        for attack in told["attacks"]
        if attack["victims"].get(victim, {}).get("outcome") == "leaked"
    }


def possible() -> set[str]:
    """The built-in attacks that can be tried here."""
    return {attack.name for attack in registry.attacks((BUILT_IN,)) if attack.needs() is None}


def controls(told: dict[str, Any]) -> set[str]:
    """The attacks that got a secret out of the control."""
    return {attack["name"] for attack in told["attacks"] if attack["control"] == "leaked"}


def judge_built_in(told: dict[str, Any], expected: set[str]) -> None:
    """All leak from the control, none from execute-only; the others lose what is documented."""
    assert controls(told) >= expected
    assert told["victims"] == ["pre-main", "reexec", "execute-only", "preload", "in-process"]
    for victim in told["victims"]:
        foreseen = {attack for attack, name in KNOWN_LIMITS if name == victim}
        assert leaking(told, victim) <= foreseen, victim
    assert not leaking(told, "execute-only")
    assert not leaking(told, "reexec")


def test_built_in_attacks(command: str) -> None:
    """All built-in attacks, as whoever runs the tests: 3 seconds on an idle machine."""
    started = time.monotonic()
    judge_built_in(verified(command, "--built-in"), possible())
    assert time.monotonic() - started < 30  # this machine may be busy


def test_built_in_attacks_as_an_ordinary_user(command: str) -> None:
    """Who may not set kernel.core_pattern attacks with the one that is there."""
    support.need_root()
    with support.Sysctl("kernel/core_pattern") as core_pattern:
        core_pattern.set("core")
        told = verified(command, "--built-in", root=False)
    assert not told["environment"]["started_by_root"]
    judge_built_in(told, _NAMES - _CORE_PIPE)


def test_the_launch_window_is_lost_in_process(command: str) -> None:
    """Hardening from inside loses the race, and the report says why."""
    told = verified(command, "--attack", "launch-window", "--victim", "pre-main")
    (attack,) = told["attacks"]
    assert attack["victims"]["pre-main"]["outcome"] == "leaked"
    assert "execute-only" in attack["victims"]["pre-main"]["known_limit"]


def test_tools(command: str) -> None:
    """At least eight tools that we did not write leak from the control, none from a victim."""
    tools = [attack for attack in registry.attacks((TOOL,)) if attack.needs() is None]
    if len(tools) < 8:
        support.missing(f"eight attack tools, there are {len(tools)}")
    names = [word for attack in tools for word in ("--attack", attack.name)]
    started = time.monotonic()
    told = verified(command, *names)
    assert time.monotonic() - started < 120
    assert len(controls(told)) >= 8
    for victim in told["victims"]:
        assert not leaking(told, victim)


def test_root_without_ptrace(command: str) -> None:
    """The root of a container, who lacks CAP_SYS_PTRACE, gets no more than others do."""
    support.need_root()
    told = verified(command, "--built-in", "--as-root-without-ptrace", "--victim", "execute-only")
    assert told["environment"]["container_root"]
    assert controls(told) >= possible()
    assert not leaking(told, "execute-only")


@pytest.mark.parametrize(
    ("victim", "lost"),
    [
        ("undone", _NAMES - _CORE_FILE),
        ("without-inspection", _NAMES - _CORE_FILE),
        ("core-dumps", _NAMES),
        ("kept-injector", _INJECTIONS),
    ],
)
def test_a_broken_step_is_found_out(command: str, victim: str, lost: set[str]) -> None:
    """A victim that undoes a step, or a policy without it, leaks exactly what that step keeps.

    What the core limit alone keeps is seen where the inspection step is off: files of cores.
    """
    told = verified(command, "--built-in", "--victim", victim, status=1)
    assert leaking(told, victim) == lost & possible()


def test_no_canary_is_told(command: str) -> None:
    """The report names places, never what was in them."""
    result = support.run([command, "verify", "--json", "--attack", "proc-mem"])
    told = json.loads(result.stdout)
    assert told["attacks"][0]["control_run"]["places"] == ["heap", "text", "stack"]
    for place in ("heap-", "text-", "stack-", "environment-", "file-"):
        assert place not in result.stdout
