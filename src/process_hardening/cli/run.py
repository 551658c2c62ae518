"""process-hardening run: start any program hardened.

This runs before every program that a user starts, so it imports nothing slow: the parser is written
by hand, like bubblewrap's parse_args_recurse(). It passes the parsed options to the launcher
(native/launch/), which `harden` uses too. Only `run` supports modules, scripts without a "#!" line,
and running them in this process.
"""

from __future__ import annotations

import os
import sys

from process_hardening.errors import (
    CannotProtectError,
    CommandError,
    NotFoundError,
    hide_value,
    suggest,
)
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

    from process_hardening import Report
    from process_hardening.policy import Policy

AUTO = "auto"
IN_PROCESS = "in-process"
METHODS = (AUTO, "execute-only", "copy", "preload", IN_PROCESS)

HELP = "start any program hardened, without changing it"
EPILOG = """\
methods:
  auto          execute-only if possible, otherwise preload (the default)
  execute-only  start an unreadable stand-in that maps the program: the kernel makes the process
                non-dumpable before its first instruction
  copy          start an unreadable copy; later changes to the program's file do not affect it
  preload       load a library that hardens the program before its main(); dynamically linked
                programs only; has a launch window
  in-process    harden this interpreter, then run the script or module in it

exit status:
  the program's own, or one of these:
  2    usage error
  5    the process could not be made non-inspectable
  6    a debugger is attached
  7    the core limit could not be lowered
  8    the environment could not be cleaned, or --no-bypass refused the bypass variable
  126  the program cannot be started protected
  127  the program was not found
"""

# names, destination in Options, metavar (None: the option takes no value), help
OPTIONS: tuple[tuple[tuple[str, ...], str, str | None, str], ...] = (
    (("--method",), "method", "METHOD", "auto, execute-only, copy, preload or in-process"),
    (("--children",), "children", None, "also harden all dynamically linked descendants"),
    (("--except",), "exceptions", "NAME", "with --children: skip programs with this name"),
    (("--keep",), "keep", "NAME", "keep this variable (or PREFIX*) in the environment"),
    (("--clear",), "clear", "NAME", "also remove this variable (or PREFIX*)"),
    (
        ("--strict",),
        "strict",
        None,
        "set no_new_privs, remove more variables, and copy a program that the user can modify",
    ),
    (("--seal",), "seal", None, "prevent the program from making itself inspectable again"),
    (("--confine",), "confine", None, "also prevent it from reading other processes: see confine"),
    (
        ("--bypass",),
        "bypass",
        "NAME",
        "NAME=1 starts it unprotected, with a warning (default: CODEX_SKIP_HARDENING)",
    ),
    (("--no-bypass",), "no_bypass", None, "refuse to start if the bypass variable is 1"),
    (
        ("--explain",),
        "explain",
        None,
        "test the methods and print what would be done; start nothing",
    ),
    (("--json",), "json", None, "with --explain: print JSON with stable keys"),
    (("-m",), "module", "MODULE", "run a Python module; the rest are its arguments"),
    (("--version",), "version", None, "print the version and exit"),
    (("-h", "--help"), "help", None, "show this help message and exit"),
)
_PYTHONS_OWN = ("module", "version", "help", "json")
_BY_NAME = {name: option for option in OPTIONS for name in option[0]}
# Replaces --confine when this command restarts itself, so that --explain can mention it. Unless the
# process is confined, it is an unknown option: a user who typed it meant --confine.
_CONFINED = "--confined"


class Options:
    """The parsed command line, with defaults. A list collects the values of a repeatable option."""

    def __init__(self) -> None:
        self.method = AUTO
        self.children = False
        self.exceptions: list[str] = []
        self.keep: list[str] = []
        self.clear: list[str] = []
        self.strict = False
        self.seal = False
        self.confine = False
        self.confined = False
        self.bypass = ""
        self.no_bypass = False
        self.explain = False
        self.json = False
        self.module = ""
        self.version = False
        self.help = False
        self.command: list[str] = []

    @property
    def only_prints(self) -> bool:
        """Whether an option ends the command after printing something, so it needs no program."""
        return self.help or self.version


