"""process-hardening enable: have every Python of an environment harden itself at its start."""

from __future__ import annotations

from process_hardening import startup_hook as hook
from process_hardening.errors import CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse

HELP = "have every Python of a virtual environment harden itself at its start"
EPILOG = """\
Writes a file into site-packages, and starts Python once to see that it works. Uninstall the
package only after `process-hardening disable`: a hook without it is an error at every start.

exit status:
  0 the hook is there, 2 it could not be written or does not work: nothing is changed, or usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--on-request",
        dest="mode",
        action="store_const",
        const=hook.ON_REQUEST,
        default=hook.ALWAYS,
        help="only below programs that have their children hardened (harden_children(),"
        " run --children)",
    )
    add_environment(parser)
    add_system(parser)


def add_environment(parser: argparse.ArgumentParser) -> None:
    """The option that enable, disable and enabled have in common."""
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="an interpreter or the folder of a virtual environment; default: this one",
    )


def add_system(parser: argparse.ArgumentParser) -> None:
    """The option that enable and disable have in common."""
    parser.add_argument(
        "--system",
        action="store_true",
        help="allow an interpreter that is not of a virtual environment",
    )


def find_environment(options: argparse.Namespace) -> hook.Environment:
    """The environment to change. Raises CommandError for a system interpreter without --system."""
    environment = hook.Environment(options.python)
    if not (environment.is_virtual or options.system):
        raise CommandError(
            f"{environment.python} is no virtual environment's: --system to change it for"
            " every program that it runs"
        )
    return environment


def run(options: argparse.Namespace) -> int:
    """Write the hook; returns 0."""
    environment = find_environment(options)
    before = hook.state_of(environment)
    if before == options.mode:
        write(f"already enabled: {', '.join(environment.paths)}")
        return 0
    hook.enable(environment, options.mode)
    note = " (the one that was there was damaged)" if before == hook.DAMAGED else ""
    write(f"enabled: {', '.join(environment.paths)}{note}")
    return 0
