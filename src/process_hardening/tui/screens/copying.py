"""Copies the command that fixes the problem of a row to the clipboard, through the terminal."""

from __future__ import annotations

from typing import Any

from textual.app import App

from process_hardening.terminal import printable
from process_hardening.tui.view import Row


def copy_fix(app: App[Any], row: Row) -> None:
    """Copy the command that fixes the problem of a row; if there is none, show what to do."""
    words, command = row.fix
    if not command:
        app.notify(printable(words) or "Nothing to do.", title="No command", markup=False)
        return
    app.copy_to_clipboard(command)
    app.notify(printable(command), title="Copied", markup=False)
