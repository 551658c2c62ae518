"""Saves the current view as JSON, text or a picture, in a file that only its owner can read."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from process_hardening.audit.render import doctor as doctor_text
from process_hardening.audit.render import json as as_json
from process_hardening.audit.render import text as audit_text
from process_hardening.audit.result import Audit, Diagnosis
from process_hardening.errors import CommandError
from process_hardening.files import create_file, replace_file
from process_hardening.terminal import printable
from process_hardening.tui.widgets.keys import Keys

_MODE = 0o600
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture_of(app: App[Any]) -> str:
    """Return the screen as a self-contained SVG."""
    return _FONTS.sub("", app.export_screenshot())


Formats = Mapping[str, Callable[[], str]]
"""Functions that render the content of a file, by suffix."""


def save_audit(audit: Audit, pids: Collection[int], svg: str) -> Formats:
    """Return the formats for the processes with these pids; svg is the picture of the screen."""
    entries = tuple(entry for entry in audit.entries if entry.posture.pid in pids)
    shown = audit.replace(entries=entries, gone=())
    return {
        ".json": lambda: as_json.render(as_json.audit_as_dict(shown)),
        ".txt": lambda: audit_text.render_audit(shown),
        ".svg": lambda: svg,
    }


def save_diagnosis(diagnosis: Diagnosis, svg: str) -> Formats:
    """Return the formats for the results of doctor; svg is the picture of the screen."""
    return {
        ".json": lambda: as_json.render(as_json.doctor_as_dict(diagnosis)),
        ".txt": lambda: doctor_text.render_doctor(diagnosis),
        ".svg": lambda: svg,
    }


class ExportScreen(ModalScreen[None]):
    """Asks for a file name and writes the file; a second Enter replaces an existing file.

    subject -- what is saved, used in the suggested name; formats -- the possible formats
    now -- seconds since the epoch, used in the suggested name
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, subject: str, formats: Formats, now: float) -> None:
        super().__init__()
        self.formats = formats
        time_of_day = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        self.suggested = f"{subject}-{time_of_day}.json"
        self.warned_of = ""

    def compose(self) -> ComposeResult:
        """Yield an input line for the name, and a line for messages about the file."""
        with Vertical(classes="window"):
            yield Static("Save the current view as", classes="title")
            yield Input(self.suggested, compact=True, select_on_focus=False)
            yield Static(f"Enter saves it. {self._choice}", id="told", markup=False)
            yield Keys()

    @property
    def _choice(self) -> str:
        return "The suffix sets the format: .json, .txt, or .svg for a picture of the screen."

    @on(Input.Submitted)
    def save(self, event: Input.Submitted) -> None:
        """Write the file, or show why that failed."""
        path = os.path.expanduser(event.value.strip())
        render = self.formats.get(os.path.splitext(path)[1].lower())
        if render is None:
            self.tell(self._choice)
            return
        try:
            if path == self.warned_of:
                replace_file(path, render(), _MODE)
            elif not create_file(path, render(), _MODE):
                self.warned_of = path
                self.tell(f"{path} exists: press Enter again to replace it.")
                return
        except CommandError as error:
            self.tell(f"Not saved: {error}")
            return
        self.app.notify(printable(os.path.abspath(path)), title="Saved", markup=False)
        self.dismiss()

    def tell(self, text: str) -> None:
        """Show a message about the file."""
        self.query_one("#told", Static).update(printable(text))
