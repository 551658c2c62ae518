"""verify on this machine: what must leak leaks, what must not does not."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import starts
import support
from process_hardening.verify import (
    BROKEN_VICTIMS,
    BUILT_IN,
    TOOL,
    VICTIMS,
    find_attacks,
    list_attacks,
    verify,
)
from process_hardening.verify.judge import KNOWN_LIMITS
from process_hardening.verify.lab.core_guard import CORE_FILE, CORE_PIPE
from process_hardening.verify.model import CONFINED
from verify.leftovers import Place
from zoo import COMMAND, in_mounts, mount_proc

_BUILT_IN = [attack for attack in list_attacks((BUILT_IN,)) if attack.victims != (CONFINED,)]
_NAMES = {attack.name for attack in _BUILT_IN}
_GENERAL = {
    attack.name
    for attack in _BUILT_IN
    if attack.victims is None and attack.type not in ("exec", "children")
}
"""The attacks on any process, whatever it was and will be."""
_CORE_PIPE = {attack.name for attack in _BUILT_IN if attack.core_pattern == CORE_PIPE}
_CORE_FILE = {attack.name for attack in _BUILT_IN if attack.core_pattern == CORE_FILE}
_POSSIBLE = {attack.name for attack in _BUILT_IN if attack.find_missing() is None}
_LOST = {
    "undone": _GENERAL - _CORE_FILE,
    "without-inspection": _GENERAL - _CORE_FILE,
    "core-dumps": _GENERAL,
    "kept-injector": {"ld-preload", "ld-audit"},
}
"""What a broken victim loses: the core limit alone still stops cores that go to files."""


_BORN_HARDENED = ("reexec", "execute-only", "harden-own-name", "harden-memfd", "harden-by-root")


def _untried(victim: str) -> str:
    """The outcome that only root can change."""
    return "unavailable" if victim == "harden-by-root" and os.getuid() else "blocked"


@dataclass(frozen=True)
class Run:
    """A run that ended: its output, and the JSON in it."""

    output: str
    report: dict[str, Any]

    def leaks_of(self, victim: str) -> set[str]:
        """The attacks that got a secret out of a victim."""
        return {
            attack["name"]
            for attack in self.report["attacks"]
            if attack["victims"].get(victim, {}).get("outcome") == "leaked"
        }

    def leaks_of_control(self) -> set[str]:
        """The attacks that got a secret out of the control."""
        return {row["name"] for row in self.report["attacks"] if row["control"] == "leaked"}

    def outcomes_of(self, victim: str, attacks: set[str]) -> set[str]:
        """What came of some attacks on a victim."""
        return {self.attack(name)["victims"][victim]["outcome"] for name in attacks}

    def attack(self, name: str) -> dict[str, Any]:
        """The row of an attack."""
        return next(row for row in self.report["attacks"] if row["name"] == name)


def run_verify(command: str, *arguments: str, status: int = 0, root: bool = True) -> Run:
    """Run verify to its end, which must have a status."""
    run = support.run if root else support.run_as_user
    result = run([command, "verify", "--json", *arguments], timeout=150)
    assert result.returncode == status, result.stdout + result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["exit_code"] == status
    return Run(result.stdout, report)


def victim_options(*names: str) -> list[str]:
    """The options that choose victims."""
    return [word for name in names for word in ("--victim", name)]


def test_built_in_attacks_get_from_each_victim_only_what_is_documented() -> None:
    """All of them on all victims, as whoever runs the tests. Nothing is left behind."""
    with support.keep_suid_dumpable(), Place() as place:
        started = place.start("--json", "--built-in")
        output, errors = started.communicate(timeout=150)
        assert started.returncode == 0, output + errors
        place.assert_clean()
    run = Run(output, json.loads(output))
    assert run.leaks_of_control() >= _POSSIBLE  # an attack that works nowhere proves nothing
    for victim in VICTIMS:
        assert_only_documented_leaks(run, victim)
    for victim in ("harden-by-root", "interpreter-of-root"):
        assert_no_launch_window(run, victim)
    assert_kept_whatever_starts_it(run, "interpreter")
    assert_limits_name_what_closes_them(run, "pre-main")
    assert_no_canary_is_shown(run)


def test_attacks_have_a_result_if_sigchld_is_ignored() -> None:
    """The laboratory waits for its victims, and for what it compiles."""
    attacks = find_attacks(["core-abort", "exec-self", "ld-preload"])
    with support.ignored_sigchld():
        result = verify(attacks=attacks, victims=["preload"])
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN
    outcomes = {attack.name: attack.control for attack in result.attacks}
    assert "inconclusive" not in outcomes.values()
    assert outcomes["exec-self"] == "leaked"


def assert_only_documented_leaks(run: Run, victim: str) -> None:
    """What is born hardened stays so, whatever it becomes by exec."""
    expected = {attack for attack, name in KNOWN_LIMITS if name == victim}
    assert run.leaks_of(victim) <= expected, victim
    if victim in _BORN_HARDENED:
        kept = {"launch-window", "launch-perf", "exec-self", "exec-path", "exec-env"}
        kept |= {"worker-fork", "proc-mem"}
        assert not expected & kept, victim
        assert run.outcomes_of(victim, kept) <= {"blocked", _untried(victim)}, victim


def assert_no_launch_window(run: Run, victim: str) -> None:
    """Neither reading, writing, seizing nor taking descriptors gets anything out of the start.

    Of what root installed; others than root do not have these victims.
    """
    for attack in (name for name in _NAMES if name.startswith("launch-")):
        assert run.outcomes_of(victim, {attack}) <= {"blocked", "unavailable"}, (victim, attack)
        others = run.attack(attack)["victims"]
        if not os.getuid():
            assert any(cell["outcome"] == "leaked" for cell in others.values()), "no control"


def assert_kept_whatever_starts_it(run: Run, victim: str) -> None:
    """Exec chains, daemons and all start methods of multiprocessing."""
    chains = {name for name in _NAMES if name.startswith(("exec-", "worker-"))}
    assert len(chains) == 9
    assert run.outcomes_of(victim, chains) == {"blocked"}


def assert_limits_name_what_closes_them(run: Run, victim: str) -> None:
    """Hardening from inside loses the race against an attacker; the report gives the way out."""
    for attack in ("launch-window", "launch-perf"):
        cell = run.attack(attack)["victims"][victim]
        assert cell["outcome"] == "leaked", attack
        assert "execute-only" in cell["known_limit"], attack


def assert_no_canary_is_shown(run: Run) -> None:
    """The report names places, not their content."""
    assert run.attack("proc-mem")["control_run"]["places"] == ["heap", "text", "stack"]
    assert not re.search(r"(heap|text|stack|environment|file)-[0-9a-f]{8}", run.output)


def test_an_ordinary_user_attacks_with_the_core_pattern_as_it_is(command: str) -> None:
    """Only root can have cores piped; every other attack works."""
    support.require_root()
    with support.Sysctl("kernel/core_pattern") as core_pattern:
        core_pattern.set("core")
        run = run_verify(command, "--built-in", *victim_options("execute-only"), root=False)
    assert not run.report["environment"]["started_by_root"]
    assert run.leaks_of_control() >= _NAMES - _CORE_PIPE
    assert not run.leaks_of("execute-only") & _GENERAL


def test_cores_in_a_folder_that_is_closed_to_the_user_are_unavailable(
    command: str, tmp_path: Path
) -> None:
    """So are those of a user's run while root's sets kernel.core_pattern; the rest is judged."""
    support.require_root()
    tmp_path.chmod(0o700)
    names = ("core-abort", "proc-mem")
    options = [word for name in names for word in ("--attack", name)]
    with support.Sysctl("kernel/core_pattern") as core_pattern:
        core_pattern.set(f"{tmp_path}/%p")
        run = run_verify(command, *options, *victim_options("pre-main"), root=False)
    assert run.attack("core-abort")["control"] == "unavailable"
    assert f"{tmp_path}, where this user cannot look" in run.attack("core-abort")["detail"]
    assert run.leaks_of_control() == {"proc-mem"}


def test_tools_leak_from_the_control_alone(command: str) -> None:
    """At least eight tools that we did not write, beside a program that was born hardened too."""
    tools = [attack.name for attack in list_attacks((TOOL,)) if attack.find_missing() is None]
    if len(tools) < 8:
        support.fail_or_skip(f"eight attack tools, there are {len(tools)}")
    names = [word for name in tools for word in ("--attack", name)]
    run = run_verify(command, *names, *victim_options("pre-main", "execute-only"))
    assert len(run.leaks_of_control()) >= 8
    assert not run.leaks_of("pre-main")
    assert not run.leaks_of("execute-only")


def test_the_root_of_a_container_gets_no_more_than_a_user(command: str) -> None:
    """It lacks CAP_SYS_PTRACE."""
    support.require_root()
    options = ["--as-root-without-ptrace", *victim_options("execute-only", "interpreter")]
    run = run_verify(command, "--built-in", *options)
    assert run.report["environment"]["container_root"]
    assert run.leaks_of_control() >= _POSSIBLE
    assert not run.leaks_of("execute-only") & (_GENERAL | {"worker-fork"})
    assert run.outcomes_of("interpreter", _NAMES) == {"unavailable"}


def test_a_broken_step_leaks_exactly_what_it_protects(command: str) -> None:
    """A victim that undoes a step, or whose policy lacks it, fails the run."""
    assert set(_LOST) == set(BROKEN_VICTIMS)
    attacks = [word for name in _GENERAL for word in ("--attack", name)]
    run = run_verify(command, *attacks, *victim_options(*_LOST), status=1)
    for victim, lost in _LOST.items():
        assert run.leaks_of(victim) == lost & _POSSIBLE, victim


def test_a_launcher_that_uses_another_method_is_unavailable_for_the_reason_that_it_gives(
    command: str,
) -> None:
    """Not attacked: the results would be about a victim of another name."""
    argv = [command, "verify", "--json", "--attack", "proc-mem"]
    argv += victim_options("harden-own-name")
    done = support.run_as_user([*starts.refusing("fsopen=EPERM"), *argv])
    (attack,) = json.loads(done.stdout)["attacks"]
    cell = attack["victims"]["harden-own-name"]
    assert cell["outcome"] == "unavailable"
    assert "cannot use execute-only by name: " in str(cell)
    assert "Operation not permitted" in str(cell)


def test_what_starts_is_attacked_even_if_proc_hides_the_laboratory(user_tmp: Path) -> None:
    """With hidepid=2, a user cannot see the laboratory, nor what is still a copy of it."""
    verify = [COMMAND, "verify", "--json", "--attack", "launch-window"]
    done = support.run([*in_mounts(mount_proc("2")), *verify], env={"HOME": str(user_tmp)})
    (attack,) = json.loads(done.stdout)["attacks"]
    assert attack["control"] == "leaked"
    assert attack["victims"]["harden-own-name"]["outcome"] == "blocked"
