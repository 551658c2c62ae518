"""process-hardening audit merge: combine the JSON of several audits into a page or a document."""

from __future__ import annotations

from process_hardening.cli.saved import read_audit, tell_written, write_to
from process_hardening.errors import CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace


_OTHERS = (
    *("name", "user", "python", "tree", "all", "exclude", "baseline", "compare", "watch", "long"),
    "openmetrics",
    "fail_on",
)
"""The options of `audit` that do not apply to existing files."""


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Write the page or print the JSON, and return 0.

    Raises CommandError for files that are not audits of this version.
    """
    for name in _OTHERS:
        if getattr(options, name):
            raise CommandError(
                f"audit merge: accepts FILE..., --html and --json, not --{name.replace('_', '-')}"
            )
    paths = options.pids[1:]
    if not paths:
        raise CommandError("audit merge: no files given: name the JSON files of audits")
    if "" in paths:
        raise CommandError("audit merge: a FILE is empty: name the JSON files of audits")
    if options.html is None and not options.json:
        raise CommandError("audit merge: no output format given: add --html FILE or --json")
    if options.html == "-" and options.json:
        raise CommandError("only one format can go to standard output: name a file for the other")
    audits = [read_audit(path) for path in paths]
    if options.html is not None:
        from process_hardening.audit.render import html

        write_to(options.html, html.render(audits))
        tell_written(options.html)
    if options.json:
        from process_hardening.audit.render import json as as_json
        from process_hardening.audit.saved import merge

        write(as_json.render(as_json.merged_as_dict(merge(audits))))
    return 0
