"""process-hardening doctor: find the host settings that let others read memory."""

from __future__ import annotations

from process_hardening import audit
from process_hardening.audit.rules.model import MEDIUM, SEVERITIES, worst_of
from process_hardening.cli.audit import NEVER, add_fail_on, exit_status_of
from process_hardening.errors import CommandError
from process_hardening.output import width_and_colour, write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

HELP = "list the host settings that let others read memory, and how to fix them"
EPILOG = f"""\
doctor changes nothing. For each finding it prints the commands that fix it on this host, what they
may break, and how to undo them. --script prints a shell script that fixes the findings at or above
a severity: read it, then run it. Run it with the argument undo to revert the fixes.
Severities: {", ".join(SEVERITIES)}, {NEVER}.

exit status:
  0  no findings at or above --fail-on
  1  findings at or above --fail-on
  2  usage error, or an internal error
  3  no findings at or above --fail-on, but something could not be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    parser.add_argument(
        "--script",
        metavar="SEVERITY",
        nargs="?",
        choices=SEVERITIES,
        const=MEDIUM,
        help="print a shell script that fixes findings of this severity or above; default:"
        f" {MEDIUM}",
    )
    add_fail_on(parser)


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Check the host and report. Return 0 (clean), 1 (findings) or 3 (incomplete)."""
    if options.json and options.script:
        raise CommandError("print JSON or a script, not both")
    diagnosis = audit.doctor()
    if options.script:
        from process_hardening.audit.render import doctor as as_script

        write(as_script.render_script(diagnosis, options.script))
    elif options.json:
        from process_hardening.audit.render import json as as_json

        write(as_json.render(as_json.doctor_as_dict(diagnosis)))
    else:
        from process_hardening.audit.render import doctor as as_text

        write(as_text.render_doctor(diagnosis, *width_and_colour()))
    return exit_status_of(worst_of(diagnosis.findings), options.fail_on, diagnosis.is_complete)
