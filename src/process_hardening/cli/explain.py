"""process-hardening explain: what a finding means, why it matters, and how to fix it."""

from __future__ import annotations

from process_hardening.audit.rules.tables import RULES, suggest_id
from process_hardening.errors import CommandError, hide_value
from process_hardening.output import width_and_colour, write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

    from process_hardening.audit.rules.model import Rule

HELP = "explain a finding of audit or doctor, by its id"
EPILOG = """\
exit status:
  0  the explanation was printed
  2  no such finding, or a usage error
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.epilog = EPILOG
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="a finding, such as PH001; default: list all"
    )
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    parser.add_argument(
        "--markdown", action="store_true", help="print all findings as docs/findings.md"
    )


def _find_rule(name: str) -> Rule:
    rule = RULES.get(name.upper())
    if rule is None:
        problem = f"{hide_value(name)!r}: no such finding{suggest_id(name)}"
        raise CommandError(f"{problem}; `process-hardening explain` lists them")
    return rule


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Explain findings and return 0. Raises CommandError for an unknown id."""
    from process_hardening.audit.render import text as as_text

    width, _ = width_and_colour()
    rules = [_find_rule(name) for name in options.ids]
    if options.json and options.markdown:
        raise CommandError("print JSON or Markdown, not both")
    if options.json:
        from process_hardening.audit.render import json as as_json

        write(as_json.render(as_json.rules_document(rules or RULES.values())))
    elif options.markdown:
        write(as_text.rules_as_markdown())
    elif not rules:
        write(as_text.render_rules(width))
    else:
        write("\n\n".join(as_text.render_rule(rule, width) for rule in rules))
    return 0
