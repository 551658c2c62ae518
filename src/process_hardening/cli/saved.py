"""The files that audit reads and writes."""

from __future__ import annotations

from process_hardening.errors import CommandError
from process_hardening.files import replace_file
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.saved import Saved


def read_json(path: str) -> object:
    """Read a JSON file. Raises CommandError if it is unreadable, ValueError if it is not JSON."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except RecursionError as error:
        raise ValueError(str(error)) from None


def read_audit(path: str) -> Saved:
    """Return the audit that was saved in a file. Raises CommandError."""
    from process_hardening.audit.saved import read_saved

    try:
        return read_saved(read_json(path))
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None


def write_to(path: str, text: str) -> None:
    """Replace a file, or print to standard output for '-'. Raises CommandError."""
    if path == "-":
        write(text)
    else:
        replace_file(path, text)
