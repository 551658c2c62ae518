"""harden --children --except NAME, and the programs that are excepted without being named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import starts
import support
from process_hardening.environment import PRELOAD_LIBRARY as LIBRARY


def child(harden: str, *options: str, program: str) -> starts.Shown:
    """Start a program as the child of a hardened shell."""
    return starts.show(
        [harden, "--children", *options, "--", "sh", "-c", '"$@"; exit $?', "sh", program]
    )


@pytest.mark.parametrize(
    ("pattern", "dumpable"),
    [("show", "1"), ("sh*", "1"), ("s?ow", "1"), ("*", "1"), ("sho", "0"), ("show?", "0")],
)
def test_a_program_is_left_alone_by_its_name(
    harden: str, show: str, pattern: str, dumpable: str
) -> None:
    """The pattern is for the last part of the path that is executed."""
    assert child(harden, "--except", pattern, program=show).value("dumpable") == dumpable


@pytest.mark.parametrize("value", ["*", "show:sh"])
@pytest.mark.parametrize("children", [[], ["PROCESS_HARDENING_CHILDREN=1"]], ids=["", "children"])
def test_a_variable_of_the_program_excepts_nothing_from_following(
    harden: str, show: str, value: str, children: list[str]
) -> None:
    """Only the programs of our own table are left alone after an exec."""
    names = [f"PROCESS_HARDENING_EXCEPT={value}", *children]
    words = ["env", *names, "sh", "-c", 'exec "$@"', "sh", show]
    plain, hardened = starts.show(words), starts.show([harden, "--", *words])

    assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")


@pytest.mark.parametrize("options", [["--children"], ["--children", "--strict"], []], ids=str)
@pytest.mark.parametrize("names", [[], [f"LD_PRELOAD={LIBRARY}"]], ids=["", "named"])
def test_a_variable_of_the_program_exempts_nothing_that_it_becomes(
    harden: str, show: str, options: list[str], names: list[str]
) -> None:
    """With --children neither; the control is a child, whose environment is its parent's choice."""
    entries = [*names, "PROCESS_HARDENING_CHILDREN=1", "PROCESS_HARDENING_EXCEPT=*"]
    words = ["env", *entries, show]

    assert starts.show([harden, *options, "--", *words]).value("dumpable") == "0"
    start = 'PROCESS_HARDENING_EXCEPT=* "$@"; exit $?'
    control = [harden, "--children", "--", "sh", "-c", start, "sh", show]
    assert starts.show(control).value("dumpable") == "1"


@pytest.mark.parametrize("change", ["A=1", "-u PROCESS_HARDENING_EXCEPT"])
def test_what_the_option_exempts_may_also_be_executed(harden: str, show: str, change: str) -> None:
    """As a shell does that starts a single command: `sh -c show`."""
    words = [harden, "--children", "--except", "show", "--", "env", *change.split(), show]
    assert starts.show(words).value("dumpable") == "1"


def test_several_patterns_add_up(harden: str, show: str) -> None:
    """The option can be given more than once."""
    options = ("--except", "a", "--except=show", "--except", "b")
    assert child(harden, *options, program=show).value("dumpable") == "1"


def test_the_children_of_an_exception_are_hardened(harden: str, show: str) -> None:
    """It hands the library on."""
    words = [harden, "--children", "--except", "env", "--", "sh", "-c", '"$@"; exit $?', "sh"]
    assert starts.show([*words, "env", "A=1", show]).value("dumpable") == "0"


def test_the_name_of_a_link_counts(harden: str, show: str, user_tmp: Path) -> None:
    """As with busybox, a program is what it is called."""
    (user_tmp / "another").symlink_to(show)
    shown = child(harden, "--except", "another", program=str(user_tmp / "another"))

    assert shown.value("dumpable") == "1"


@pytest.mark.parametrize(
    "options",
    [
        ["--children", "--except", ""],
        ["--children", "--except", "a/b"],
        ["--children", "--except", "a:b"],
        ["--except", "a"],
        ["--children", "--except"],
        ["--children", *(word for i in range(65) for word in ("--except", str(i)))],
    ],
    ids=["empty", "a path", "a colon", "without --children", "without a name", "too many"],
)
def test_impossible_names_are_refused(harden: str, options: list[str]) -> None:
    """One line, and nothing is started."""
    starts.refused(support.run_as_user([harden, *options, "--", "/bin/true"]), status=2)


