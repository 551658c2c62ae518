"""process-hardening disable: take away what `enable` wrote."""

from __future__ import annotations

from process_hardening import startup_hook as hook
from process_hardening.cli.enable import add_environment, add_system, find_environment
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse

HELP = "take the start-up hook of `enable` away"
EPILOG = """\
exit status:
  0 there is no hook, 2 it could not be removed, or usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    add_environment(parser)
    add_system(parser)


def run(options: argparse.Namespace) -> int:
    """Remove the hook; returns 0."""
    environment = find_environment(options)
    if hook.state_of(environment) == hook.DISABLED:
        write(f"not enabled: {environment.python}")
        return 0
    hook.disable(environment)
    write(f"disabled: {environment.python}")
    return 0