def parse(arguments: Sequence[str]) -> Options:
    """Parse the arguments of `run`.

    The options end at `--`, at `-m MODULE`, or at the first word that does not start with `-`.
    Raises CommandError (exit code 2) for a usage error.
    """
    options = Options()
    rest = list(arguments)
    while rest and rest[0].startswith("-") and not (options.module or options.only_prints):
        word = rest.pop(0)
        if word == "--":
            break
        _parse_option(word, rest, options)
    options.command = rest
    if "=" in options.module:  # Python would print the value
        raise NotFoundError(f"{hide_value(options.module)}: no such module")
    if options.method not in METHODS:
        raise _usage_error(
            f"--method {hide_value(options.method)}: choose from {', '.join(METHODS)}"
        )
    if not (rest or options.module or options.only_prints):
        raise _usage_error("no program given")
    if options.exceptions and not (options.children or options.only_prints):
        raise _usage_error("--except requires --children")
    if options.json and not (options.explain or options.only_prints):
        raise _usage_error("--json requires --explain")
    return options


def _parse_option(word: str, rest: list[str], options: Options) -> None:
    """Store one option in options. Takes its value from rest unless word contains it."""
    name, joined, value = word.partition("=")
    if word.startswith("-m"):  # -mMODULE, as python(1) accepts it
        name, joined, value = "-m", word[2:], word[2:]
    if word == _CONFINED and _is_confined():
        options.confined = True
        return
    if name not in _BY_NAME:
        raise _usage_error(f"unknown option {name}{suggest(name, _BY_NAME)}")
    _, destination, metavar, _ = _BY_NAME[name]
    if metavar is None:
        if joined:
            raise _usage_error(f"{name} takes no value")
        setattr(options, destination, True)
        return
    if not joined and rest and not rest[0].startswith("-"):
        value = rest.pop(0)
    if not value:
        raise _usage_error(f"{name} needs a {metavar}")
    if isinstance(getattr(options, destination), list):
        getattr(options, destination).append(value)
    else:
        setattr(options, destination, value)


def _is_confined() -> bool:
    from process_hardening.state import status

    return status().confined is not False  # None: nested as deeply as the kernel allows


def _usage_error(problem: str) -> CommandError:
    return CommandError(f"run: {problem}; see `process-hardening run --help`")


def usages() -> Iterator[str]:
    """Yield the ways to call `run`, one line each."""
    yield f"process-hardening run {' '.join(_usage_words())} [--] PROGRAM [ARG...]"
    yield "process-hardening run [OPTION...] SCRIPT.py [ARG...]"
    yield "process-hardening run [OPTION...] -m MODULE [ARG...]"


def _usage_words() -> Iterator[str]:
    repeatable = {name for name, value in vars(Options()).items() if isinstance(value, list)}
    for names, destination, metavar, _ in OPTIONS:
        if destination not in ("module", "version", "help"):
            value = f" {metavar}" if metavar else ""
            yield f"[{names[0]}{value}]{'...' if destination in repeatable else ''}"


