"""process-hardening enabled: whether an environment has the start-up hook."""

from __future__ import annotations

from process_hardening import startup_hook as hook
from process_hardening.cli.enable import add_environment
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse

HELP = "say whether an environment has the start-up hook of `enable`"
EPILOG = """\
exit status:
  0 it has; 1 it has not; 3 what is there is damaged: `process-hardening enable` mends it
"""

# state: exit status and text
_ANSWERS = {
    hook.ALWAYS: (0, "enabled: every start of {python} is hardened"),
    hook.ON_REQUEST: (0, "enabled on request: {python} is hardened below programs that ask for it"),
    hook.DISABLED: (1, "not enabled: {python}"),
    hook.DAMAGED: (3, "damaged: {paths}: `process-hardening enable` mends it"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    add_environment(parser)


def run(options: argparse.Namespace) -> int:
    """Print the answer; returns 0 yes, 1 no, 3 damaged."""
    environment = hook.Environment(options.python)
    status, text = _ANSWERS[hook.state_of(environment)]
    write(text.format(python=environment.python, paths=", ".join(environment.paths)))
    return status
