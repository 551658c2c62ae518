"""process-hardening audit merge: one page of the JSON of many audits."""

from __future__ import annotations

from process_hardening.cli.saved import read_audit, write_to
from process_hardening.errors import CommandError

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Write the page; returns 0. Raises CommandError for a file that is no audit."""
    paths = options.pids[1:]
    if not paths:
        raise CommandError("audit merge: name the JSON files of audits")
    if options.html is None:
        raise CommandError("audit merge: name the page to write: --html FILE")
    audits = [read_audit(path) for path in paths]
    from process_hardening.audit.render import html

    write_to(options.html, html.render(audits))
    return 0
