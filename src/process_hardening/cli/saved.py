"""The files that audit reads and writes."""

from __future__ import annotations

from process_hardening.errors import CommandError
from process_hardening.files import read_text, replace_file
from process_hardening.output import write
from process_hardening.terminal import notify

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.saved import Saved


def read_json(path: str) -> object:
    """Read the JSON of an audit. Raises CommandError if the file is unreadable or not JSON."""
    import json

    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested too deeply
        from process_hardening.audit.saved import NOT_AN_AUDIT

        raise CommandError(f"{path}: {NOT_AN_AUDIT}") from None


def read_audit(path: str) -> Saved:
    """Return the audit that was saved in a file. Raises CommandError."""
    from process_hardening.audit.saved import read_saved

    try:
        return read_saved(read_json(path)).replace(source=path)
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None


def write_to(path: str, text: str) -> None:
    """Replace a file; print to standard output for '-'. Raises CommandError."""
    if path == "-":
        write(text)
    else:
        replace_file(path, text)


def tell_written(*paths: str | None) -> None:
    """Say in a terminal which files write_to() has written. None stands for no file."""
    for path in paths:
        if path not in (None, "-"):
            notify(f"wrote {path}")
