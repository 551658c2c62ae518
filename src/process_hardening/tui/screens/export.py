"""Saving the view: JSON, text or a picture, readable by its owner alone."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from process_hardening.audit.render import json as audit_json
from process_hardening.audit.render import text as audit_text
from process_hardening.audit.result import Audit
from process_hardening.errors import CommandError
from process_hardening.files import create_file, replace_file
from process_hardening.terminal import printable
from process_hardening.tui.view import Row
from process_hardening.tui.widgets.keys import Keys

_MODE = 0o600
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture_of(app: App[Any]) -> str:
    """The screen as SVG, which loads nothing from anywhere."""
    return _FONTS.sub("", app.export_screenshot())


class ExportScreen(ModalScreen[None]):
    """Asks for a file and writes it; replaces one only when told a second time.

    audit -- what was seen; rows -- those that are shown; svg -- the picture of the screen
    now -- seconds since the epoch, for the suggested name
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, audit: Audit, rows: Sequence[Row], svg: str, now: float) -> None:
        super().__init__()
        shown = audit.replace(entries=tuple(row.entry for row in rows if not row.is_gone), gone=())
        self.formats: Mapping[str, Callable[[], str]] = {
            ".json": lambda: audit_json.render(audit_json.audit_as_dict(shown)),
            ".txt": lambda: audit_text.render_audit(shown),
            ".svg": lambda: svg,
        }
        self.suggested = time.strftime("processes-%Y%m%d-%H%M%S.json", time.localtime(now))
        self.warned_of = ""

    def compose(self) -> ComposeResult:
        """A line to type into, and one that says what is wrong with it."""
        with Vertical(classes="window"):
            yield Static("save what is shown to", classes="title")
            yield Input(self.suggested, compact=True, select_on_focus=False)
            yield Static(f"Enter saves it. {self._choice}", id="told", markup=False)
            yield Keys()

    @property
    def _choice(self) -> str:
        return "The end of the name decides: .json, .txt, or .svg for a picture of the screen."

    @on(Input.Submitted)
    def save(self, event: Input.Submitted) -> None:
        """Write the file, or say why not."""
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
                self.tell(f"{path} exists: Enter again replaces it.")
                return
        except CommandError as error:
            self.tell(f"Not saved: {error}")
            return
        self.app.notify(printable(os.path.abspath(path)), title="Saved", markup=False)
        self.dismiss()

    def tell(self, text: str) -> None:
        """Say something about the file."""
        self.query_one("#told", Static).update(printable(text))
