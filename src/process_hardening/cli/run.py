"""process-hardening run: start any program hardened.

This is what stands between a user and the start of every program, so nothing slow is imported:
the parser is written by hand, in the manner of bubblewrap's parse_args_recurse().
"""

from __future__ import annotations

import sys

from process_hardening.errors import CannotProtectError, CommandError
from process_hardening.launch.plan import AUTO, IN_PROCESS, METHODS
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from process_hardening import Report
    from process_hardening.policy import Policy

HELP = "start any program hardened, without changing it"
EPILOG = """\
methods:
  auto          execute-only if possible, otherwise preload (the default)
  execute-only  run from a sealed copy of the program that nobody may read: the kernel makes the
                process non-dumpable before its first instruction
  preload       load a library that hardens the program before its main(); dynamically linked
                programs only
  in-process    harden this interpreter, then run the script or module in it

exit status:
  the program's own, or one of these:
  2    wrong usage
  5    the process could not be made non-inspectable
  6    a debugger is attached
  7    the core limit could not be lowered
  8    the environment could not be cleaned
  126  the program cannot be started protected
  127  the program was not found

With CODEX_SKIP_HARDENING=1 the program is started unprotected, with a warning.
"""

# names, destination in Options, metavar (None: the option takes no value), help
OPTIONS: tuple[tuple[tuple[str, ...], str, str | None, str], ...] = (
    (("--method",), "method", "METHOD", "auto, execute-only, preload or in-process"),
    (("--children",), "children", None, "harden all dynamically linked descendants too"),
    (("--keep",), "keep", "NAME", "keep a variable (or PREFIX*) in the environment"),
    (("--clear",), "clear", "NAME", "remove one more variable (or PREFIX*)"),
    (("--strict",), "strict", None, "set no_new_privs, refuse a debugger, remove more variables"),
    (("--explain",), "explain", None, "print what would be done and what it protects, then exit"),
    (("-m",), "module", "MODULE", "run a Python module; what follows are its arguments"),
    (("-h", "--help"), "help", None, "show this help message and exit"),
)
_BY_NAME = {name: option for option in OPTIONS for name in option[0]}


class Options:
    """The parsed command line, with its defaults. A list collects the values of each use."""

    def __init__(self) -> None:
        self.method = AUTO
        self.children = False
        self.keep: list[str] = []
        self.clear: list[str] = []
        self.strict = False
        self.explain = False
        self.module = ""
        self.help = False
        self.command: list[str] = []


def parse(arguments: Sequence[str]) -> Options:
    """Parse the arguments of `run`.

    The options end at `--`, at `-m MODULE`, or at the first word that does not start with `-`.
    Raises CommandError (exit code 2) for wrong usage.
    """
    options = Options()
    rest = list(arguments)
    while rest and rest[0].startswith("-") and not (options.module or options.help):
        word = rest.pop(0)
        if word == "--":
            break
        _parse_option(word, rest, options)
    options.command = rest
    if options.method not in METHODS:
        raise _usage_error(f"--method {options.method}: choose from {', '.join(METHODS)}")
    if not (rest or options.module or options.help):
        raise _usage_error("name a program")
    return options


def _parse_option(word: str, rest: list[str], options: Options) -> None:
    """Store one option in options. Takes its value from rest unless word holds it."""
    name, joined, value = word.partition("=")
    if word.startswith("-m"):  # -mMODULE, as python(1) takes it
        name, joined, value = "-m", word[2:], word[2:]
    if name not in _BY_NAME:
        raise _usage_error(f"unknown option {name}")
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


def _usage_error(problem: str) -> CommandError:
    return CommandError(f"run: {problem}; see `process-hardening run --help`")


def usages() -> Iterator[str]:
    """The ways to call `run`, one line each."""
    yield f"process-hardening run {' '.join(_usage_words())} [--] PROGRAM [ARG...]"
    yield "process-hardening run [OPTION...] SCRIPT.py [ARG...]"
    yield "process-hardening run [OPTION...] -m MODULE [ARG...]"


def _usage_words() -> Iterator[str]:
    repeatable = {name for name, value in vars(Options()).items() if isinstance(value, list)}
    for names, destination, metavar, _ in OPTIONS:
        if destination not in ("module", "help"):
            value = f" {metavar}" if metavar else ""
            yield f"[{names[0]}{value}]{'...' if destination in repeatable else ''}"


def format_help() -> str:
    """What --help prints."""
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


def main(arguments: list[str]) -> int:
    """Parse the arguments and run. Raises CommandError or HardeningError."""
    options = parse(arguments)
    if options.help:
        from process_hardening.output import write

        write(format_help())
        return 0
    return run(options)


def run(options: Options) -> int:
    """Become the program; or run it in this process; or explain what would be done.

    Returns 0 after the latter two. Raises CommandError or HardeningError.
    """
    policy = _make_policy(options)
    if options.method == IN_PROCESS or (options.method == AUTO and not IS_LINUX):
        return _run_in_process(options, policy)
    return _become(options, policy)


def _make_policy(options: Options) -> Policy | None:
    """The policy that the options ask for; None for DEFAULT, which needs no import."""
    if not (options.strict or options.keep or options.clear):
        return None

    from process_hardening.policy import DEFAULT, STRICT

    policy = STRICT if options.strict else DEFAULT
    try:
        return policy.replace(keep=tuple(options.keep), clear=(*policy.clear, *options.clear))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _run_in_process(options: Options, policy: Policy | None) -> int:
    from process_hardening import pre_main_hardening
    from process_hardening.launch import execute, in_process

    if options.children:
        raise CannotProtectError("--children needs --method execute-only or preload")
    script = "" if options.module else in_process.find_script(options.command[0])
    report = pre_main_hardening(policy)
    if options.explain:
        argv = options.command
        if options.module:
            argv = ["-m", options.module, *argv]
        return _explain(options, report, sys.executable, argv, IN_PROCESS)
    execute.leave_injected(report.removed)
    if options.module:
        in_process.run_module(options.module, options.command)
    else:
        in_process.run_script(script, options.command[1:])
    return 0


def _become(options: Options, policy: Policy | None) -> int:
    from process_hardening import pre_main_hardening
    from process_hardening.launch import execute
    from process_hardening.launch.plan import Host, make_plan
    from process_hardening.launch.program import resolve

    command = options.command
    if options.module:
        command = [sys.executable, "-m", options.module, *command]
    program = resolve(command[0], command[1:])
    report = pre_main_hardening(policy)
    if report.bypassed:
        if options.explain:
            return _explain(options, report, program.path, program.argv, options.method)
        execute.become_unprotected(program)
    plan = make_plan(program, options.method, options.children, Host.read())
    if options.explain:
        return _explain(options, report, plan.description, program.argv, plan.method, plan.because)
    return execute.become(plan, tuple(options.keep))


def _explain(
    options: Options,
    report: Report,
    program: str,
    argv: Sequence[str],
    method: str,
    because: str | None = None,
) -> int:
    from process_hardening.launch.explanation import explain
    from process_hardening.output import write

    write(
        explain(
            report, program, argv, method, because,
            children=options.children, strict=options.strict,
        )
    )  # fmt: skip
    return 0
