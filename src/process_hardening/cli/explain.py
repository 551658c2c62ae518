"""process-hardening explain: what a finding means, why it matters, how it is fixed."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

from process_hardening.errors import CommandError
from process_hardening.output import width_and_colour, write
from process_hardening.audit.rules.registry import REGISTRY

HELP = "explain a finding of audit or doctor, by its id"
EPILOG = """\
exit status:
  0 explained; 2 there is no such finding, or usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as PH001; default: list them")
    parser.add_argument(
        "--markdown", action="store_true", help="print all of them as docs/findings.md"
    )


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Explain; returns 0. Raises CommandError for an id that does not exist."""
    from process_hardening.audit.render import text as audit_text

    width, _ = width_and_colour()
    if options.markdown:
        write(audit_text.registry_as_markdown())
    elif not options.ids:
        write(audit_text.render_registry(width))
    else:
        kinds = []
        for named in options.ids:
            kind = REGISTRY.get(named.upper())
            if kind is None:
                raise CommandError(
                    f"{named!r}: no such finding; `process-hardening explain` lists them"
                )
            kinds.append(audit_text.render_kind(kind, width))
        write("\n\n".join(kinds))
    return 0
