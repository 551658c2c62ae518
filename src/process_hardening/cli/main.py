"""The command line: `process-hardening`, or `python -m process_hardening`."""

from __future__ import annotations

import sys

from process_hardening.errors import CommandError, HardeningError

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

COMMANDS = {
    "run": "process_hardening.cli.run",
    "status": "process_hardening.cli.status",
    "verify": "process_hardening.cli.verify",
    "audit": "process_hardening.cli.audit",
    "doctor": "process_hardening.cli.doctor",
    "explain": "process_hardening.cli.explain",
    "enable": "process_hardening.cli.enable",
    "disable": "process_hardening.cli.disable",
    "enabled": "process_hardening.cli.enabled",
    "tui": "process_hardening.tui.main",
}
"""Name, and the module that has its HELP, add_arguments() and run()."""

_EPILOG = "exit status 2: usage or internal error; see each command's help for the others"


def make_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the whole command line, one subparser a module.

    commands -- those that it has to know: each is imported
    """
    import argparse
    from importlib import import_module

    import process_hardening
    from process_hardening.parser import Parser

    parser = Parser(
        prog="process-hardening",
        description="Keep the secrets of a process from other processes:"
        " no debugger, no core dump, no injected library.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {process_hardening.__version__}"
    )
    subparsers = parser.add_subparsers(dest="command_name", metavar="COMMAND", required=True)
    for name in commands:
        module = import_module(COMMANDS[name])
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        from process_hardening.cli import run

        options = run.parse(arguments[1:])
        if options:
            return run.run(options)
    if arguments[:1] == ["tui"]:
        from process_hardening.tui.main import main as watch

        return watch(arguments[1:])  # which hardens before it does anything else
    named = [name for name in arguments[:1] if name in COMMANDS]
    parsed = make_parser(named or COMMANDS).parse_args(arguments)
    status: int = parsed.run(parsed)
    return status


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _dispatch(arguments)
    except (CommandError, HardeningError) as error:
        from process_hardening.terminal import complain

        complain(error)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
