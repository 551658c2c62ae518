"""process-hardening doctor: what of this host lets others read memory, and how to fix it."""

from __future__ import annotations

import argparse
import sys
from types import SimpleNamespace

from process_hardening.cli.audit import NEVER, status_of
from process_hardening.output import width_and_colour, write
from process_hardening.audit.rules.checks import checks_of
from process_hardening.audit.host import read_host
from process_hardening.audit.rules.registry import HIGH, SEVERITIES
from process_hardening.audit.scan import check_system, scan

HELP = "say what of this host lets others read memory, why it matters, and how to fix it"
EPILOG = f"""\
Nothing is changed: every fix is printed as a command or a file, for you to apply.
Severities: {", ".join(SEVERITIES)}, {NEVER}.

exit status:
  0 nothing at or above --fail-on; 1 there is; 3 nothing, but something could not be told;
  2 usage or internal error
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    parser.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=(*SEVERITIES, NEVER),
        default=HIGH,
        help=f"exit with 1 from this severity on; default: {HIGH}",
    )


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Look at the host and report; returns 0 fine, 1 findings, 3 incomplete."""
    check_system(sys.platform)
    snapshot = scan()
    host = read_host()
    checks = list(checks_of(host, snapshot.processes))
    if options.json:
        from process_hardening.audit.render import json as audit_json

        write(audit_json.render(audit_json.doctor_as_dict(host, checks)))
    else:
        from process_hardening.audit.render import text as audit_text

        write(audit_text.render_doctor(checks, *width_and_colour()))
    severities = [finding.severity for check in checks for finding in check.findings]
    is_complete = not any(check.unknown for check in checks)
    return status_of(severities, None if options.fail_on == NEVER else options.fail_on, is_complete)
