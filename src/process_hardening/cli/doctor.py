"""process-hardening doctor: which settings of this host let others read memory."""

from __future__ import annotations

from process_hardening import audit
from process_hardening.audit.rules.model import SEVERITIES, worst_of
from process_hardening.cli.audit import NEVER, add_fail_on, exit_status_of
from process_hardening.output import width_and_colour, write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

HELP = "list the settings of this host that let others read memory, and how to fix them"
EPILOG = f"""\
Nothing is changed: doctor prints the commands that fix a finding, for you to run.
Severities: {", ".join(SEVERITIES)}, {NEVER}.

exit status:
  0  nothing at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage, or an internal error
  3  nothing at or above --fail-on, but something could not be seen
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    add_fail_on(parser)


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Look at the host and report; returns 0 clean, 1 findings, 3 incomplete."""
    diagnosis = audit.doctor()
    if options.json:
        from process_hardening.audit.render import json as as_json

        write(as_json.render(as_json.doctor_as_dict(diagnosis)))
    else:
        from process_hardening.audit.render import text as as_text

        write(as_text.render_doctor(diagnosis, *width_and_colour()))
    return exit_status_of(worst_of(diagnosis.findings), options.fail_on, diagnosis.is_complete)
