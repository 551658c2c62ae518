"""The command line as functions: the parser of `run`, the shared values, the errors."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import support
from process_hardening.cli import run
from process_hardening.cli.arguments import parse_pid
from process_hardening.cli.main import COMMANDS, main, make_parser
from process_hardening.errors import (
    CannotProtectError,
    CommandError,
    HardeningError,
    NotFoundError,
    hide_values,
)
from process_hardening.terminal import printable


def parse(*words: str) -> dict[str, Any]:
    """The options of a command line that differ from their defaults."""
    defaults = vars(run.Options())
    return {
        name: value for name, value in vars(run.parse(words)).items() if value != defaults[name]
    }


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--strict"], {"strict": True}),
        (["--strict", "--strict"], {"strict": True}),
        (["--children", "--explain"], {"children": True, "explain": True}),
        (["--json", "--explain"], {"json": True, "explain": True}),
        (["--method", "preload"], {"method": "preload"}),
        (["--method=preload"], {"method": "preload"}),
        (["--method", "preload", "--method", "in-process"], {"method": "in-process"}),
        (["--keep", "A"], {"keep": ["A"]}),
        (["--keep=A", "--keep", "B*", "--clear", "C"], {"keep": ["A", "B*"], "clear": ["C"]}),
        (["--clear=D="], {"clear": ["D="]}),
        (["--keep=-A"], {"keep": ["-A"]}),
        (["--clear", "ls"], {"clear": ["ls"]}),
    ],
    ids=str,
)
@pytest.mark.parametrize("end", [[], ["--"]], ids=["", "--"])
def test_options_before_the_program_are_runs_own(
    words: list[str], end: list[str], options: dict[str, Any]
) -> None:
    """They are stored under the names in the table; a list collects its values."""
    assert parse(*words, *end, "ls") == {**options, "command": ["ls"]}


@pytest.mark.parametrize(
    "command",
    [
        ["ls"],
        ["ls", ""],
        ["ls", "-l", "--strict", "--", "x"],
        ["ls", "-m", "mod", "--help"],
        ["", "x"],
        ["a b", "é", "\udcff"],
    ],
    ids=str,
)
@pytest.mark.parametrize("end", [[], ["--"]], ids=["", "--"])
def test_the_program_keeps_its_arguments(command: list[str], end: list[str]) -> None:
    """Whatever follows the program is passed on, even if it looks like an option."""
    assert parse(*end, *command) == {"command": command}


@pytest.mark.parametrize("name", ["--strict", "-m", "--", "--help"])
def test_a_program_after_two_dashes_may_start_with_a_dash(name: str) -> None:
    """Only the first `--` ends the options."""
    assert parse("--", name, "x") == {"command": [name, "x"]}


@pytest.mark.parametrize("mark", [["-m", "mod"], ["-mmod"]], ids=str)
@pytest.mark.parametrize(
    "words",
    [[], ["-v", "--strict"], ["-m", "other"], ["--", "x"], ["--method"], ["", "é"], ["--help"]],
    ids=str,
)
def test_a_module_keeps_its_arguments(mark: list[str], words: list[str]) -> None:
    """Whatever follows the module is passed on, as after `python -m`."""
    expected: dict[str, Any] = {"explain": True, "module": "mod"}
    if words:
        expected["command"] = words
    assert parse("--explain", *mark, *words) == expected


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["--strict", "--help", "--nosuch"]], ids=str)
def test_help_needs_no_program(words: list[str]) -> None:
    """What follows it is not looked at."""
    assert parse(*words)["help"] is True


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "no program given"),
        (["--"], "no program given"),
        (["--strict"], "no program given"),
        (["--method"], "--method needs a METHOD"),
        (["--method", "--strict", "ls"], "--method needs a METHOD"),
        (["--method", "--", "ls"], "--method needs a METHOD"),
        (["--method=", "ls"], "--method needs a METHOD"),
        (
            ["--method", "fast", "ls"],
            "--method fast: choose from auto, execute-only, copy, preload, in-",
        ),
        (["--keep"], "--keep needs a NAME"),
        (["--keep=", "ls"], "--keep needs a NAME"),
        (["--keep", "", "ls"], "--keep needs a NAME"),
        (["--clear", "-x", "ls"], "--clear needs a NAME"),
        (["--strict=yes", "ls"], "--strict takes no value"),
        (["--explain=", "ls"], "--explain takes no value"),
        (["--json", "ls"], "--json requires --explain"),
        (["--json", "ls", "--explain"], "--json requires --explain"),
        (["--unknown", "ls"], "unknown option --unknown"),
        (["--unknown=value", "ls"], "unknown option --unknown;"),
        (["--meth", "preload", "ls"], "unknown option --meth"),
        (["-x", "ls"], "unknown option -x"),
        (["-", "ls"], "unknown option -"),
        (["-m"], "-m needs a MODULE"),
        (["-m", ""], "-m needs a MODULE"),
        (["-m", "--strict"], "-m needs a MODULE"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_that_names_the_option(words: list[str], problem: str) -> None:
    """The line says where to read on, and the exit status is 2."""
    with pytest.raises(CommandError) as error:
        run.parse(words)
    assert str(error.value).startswith(f"run: {problem}")
    assert str(error.value).endswith("; see `process-hardening run --help`")
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("words", "handed_over"),
    [
        (["ls", "-l"], ["--method=auto", "--", "ls", "-l"]),
        (
            ["--seal", "--strict", "--keep", "A", "--keep=B*", "--clear", "C", "--", "-x"],
            [
                "--method=auto",
                "--keep=A",
                "--keep=B*",
                "--clear=C",
                "--strict",
                "--seal",
                "--",
                "-x",
            ],
        ),
        (["--method", "copy", "ls"], ["--method=copy", "--", "ls"]),
        (["--explain", "--json", "ls"], ["--method=auto", "--explain", "--", "ls"]),
        (["-m", "mod", "x"], ["--method=auto", "--", sys.executable, "-m", "mod", "x"]),
    ],
    ids=str,
)
def test_the_launcher_gets_the_options_and_the_program(
    words: list[str], handed_over: list[str]
) -> None:
    """As `harden` takes them; Python itself is the program for a module."""
    assert [*run._words_for_the_launcher(run.parse(words))] == handed_over


def test_two_command_lines_share_nothing() -> None:
    """The lists of one are not in the other."""
    assert parse("--keep", "A", "ls") == parse("--keep", "A", "ls")


def test_the_help_of_run_is_made_from_its_table() -> None:
    """Every option is in it with its text, and every exit status of its own."""
    text = run.format_help()
    for names, _, metavar, explained in run.OPTIONS:
        term = ", ".join(names) + (f" {metavar}" if metavar else "")
        assert f"\n  {term} " in text
        assert f"  {explained}\n" in text
    for status in (2, 5, 6, 7, 8, 126, 127):
        assert f"\n  {status} " in text


def test_every_option_of_run_is_stored() -> None:
    """A destination in the table is an attribute of Options."""
    assert {destination for _, destination, _, _ in run.OPTIONS} < set(vars(run.Options()))


def test_the_help_names_every_command() -> None:
    """It lists `run` too, although argparse does not know its options."""
    text = make_parser().format_help()
    assert all(f"\n    {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", ["enable", "disable", "enabled", "nosuch", ""])
def test_an_unknown_command_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 2."""
    assert main([name]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("process-hardening: ")
    assert shown.err.count("\n") == 1
    assert repr(name) in shown.err


@pytest.mark.parametrize(("text", "pid"), [("1", 1), ("0042", 42), ("2147483647", 2**31 - 1)])
def test_a_pid_is_a_decimal_number(text: str, pid: int) -> None:
    """As the kernel and ps print it."""
    assert parse_pid(text) == pid


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "+1", "1.0", "0x1", " 1", "1_0", "٣", "self", "2147483648", "9" * 5000],
)
def test_anything_else_is_not_a_pid(text: str) -> None:
    """The error shows what was given, and the exit status is 2."""
    with pytest.raises(CommandError, match="is not a process ID: give a number") as error:
        parse_pid(text)
    assert str(error.value).startswith(repr(text))
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("error", "text", "status"),
    [
        (CommandError("a"), "a", 2),
        (CannotProtectError("b"), "b", 126),
        (NotFoundError("c"), "c", 127),
        (HardeningError(1, "call failed", "inspection", 5), "call failed", 5),
    ],
)
def test_an_error_has_its_line_and_exit_status(
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
def test_names_of_others_cannot_control_the_terminal(text: str, expected: str) -> None:
    """Control characters, line ends and direction marks are shown as escapes."""
    assert printable(text) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--attack", "TOKEN=sesame"],
        ["verify", "--attack=TOKEN=sesame"],
        ["verify", "--compare", "TOKEN=sesame", "--attack", "proc-mem"],
        ["audit", "--user", "TOKEN=sesame"],
        ["audit", "--name", "TOKEN=sesame("],
        ["audit", "--name", "TOKEN=(?P=sesame)"],
        ["hook", "status", "--python", "TOKEN=sesame"],
        ["run", "-m", "TOKEN=sesame"],
        ["run", "--method", "TOKEN=sesame", "true"],
        ["TOKEN=sesame"],
    ],
)
def test_no_error_repeats_the_value_of_an_argument(words: list[str], command: str) -> None:
    """It may be a secret in the wrong place; its name stays in the message."""
    result = support.run([command, *words])  # in its own process, because it hardens itself
    assert result.returncode in (2, 127)
    assert "sesame" not in result.stdout + result.stderr
    assert "TOKEN" in result.stderr


def test_a_value_that_begins_like_another_is_hidden_whole() -> None:
    """In any order of the arguments."""
    assert hide_values("A=1: no; A=12: no", ["A=1", "A=12"]) == "A=...: no; A=...: no"


def test_an_error_keeps_what_is_no_value() -> None:
    """A path with "=" is not a variable with its value."""
    text = "/a=b: no such file; 'X=1' is wrong"
    assert hide_values(text, ["/a=b", "--page=/a=b", "X=1"]) == text.replace("X=1", "X=...")
