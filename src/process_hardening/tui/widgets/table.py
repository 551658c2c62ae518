"""The table of processes.

Only the lines that are on the screen are ever made: thousands of rows cost no more than some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from process_hardening.terminal import printable
from process_hardening.tui.view import Row
from process_hardening.tui.widgets.signs import CHANGES, VERDICTS

_DEEPEST = 12


@dataclass(frozen=True)
class Column:
    """One column. sort -- of view.SORTS; width -- in cells."""

    title: str
    sort: str
    width: int


def columns_for(width: int) -> tuple[Column, ...]:
    """The columns that fit."""
    user = 8 if width < 100 else 12
    left = width - sum((1, 7, user, 10)) - 4
    if left < 90:
        name = max(left * 2 // 5, 8)
        rest = [("name", "name", name), ("findings", "findings", max(left - name - 1, 0))]
    else:
        name = min(left // 4, 32)
        ids = min(left // 4, 36)
        rest = [
            ("name", "name", name),
            ("findings", "findings", ids),
            ("an attacker; a crash", "risk", left - name - ids - 2),
        ]
    first = [("", "change", 1), ("pid", "pid", 7), ("user", "user", user)]
    return tuple(Column(*each) for each in (*first, ("verdict", "verdict", 10), *rest))


class ProcessTable(ScrollView, can_focus=True):
    """Rows under a header, one of which is chosen. The choice stays with its process."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--cursor",
        "table--gone",
        *(f"table--{name}" for name in VERDICTS),
        *(f"table--{name.replace(' ', '-')}" for name in CHANGES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First", show=False),
        Binding("end,G", "move_to(-1)", "Last", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    class Chosen(Message):
        """Another row is chosen, or it is not the same any more; row -- None: there is none."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    class SortWanted(Message):
        """A title was clicked; sort -- of view.SORTS."""

        def __init__(self, sort: str) -> None:
            super().__init__()
            self.sort = sort

    class Opened(Message):
        """The chosen row was clicked."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- as textual has it
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self.sort = ""
        self._columns = columns_for(80)

    @property
    def chosen(self) -> Row | None:
        """The row that the cursor is on."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show_rows(self, rows: Sequence[Row], sort: str) -> None:
        """Show other rows; the cursor stays with its process, or at its place."""
        before = self.chosen
        self.rows = rows
        self.sort = sort
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        at = self.cursor
        if before is not None:
            at = next((i for i, row in enumerate(rows) if row.pid == before.pid), at)
        at = max(0, min(at, len(rows) - 1))
        moved = at != self.cursor
        self.cursor = at
        if not moved:
            self.post_message(self.Chosen(self.chosen))
        self.refresh()

    def watch_cursor(self) -> None:
        """Bring the cursor into view and tell what it is on."""
        self.scroll_to_region(
            Region(0, self.cursor, 1, 2), animate=False, force=True, immediate=True
        )
        self.post_message(self.Chosen(self.chosen))
        self.refresh()

    def action_move(self, lines: int) -> None:
        """Up or down."""
        self.cursor = max(0, min(self.cursor + lines, len(self.rows) - 1))

    def action_page(self, pages: int) -> None:
        """Up or down by what is on the screen."""
        self.action_move(pages * max(self.size.height - 2, 1))

    def action_move_to(self, line: int) -> None:
        """To a line; -1: the last."""
        self.cursor = max(0, line if line >= 0 else len(self.rows) - 1)

    def on_resize(self) -> None:
        """Fit the columns."""
        self._columns = columns_for(self.size.width)
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Choose a row; open it when it is chosen already; or sort by a title."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            start = 0
            for column in self._columns:
                start += column.width + 1
                if offset.x < start:
                    self.post_message(self.SortWanted(column.sort))
                    return
            return
        line = offset.y - 1 + self.scroll_offset.y
        if line >= len(self.rows):
            return
        if line == self.cursor:
            self.post_message(self.Opened())
        self.cursor = line

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, which stays, or a row."""
        width = self.size.width
        if y == 0:
            style = self.get_component_rich_style("table--header")
            cells = [set_cell_size(self._title(column), column.width) for column in self._columns]
            return Strip([Segment(" ".join(cells), style)]).adjust_cell_length(width, style)
        line = y - 1 + self.scroll_offset.y
        if line >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._line(self.rows[line], line == self.cursor).adjust_cell_length(
            width, self.rich_style
        )

    def _title(self, column: Column) -> str:
        return f"{column.title}▾" if column.sort == self.sort and column.title else column.title

    def _line(self, row: Row, is_chosen: bool) -> Strip:
        base = self.rich_style
        if row.is_gone:
            base += self.get_component_rich_style("table--gone", partial=True)
        verdict_style = base + self.get_component_rich_style(f"table--{row.verdict}", partial=True)
        change, change_style = " ", base
        if row.mark:
            change = CHANGES[row.mark.change][0]
            name = f"table--{row.mark.change.replace(' ', '-')}"
            change_style = base + self.get_component_rich_style(name, partial=True)
        named = "  " * min(row.depth, _DEEPEST) + row.name
        texts: list[tuple[str, Style]] = [
            (change, change_style),
            (f"{row.pid:>7}", base),
            (row.user, base),
            (f"{VERDICTS[row.verdict][0]} {row.verdict}", verdict_style),
            (named, base),
            (row.ids or "-", base),
            (printable(row.entry.outcome), base),
        ]
        cursor = self.get_component_rich_style("table--cursor", partial=True)
        segments = []
        for column, (text, style) in zip(self._columns, texts, strict=False):
            if is_chosen:
                style = cursor if self.has_focus else style + Style(bold=True)
            segments.append(Segment(_cut(text, column.width) + " ", style))
        return Strip(segments)


def _cut(text: str, width: int) -> str:
    """Text in so many cells; an ellipsis where some of it is left out."""
    fitted = set_cell_size(text, width)
    if width > 1 and len(text.rstrip()) > len(fitted.rstrip()):
        return set_cell_size(set_cell_size(text, width - 1) + "…", width)
    return fitted
