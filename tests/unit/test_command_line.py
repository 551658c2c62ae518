"""The two parsers of `run` read one language; errors come out as one line."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest

from process_hardening.cli.main import COMMANDS, make_parser
from process_hardening.cli import run
from process_hardening.errors import (
    CannotProtectError,
    CommandError,
    HardeningError,
    NotFoundError,
)
from process_hardening.terminal import printable

FAST = [
    ["ls"],
    ["ls", "-l", "--strict", "--", "x"],
    ["ls", ""],
    ["-x.py"[1:], "a b", "é", "\udcff"],
    ["--", "ls"],
    ["--", "ls", "--", "-m"],
    ["--", "--strict"],
    ["--strict", "ls"],
    ["--strict", "--strict", "ls"],
    ["--children", "--explain", "--", "ls", "-l"],
    ["--method", "preload", "ls"],
    ["--method=preload", "ls"],
    ["--method", "preload", "--method", "auto", "ls"],
    ["--keep", "A", "ls"],
    ["--keep=A", "--keep", "B*", "--clear", "C", "--clear=D=", "ls"],
    ["--keep=-A", "ls"],
    ["--clear", "ls", "ls"],
    ["-m", "mod"],
    ["--strict", "-m", "mod", "a"],
    ["-mmod", "a"],
    ["-m", ""],
]
"""Command lines that both parsers understand, and in the same way."""

SLOW = [
    ["--keep", "", "ls"],
    ["--keep=", "ls"],
    ["--"],
    [],
    ["--strict"],
]
"""Left to argparse, which takes them; run() says what is missing."""

WRONG = [
    ["--method"],
    ["--method", "fast", "ls"],
    ["--method", "--strict", "ls"],
    ["--method", "--", "ls"],
    ["--keep"],
    ["--keep", "--strict", "ls"],
    ["--keep", "-x", "ls"],
    ["--keep", "--", "ls"],
    ["--strict=yes", "ls"],
    ["--explain=", "ls"],
    ["--unknown", "ls"],
    ["--meth", "preload", "ls"],
    ["-x", "ls"],
    ["-m"],
]
"""Errors."""


def by_argparse(words: list[str]) -> dict[str, object]:
    """What argparse makes of the arguments of run."""
    options = vars(make_parser().parse_args(["run", *words]))
    del options["run"], options["command_name"]
    # run() itself takes off the mark that ends the options: argparse leaves it where it is.
    if options["module"] is None:
        options["command"] = options["command"][options["command"][:1] == ["--"] :]
    return options


@pytest.mark.parametrize("words", FAST, ids=" ".join)
def test_both_parsers_give_the_same_options(words: list[str]) -> None:
    """The fast one is an optimisation, not a dialect."""
    before = copy.copy(words)
    assert vars(run.parse(words)) == by_argparse(words)
    assert words == before


@pytest.mark.parametrize("words", SLOW, ids=" ".join)
def test_the_unusual_is_left_to_argparse(words: list[str]) -> None:
    """What needs a message costs the import of argparse."""
    assert run.parse(words) is None
    assert by_argparse(words)


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_errors_are_left_to_argparse(words: list[str]) -> None:
    """It says what is wrong, in one line, and what to do."""
    assert run.parse(words) is None
    with pytest.raises(CommandError, match=r"see `process-hardening( run)? --help`$") as error:
        by_argparse(words)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("mark", [["-m", "mod"], ["-mmod"]])
@pytest.mark.parametrize(
    "words", [["-v", "--strict"], ["-m", "other"], ["--", "x"], ["--method"], ["", "é"]]
)
def test_what_follows_a_module_is_its_own(mark: list[str], words: list[str]) -> None:
    """As after `python -m`: argparse would take what looks like an option."""
    options = run.parse(["--explain", *mark, *words])
    assert options
    assert (options.module, options.command, options.explain) == ("mod", words, True)
    assert not options.strict


def test_two_runs_share_no_options() -> None:
    """The lists of one command line do not grow by another's."""
    assert vars(run.parse(["--keep", "A", "ls"])) == vars(run.parse(["--keep", "A", "ls"]))
    assert by_argparse(["--keep", "A", "ls"]) == by_argparse(["--keep", "A", "ls"])


def test_help_names_every_option_command_and_status() -> None:
    """What --help prints is the contract."""
    parser = make_parser()
    text = parser.format_help()
    assert all(name in text for name in COMMANDS)
    options = SimpleNamespace(text="")
    for action in parser._subparsers._group_actions:  # type: ignore[union-attr]
        choices = dict(action.choices or {})
        options.text = choices["run"].format_help()
    assert all(flag in options.text for flag in (*run.OPTIONS, "-m MODULE", "SCRIPT.py"))
    assert all(f"{status} " in options.text for status in (126, 127))


@pytest.mark.parametrize(
    ("error", "text", "status"),
    [
        (CommandError("a"), "a", 2),
        (CannotProtectError("b"), "b", 126),
        (NotFoundError("c"), "c", 127),
        (HardeningError(1, "call failed", "inspection", 5), "call failed", 5),
    ],
)
def test_errors_know_their_line_and_status(
    error: CommandError | HardeningError, text: str, status: int
) -> None:
    """Whoever catches one has all that the command prints."""
    assert str(error) == text
    assert error.exit_code == status


def test_a_hardening_error_is_an_os_error() -> None:
    """It has an errno, a text, and the step."""
    error = HardeningError(1, "call failed", "core_limit", 7)
    assert isinstance(error, OSError)
    assert (error.errno, error.strerror, error.step) == (1, "call failed", "core_limit")
    assert not isinstance(error, CommandError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\tb\0", r"a\r\tb\x00"),
        ("\udcff", r"\udcff"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b0m", r"\x9b0m"),
    ],
)
def test_names_of_others_cannot_command_the_terminal(text: str, expected: str) -> None:
    """Control characters, line ends and what reverses the writing are shown as escapes."""
    assert printable(text) == expected
