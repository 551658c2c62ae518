"""The command line: `process-hardening`, or `python -m process_hardening`."""

from __future__ import annotations

import sys

from process_hardening.errors import (
    CommandError,
    ConfinementError,
    HardeningError,
    StoppedError,
    hide_value,
    hide_values,
    suggest,
)

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

COMMANDS = {
    "run": "process_hardening.cli.run",
    "confine": "process_hardening.cli.confine",
    "status": "process_hardening.cli.status",
    "verify": "process_hardening.cli.verify",
    "audit": "process_hardening.cli.audit",
    "doctor": "process_hardening.cli.doctor",
    "explain": "process_hardening.cli.explain",
    "hook": "process_hardening.cli.hook",
    "tui": "process_hardening.tui.main",
}
"""The name of each command and its module."""

_FIRST_STEPS = """\
Protect the secrets of a process from other processes. What do you want to do?

  find programs whose secrets other programs can read         process-hardening audit
  start a program hardened                                    harden PROGRAM [ARG...]
  start a tool that cannot read other processes               confine PROGRAM [ARG...]
  prove the protection with real attacks                      process-hardening verify
  check the settings of this host, and fix them               process-hardening doctor
  watch all of this live                                      process-hardening tui

In a Python program, call this as the first statement of main():

  process_hardening.pre_main_hardening()

For all commands: process-hardening --help. For one command: process-hardening help COMMAND.
"""

_EPILOG = """\
exit status of `help`:
  0  the help was printed
  2  no such command

All commands exit with 2 after a usage or internal error, and with 130 after Ctrl-C. The help of
each command lists its other exit statuses.
"""


def make_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the argparse parser, with one subparser per command but without the options of `run`.

    commands -- the commands to include: the module of each is imported
    """
    import argparse
    from importlib import import_module

    from process_hardening.parser import Parser, PrintVersion

    parser = Parser(
        prog="process-hardening",
        description="Protect the secrets of a process from other processes:\n"
        "no debugger, no core dump, no injected library.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=PrintVersion)
    subparsers = parser.add_subparsers(
        dest="command_name",
        metavar="COMMAND",
        required=True,
        prog=parser.prog,  # otherwise argparse makes a formatter for it, which imports shutil
    )
    for name in commands:
        module = import_module(COMMANDS[name])
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name != "run":  # it has its own parser, which starts faster
            module.add_arguments(subparser)
        if name not in ("run", "confine"):  # _dispatch() starts these before anything is parsed
            subparser.set_defaults(run=module.run)
    return parser


def _words_for_help(topic: str = "help") -> list[str]:
    """Return the arguments that print the help on a topic. `harden` and `run` share one."""
    if topic == "help":
        return ["--help"]
    return [{"harden": "run", "merge": "audit"}.get(topic, topic), "--help"]


def _dispatch(arguments: list[str]) -> int | Callable[[], int]:
    """Run a command. Returns its exit status, or a function that runs a script of the user."""
    while arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        from process_hardening.output import write

        write(_FIRST_STEPS.rstrip())
        return 0
    if arguments[0] == "help":
        arguments = _words_for_help(*arguments[1:2])
    name = arguments[0]
    if name not in COMMANDS and not name.startswith("-"):
        problem = f"unknown command {hide_value(name)!r}{suggest(name, [*COMMANDS, 'help'])}"
        raise CommandError(f"{problem}; see `process-hardening --help`")
    try:
        return _run_command(name, arguments)
    except (CommandError, ConfinementError, HardeningError):
        raise
    except Exception as error:
        from process_hardening.terminal import complain_of_bug

        return complain_of_bug(error, name, arguments)


def _run_command(name: str, arguments: list[str]) -> int | Callable[[], int]:
    """Run a command, or an option such as --help. Returns what _dispatch() returns."""
    if name == "run":
        from process_hardening.cli import run

        return run.main(arguments[1:])
    if name == "confine":
        from process_hardening.cli import confine

        return confine.main(arguments[1:])
    if name == "tui":
        from process_hardening.tui.main import main as watch

        return watch(arguments[1:])  # hardens itself before it does anything else
    import signal

    # If it is ignored, which a parent passes on, each child seems to exit with 0. Not earlier:
    # a program that `run` or `confine` starts has to inherit what this process inherited.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    needed = [] if name == "--version" else COMMANDS  # --help describes all of them
    options = make_parser([name] if name in COMMANDS else needed).parse_args(arguments)
    return int(options.run(options))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    arguments -- those after the program name; default: from sys.argv

    Returns the exit status; 130 after Ctrl-C. Prints errors as one line on standard error.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        status = _dispatch(words)
    except KeyboardInterrupt:
        return _fail(StoppedError("stopped"))
    except CommandError as error:
        error.args = (hide_values(str(error), words),)
        return _fail(error)
    except (ConfinementError, HardeningError) as error:
        return _fail(error)
    # Out of the handlers above: the exceptions of a script are not ours.
    return status if isinstance(status, int) else status()


def _fail(error: CommandError | ConfinementError | HardeningError) -> int:
    from process_hardening.terminal import complain

    complain(error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