@pytest.mark.parametrize("options", [[], ["--children"]], ids=["alone", "with --children"])
@pytest.mark.parametrize("command", ["unshare -Ur", "bwrap --dev-bind / / --unshare-user"])
def test_programs_that_make_a_user_namespace_work_below_harden(
    harden: str, options: list[str], command: str
) -> None:
    """The kernel lets only dumpable processes write their own uid_map."""
    support.find_tool(command.split()[0])
    words = [*command.split(), "sh", "-c", "echo inside; true"]
    for start in ('"$@"; exit $?', 'exec "$@"'):
        plain, hardened = (
            support.run_as_user([*prefix, "sh", "-c", start, "sh", *words])
            for prefix in ([], [harden, *options, "--"])
        )
        assert (plain.returncode, plain.stdout) == (0, "inside\n"), plain.stderr
        assert (hardened.returncode, hardened.stdout, hardened.stderr) == (0, "inside\n", "")


@pytest.mark.parametrize("command", ["unshare -Ur", "bwrap --dev-bind / / --unshare-user"])
def test_a_user_starts_them_in_front_of_harden_and_not_behind_it(harden: str, command: str) -> None:
    """As docs/harden.md says: what harden itself starts is not dumpable, so only root can."""
    words = command.split()
    support.find_tool(words[0])
    behind = support.run_as_user([harden, "--", *words, "true"])
    assert (behind.returncode, "Permission denied" in behind.stderr) == (1, True)
    in_front = support.run_as_user([*words, harden, "--", "echo", "inside"])
    assert (in_front.returncode, in_front.stdout) == (0, "inside\n"), in_front.stderr


def test_what_an_exception_becomes_is_hardened(harden: str, show: str) -> None:
    """The exception holds for the program alone."""
    shown = starts.show([harden, "sh", "-c", 'exec "$@"', "sh", "unshare", "-U", show])
    assert shown.value("dumpable") == "0"


def test_an_exception_is_not_started_by_preload(harden: str) -> None:
    """The library would leave it alone: it would not be protected."""
    path = support.find_tool("unshare")
    line = starts.refused(support.run_as_user([harden, "--method", "preload", path, "-U", "true"]))

    assert "the preload library exempts this program" in line


def test_a_program_that_is_excepted_by_name_is_not_started_by_preload(
    harden: str, show: str
) -> None:
    """The library would leave it alone, so another method protects it, or none is left."""
    options = ["--children", "--except", "show"]
    words = [harden, *options, "--method", "preload", show]

    assert "--except exempts it" in starts.refused(support.run_as_user(words))
    assert starts.show([harden, *options, show]).value("dumpable") == "0"


QEMU = {"x86_64": "qemu-x86_64", "aarch64": "qemu-aarch64"}


@pytest.mark.parametrize("options", [[], ["--children"]], ids=["alone", "with --children"])
@pytest.mark.parametrize("emulator", ["qemu", "valgrind"])
def test_programs_below_an_emulator_run_as_without_harden(
    harden: str, make: support.Compiler, emulator: str, options: list[str]
) -> None:
    """Nothing has to be read from /proc, and no memory but the program's own."""
    waiting = str(make("waiting.c"))
    words = [QEMU[os.uname().machine]] if emulator == "qemu" else ["valgrind", "-q"]
    support.find_tool(words[0])
    result = support.run_as_user([harden, *options, "--", *words, waiting], input="")

    assert (result.returncode, result.stdout, result.stderr) == (0, "ready\n", "")


def test_a_child_without_proc_is_hardened(harden: str, show: str) -> None:
    """A chroot often has none."""
    support.require_root()
    script = 'umount -l /proc && exec "$@"'
    words = [harden, "--children", "--", "unshare", "-m", "sh", "-c", script, "sh", show]
    result = support.run(words)

    assert (result.returncode, result.stderr) == (0, "")
    assert starts.Shown(result.stdout).value("dumpable") == "0"