def format_help() -> str:
    """Return what --help prints."""
    rows = [
        (", ".join(names) + (f" {metavar}" if metavar else ""), text)
        for names, _, metavar, text in OPTIONS
    ]
    width = max(len(term) for term, _ in rows)
    lines = [
        "usage: " + "\n       ".join(usages()),
        f"\n{HELP[0].upper()}{HELP[1:]}.",
        "\noptions:",
        *(f"  {term:<{width}}  {text}" for term, text in rows),
        f"\n{EPILOG.rstrip()}",
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int | Callable[[], int]:
    """Parse the arguments and run. Returns and raises like run()."""
    options = parse(arguments)
    if options.only_prints:
        from process_hardening import __version__
        from process_hardening.output import write

        write(format_help() if options.help else f"process-hardening run {__version__}")
        return 0
    if options.confine:
        _start_again_confined(arguments, options.strict)
    return run(options)


def _start_again_confined(arguments: list[str], strict: bool) -> NoReturn:
    """Re-execute this command under the native `confine`."""
    from process_hardening import domain

    rest = list(arguments)
    # The first is ours; the program's own come later.
    rest[rest.index("--confine")] = _CONFINED
    this_command = sys.orig_argv[1 : len(sys.orig_argv) - len(arguments)]
    options = ["--strict"] if strict else []
    domain.become([*options, "--", sys.executable, *this_command, *rest])


def run(options: Options) -> int | Callable[[], int]:
    """Become the program, prepare to run it in this process, or explain what would be done.

    Returns an exit status, or a function that runs the program in this process and returns one.
    That function has to be called where nothing handles the program's exceptions. Raises
    CommandError or HardeningError.
    """
    if options.method == IN_PROCESS or (options.method == AUTO and not IS_LINUX):
        return _run_in_process(options)
    from process_hardening.launch import become

    text = become(_words_for_the_launcher(options))
    from process_hardening.cli.facts import parse_facts, write_facts

    write_facts([*parse_facts(text), *_explain_confinement(options)], options.json)
    return 0


def _explain_confinement(options: Options) -> Iterator[tuple[str, str]]:
    """Yield what `harden --confine --explain` prints, if this process is confined."""
    if options.confined:
        yield "confined", "cannot read, trace or signal other processes; see confine --explain"


def _words_for_the_launcher(options: Options) -> Iterator[str]:
    """Yield the options, the program and its arguments, as `harden` accepts them."""
    for (name, *_), destination, _, _ in OPTIONS:
        value = getattr(options, destination)
        if destination in _PYTHONS_OWN or not value:
            continue
        if value is True:
            yield name
        else:
            yield from (f"{name}={one}" for one in (value if isinstance(value, list) else [value]))
    yield "--"
    yield from _command_of(options)


def _command_of(options: Options) -> list[str]:
    """Return the program and its arguments.

    The program is Python for a module, and for a .py file that cannot be executed directly.
    """
    if options.module:
        return [sys.executable, "-m", options.module, *options.command]
    script, *arguments = options.command
    if not script.endswith(".py"):
        return options.command
    if not os.path.exists(script):
        from process_hardening.launch import in_process

        in_process.find(script)
    if not os.path.isfile(script):
        return options.command
    try:
        with open(script, "rb") as file:
            is_program = file.read(2) == b"#!" and os.access(script, os.X_OK)
    except OSError as error:
        raise CannotProtectError(f"{script}: cannot be read: {error.strerror}") from None
    # A bare name would be looked up in PATH or, if it starts with "-", taken for an option.
    path = script if os.path.dirname(script) else os.path.join(os.curdir, script)
    if is_program:
        return [path, *arguments]
    return [sys.executable, path if script.startswith("-") else script, *arguments]


def _make_policy(options: Options) -> Policy:
    from process_hardening.policy import DEFAULT, STRICT

    policy = STRICT if options.strict else DEFAULT
    try:
        return policy.replace(
            keep=tuple(options.keep),
            clear=(*policy.clear, *options.clear),
            seal=options.seal,
            bypass_variable=options.bypass or policy.bypass_variable,
            refuse_bypass=options.no_bypass,
        )
    except ValueError as error:
        raise CommandError(str(error)) from None


def _run_in_process(options: Options) -> int | Callable[[], int]:
    from process_hardening import pre_main_hardening
    from process_hardening.launch import in_process

    if options.children:
        raise CannotProtectError("--children does not work with --method in-process")
    script = "" if options.module else in_process.find_script(options.command[0])
    report = pre_main_hardening(_make_policy(options))
    if options.explain:
        from process_hardening.cli.facts import write_facts

        write_facts(_explain_in_process(options, report), options.json)
        return 0
    in_process.leave_injected(report.removed)
    if options.module:
        return lambda: in_process.run_module(options.module, options.command)
    return lambda: in_process.run_script(script, options.command[1:])


def _explain_in_process(options: Options, report: Report) -> Iterator[tuple[str, str]]:
    from process_hardening.terminal import printable

    argv = ["-m", options.module, *options.command] if options.module else options.command
    yield "program", printable(sys.executable)
    yield "arguments", printable(" ".join(map(repr, argv)))
    if report.bypassed:
        yield "protects", "nothing: the bypass variable is set"
        return
    yield "method", IN_PROCESS
    yield "core limit", "0, soft and hard, inherited by its children"
    yield "removed", printable(", ".join(report.removed)) or "nothing"
    yield (
        "protects",
        "from just before its first line until it executes another program, against debuggers,"
        " /proc/PID/mem, core dumps and injected libraries",
    )
    yield (
        "does not protect",
        "its arguments; anything from root or CAP_SYS_PTRACE; anything from an attacker"
        " who attached or opened /proc/PID/mem while this interpreter started",
    )
    yield "children", "not hardened, except for the core limit"
    yield from _explain_confinement(options)
