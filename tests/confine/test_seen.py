"""Whether a process is confined: what it says of itself, and what others can see of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import starts
import support

if TYPE_CHECKING:
    from outsider import Outsider

PROGRAMS = Path(__file__).with_name("programs")
SHOW = (sys.executable, str(PROGRAMS / "show_confined.py"))
PREFIXES: dict[str, tuple[str, list[str]]] = {
    "plain": ("False", []),
    "confined": ("True", ["confine"]),
    "a child": ("True", ["confine", "sh", "-c", '"$@"; exit $?', "sh"]),
    "confined twice": ("True", ["confine", "confine"]),
    "with signals allowed": ("True", ["confine", "--allow-signals"]),
    "hardened and confined": ("True", ["harden", "--confine"]),
    "hardened with a seal": ("False", ["harden", "--seal"]),
    "in a domain of somebody else": ("False", [sys.executable, str(PROGRAMS / "domain_only.py")]),
    "with all capabilities in a namespace": ("None", ["confine", "unshare", "-Ur"]),
    "16 times": ("None", ["confine"] * 16),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_a_process_knows_whether_it_is_confined(name: str) -> None:
    expected, words = PREFIXES[name]
    prefix = [support.find_tool(word) if word in ("confine", "harden") else word for word in words]
    result = support.run_as_user([*prefix, *SHOW])
    assert (result.stdout, result.stderr) == (f"{expected}\n", "")


@pytest.mark.parametrize("answer", ["E2BIG", "EPERM", "0"])
def test_a_filter_that_answers_for_landlock_makes_nobody_believe_it(
    confine: str, answer: str
) -> None:
    """The process is confined, but cannot try it: then it does not claim it."""
    filtered = starts.refusing(f"landlock_restrict_self={answer}")
    assert support.run_as_user([confine, *filtered, *SHOW]).stdout == "None\n"


def test_a_process_that_may_make_no_child_does_not_know(confine: str) -> None:
    filtered = starts.refusing("clone=EAGAIN")
    assert support.run_as_user([confine, *filtered, *SHOW]).stdout == "None\n"


@pytest.mark.parametrize("prefix", [(), ("confine",)], ids=["plain", "confined"])
def test_others_see_who_is_not_confined_and_cannot_see_who_is(
    start_victim: Callable[..., Outsider], command: str, prefix: tuple[str, ...]
) -> None:
    expected = None if prefix else False
    with start_victim(*map(support.find_tool, prefix)) as process:
        pid = str(process.pid)
        status = json.loads(support.run([command, "status", "--json", pid]).stdout)
        words = support.run([command, "status", pid]).stdout
        audit = json.loads(support.run([command, "audit", "--json", pid]).stdout)

    assert status["confined"] is expected
    assert audit["processes"][0]["confined"] is expected
    assert f"\n  confined:          {'not known: ' if prefix else 'no'}" in words


def test_status_says_it_of_itself(confine: str, command: str) -> None:
    plain = support.run_as_user([command, "status", "--json"])
    confined = support.run_as_user([confine, command, "status"])
    assert json.loads(plain.stdout)["confined"] is False
    assert "\n  confined:          yes" in confined.stdout


def test_verify_says_it_of_itself_and_of_a_running_process(
    start_victim: Callable[..., Outsider], command: str, confine: str
) -> None:
    only = ["--attack", "proc-environ", "--json"]
    with start_victim() as plain, start_victim(confine) as confined:
        of_plain, of_confined = (
            json.loads(
                support.run_as_user([command, "verify", *only, "--pid", str(victim.pid)]).stdout
            )
            for victim in (plain, confined)
        )
    assert of_plain["environment"]["confined"] is False
    assert of_plain["environment"]["landlock"] >= 1
    (note,) = (note for note in of_plain["notes"] if note.startswith(f"pid {plain.pid}: "))
    assert note.startswith(f"pid {plain.pid}: not confined (not a failure")
    assert [note for note in of_confined["notes"] if "whether it is confined" in note]

    inside = support.run_as_user([confine, command, "verify", *only[:2], "--victim", "preload"])
    assert f"user {support.USER}, confined; " in " ".join(inside.stdout.split())


def test_doctor_names_the_version_of_landlock_or_how_to_switch_it_on(command: str) -> None:
    here = support.run_as_user([command, "doctor"])
    filtered = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    without = support.run_as_user([*filtered, command, "doctor"])
    assert "its version is " in here.stdout
    assert "This kernel cannot confine programs (Landlock)" in without.stdout
    assert "landlock in its lsm= list" in " ".join(without.stdout.split())
