"""The variable that starts a program unprotected: another name for it, and none in production."""

from __future__ import annotations

import sys

import pytest

import starts
import support
from process_hardening.environment import PRELOAD_LIBRARY as LIBRARY

WITHOUT = starts.remove_loader_variables()
VERDICT = "import process_hardening as ph; print(ph.status().verdict)"
HERE = [sys.executable, "-c", VERDICT]
BECOMES = ["sh", "-c", f"export CODEX_SKIP_HARDENING=1; exec {sys.executable} -c '{VERDICT}'"]
CHILD = ["sh", "-c", f"CODEX_SKIP_HARDENING=1 {sys.executable} -c '{VERDICT}'; :"]
COMMANDS = {
    "harden": lambda: [support.find_tool("harden")],
    "run": lambda: [support.find_tool("process-hardening"), "run"],
}


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> list[str]:
    """Each of the two commands."""
    return COMMANDS[request.param]()


def verdict(argv: list[str], **env: str) -> str:
    """What a program says of itself at the end of a command line."""
    result = support.run_as_user(argv, env={**WITHOUT, **env})
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_bypass_variable_can_be_one_of_the_application(command: list[str]) -> None:
    """The other variable counts, and the default one no longer does."""
    argv = [*command, "--bypass", "MYAPP_DEV", "--", *HERE]
    result = support.run_as_user(argv, env={**WITHOUT, "MYAPP_DEV": "1"})
    warning = "process-hardening: MYAPP_DEV=1: starting without hardening, which exposes secrets\n"

    assert (result.stdout, result.stderr) == ("exposed\n", warning)
    assert verdict(argv) == "hardened"
    assert verdict(argv, MYAPP_DEV="0") == "hardened"
    assert verdict(argv, CODEX_SKIP_HARDENING="1") == "hardened"


@pytest.mark.parametrize(
    ("options", "variable"),
    [
        (["--no-bypass"], "CODEX_SKIP_HARDENING"),
        (["--bypass=MYAPP_DEV", "--no-bypass"], "MYAPP_DEV"),
    ],
    ids=["default", "named"],
)
def test_a_bypass_in_production_ends_the_start_with_8_and_one_line(
    command: list[str], options: list[str], variable: str
) -> None:
    """Nothing is started: neither protected nor unprotected."""
    argv = [*command, *options, "--", *HERE]
    line = starts.refused(support.run_as_user(argv, env={**WITHOUT, variable: "1"}), status=8)

    assert line == (
        f"process-hardening: {variable}=1 would skip hardening, which is refused here: unset it"
        " (docs/develop.md); exiting with status 8"
    )
    assert verdict(argv) == "hardened"


def test_in_process_refuses_the_bypass_too() -> None:
    """The policy of this method is Python's."""
    argv = [*COMMANDS["run"](), "--method=in-process", "--no-bypass", "-m", "this"]
    result = support.run_as_user(argv, env={**WITHOUT, "CODEX_SKIP_HARDENING": "1"})

    assert "CODEX_SKIP_HARDENING=1 would skip hardening" in starts.refused(result, status=8)


@pytest.mark.parametrize(
    ("options", "words"),
    [([], BECOMES), (["--children"], CHILD), (["--method=preload"], BECOMES)],
    ids=["exec", "child", "preload"],
)
def test_without_a_bypass_what_the_program_sets_has_no_effect(
    command: list[str], options: list[str], words: list[str]
) -> None:
    """Neither for what it becomes nor for its children; the control has a bypass."""
    loose = support.run_as_user([*command, *options, "--", *words], env=WITHOUT)

    assert loose.stdout == "exposed\n"
    for choice in ("--no-bypass", "--bypass=MYAPP_DEV"):
        assert verdict([*command, *options, choice, "--", *words]) == "hardened"


@pytest.mark.parametrize("options", [[], ["--children"]], ids=["alone", "with --children"])
@pytest.mark.parametrize(
    "change",
    [
        "-u PROCESS_HARDENING_BYPASS CODEX_SKIP_HARDENING=1",
        f"LD_PRELOAD={LIBRARY} CODEX_SKIP_HARDENING=1",
    ],
    ids=["no name", "our library named"],
)
def test_the_program_cannot_take_the_choice_back_for_what_it_becomes(
    command: list[str], options: list[str], change: str
) -> None:
    """Whatever it does to the variables of our library; the control has a bypass."""
    becomes = ["env", *change.split(), *HERE]
    loose = support.run_as_user([*command, *options, "--", *becomes], env=WITHOUT)

    assert loose.stdout == "exposed\n"
    assert verdict([*command, *options, "--no-bypass", "--", *becomes]) == "hardened"


@pytest.mark.parametrize(
    "options",
    [[], ["--children"], ["--method=preload"]],
    ids=["alone", "with --children", "preload"],
)
def test_the_program_cannot_name_a_bypass_variable_for_what_it_becomes(
    command: list[str], options: list[str]
) -> None:
    """Only the name that the launcher got counts, which is the control."""
    becomes = ["env", "PROCESS_HARDENING_BYPASS=FOO", "FOO=1", *HERE]
    loose = support.run_as_user([*command, *options, "--bypass=FOO", "--", *becomes], env=WITHOUT)

    assert loose.stdout == "exposed\n"
    for choice in ([], ["--bypass=MYAPP_DEV"], ["--no-bypass"]):
        assert verdict([*command, *options, *choice, "--", *becomes]) == "hardened"


def test_a_launcher_below_takes_the_choice_over(command: list[str]) -> None:
    """`harden --children --no-bypass` holds for a `harden` in a script, too."""
    inner = [*COMMANDS["harden"](), *HERE]
    outer = [*command, "--children", "--no-bypass", "env", "CODEX_SKIP_HARDENING=1"]

    assert verdict([*outer, *inner]) == "hardened"
    assert verdict([*command, "--children", "env", "CODEX_SKIP_HARDENING=1", *inner]) == "exposed"


def test_the_program_sees_nothing_of_the_choice(command: list[str]) -> None:
    """Without --children its environment is as without the option."""
    plain = support.run_as_user([*command, "env"], env=WITHOUT)
    chosen = support.run_as_user([*command, "--no-bypass", "--bypass=A", "env"], env=WITHOUT)

    assert sorted(chosen.stdout.splitlines()) == sorted(plain.stdout.splitlines())
    assert "PROCESS_HARDENING_BYPASS" not in chosen.stdout


@pytest.mark.parametrize("name", ["", "A=1", "A*", "*", "A" * 200], ids=repr)
def test_the_name_of_a_bypass_variable_is_checked(command: list[str], name: str) -> None:
    """What cannot be its name ends with status 2."""
    argv = [*command, f"--bypass={name}", "true"]

    assert "--help" in starts.refused(support.run_as_user(argv, env=WITHOUT), status=2)
