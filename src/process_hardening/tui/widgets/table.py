"""The table of groups and their processes.

Only the lines on the screen are rendered, so thousands of rows cost no more than a few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from process_hardening.audit.reasons import REASONS
from process_hardening.terminal import end_direction, printable
from process_hardening.tui.view import Row
from process_hardening.tui.widgets.signs import BAR_CELLS, CHANGES, RISKS

_SIGNS = 4
"""The cells before the program: a margin, the sign of a change, the arrow, and a blank."""

_RISK = BAR_CELLS + 9


@dataclass(frozen=True)
class Column:
    """A column. name -- also its key in SORTS, if it has one; width -- in cells."""

    name: str
    title: str
    width: int


def columns_for(width: int) -> tuple[Column, ...]:
    """Return the columns that fit."""
    user = 7 if width < 100 else 12
    left = width - _SIGNS - user - _RISK - 4
    program = min(max(left * 2 // 5, 8), 36)
    left -= program
    columns = [
        Column("changed", "", _SIGNS - 1),
        Column("program", "PROGRAM", program),
        Column("user", "USER", user),
        Column("risk", "RISK", _RISK),
    ]
    if left < 70:
        return (*columns, Column("secrets", "SECRETS, OR WHY", left))
    secrets = min(max(left - 62, 30), 48)
    return (
        *columns,
        Column("secrets", "SECRETS", secrets),
        Column("reason", "WHY", left - secrets - 1),
    )


class GroupTable(ScrollView, can_focus=True):
    """Rows under a header. One row is selected, and stays selected when rows move.

    is_held -- whether the user has selected a row; until then the first one is selected
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--cursor",
        "table--muted",
        "table--ended",
        *(risk.name for risk in RISKS.values()),
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
        """The selected row changed. row -- the new row; None: the table is empty."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    class SortWanted(Message):
        """A title was clicked; sort -- a key of SORTS."""

        def __init__(self, sort: str) -> None:
            super().__init__()
            self.sort = sort

    class OpenWanted(Message):
        """The arrow before the selected group was clicked."""

    class MoreWanted(Message):
        """The selected row was clicked."""

    def __init__(self) -> None:
        super().__init__(id="groups")
        self.rows: Sequence[Row] = ()
        self.is_held = False
        self.now = 0.0
        self.sort = ""
        self.descending = False
        self._columns = columns_for(80)
        self._looks: dict[str, Style] = {}

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show_rows(self, rows: Sequence[Row], now: float, sort: str, descending: bool) -> None:
        """Show new rows. The cursor stays on its group or process; if that is gone, see _find().

        now -- the time of the update
        sort, descending -- the sort order, which an arrow in the header shows
        """
        at = _find(rows, self.chosen, self.cursor) if self.is_held else 0
        self.rows, self.now, self.sort, self.descending = rows, now, sort, descending
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        moved = at != self.cursor
        self.cursor = at
        if not moved:
            self.post_message(self.Chosen(self.chosen))
        self.refresh()

    def watch_cursor(self) -> None:
        """Scroll to the cursor and report its row."""
        self.scroll_to_region(
            Region(0, self.cursor, 1, 2), animate=False, force=True, immediate=True
        )
        self.post_message(self.Chosen(self.chosen))
        self.refresh()

    def action_move(self, lines: int) -> None:
        """Move up or down."""
        self.is_held = True
        self.cursor = max(0, min(self.cursor + lines, len(self.rows) - 1))

    def action_page(self, pages: int) -> None:
        """Move up or down by a page."""
        self.action_move(pages * max(self.size.height - 2, 1))

    def action_move_to(self, line: int) -> None:
        """Move to a line; -1: the last."""
        self.is_held = True
        self.cursor = max(0, line if line >= 0 else len(self.rows) - 1)

    def on_resize(self) -> None:
        """Fit the columns, and keep the cursor in view."""
        self._columns = columns_for(self.size.width)
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self.watch_cursor()

    def on_click(self, event: events.Click) -> None:
        """Select the clicked row.

        A click on the arrow also opens the row's group, and a second click shows details.
        """
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._sort_by_title(offset.x)
            return
        line = offset.y - 1 + self.scroll_offset.y
        if line >= len(self.rows):
            return
        was_chosen = line == self.cursor
        self.is_held = True
        self.cursor = line
        if offset.x < _SIGNS:
            self.post_message(self.OpenWanted())
        elif was_chosen:
            self.post_message(self.MoreWanted())

    def _sort_by_title(self, x: int) -> None:
        start = 0
        for column in self._columns:
            start += column.width + 1
            if x < start:
                if column.name != "reason":
                    self.post_message(self.SortWanted(column.name))
                return

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen: the header, which does not scroll, or a row."""
        width = self.size.width
        if y == 0:
            style = self._look("header")
            text = " ".join(fit(self._title(column), column.width) for column in self._columns)
            return Strip([Segment(text, style)]).adjust_cell_length(width, style)
        line = y - 1 + self.scroll_offset.y
        if line >= len(self.rows):
            return Strip.blank(width, self._look())
        is_chosen = line == self.cursor
        strip = Strip(list(self._segments(self.rows[line], is_chosen)))
        style = self._look("cursor") if is_chosen else self._look()
        return strip.adjust_cell_length(width, style)

    def _title(self, column: Column) -> str:
        if column.name != self.sort:
            return column.title
        return f"{column.title} {'▴' if self.descending else '▾'}"

    def notify_style_update(self) -> None:
        """Recompute the colours."""
        super().notify_style_update()
        self._looks.clear()

    def on_focus(self) -> None:
        """Draw the selected row in the style of the cursor."""
        self._looks.clear()

    def on_blur(self) -> None:
        """Draw the selected row in bold."""
        self._looks.clear()

    def _look(self, name: str = "") -> Style:
        """Return the cached style of a component: computing it takes longer than drawing a row."""
        style = self._looks.get(name)
        if style is None:
            if name == "cursor" and not self.has_focus:
                style = self.rich_style + Style(bold=True)
            elif name:
                style = self.get_component_rich_style(f"table--{name}", partial=name == "cursor")
            else:
                style = self.rich_style
            self._looks[name] = style
        return style

    def _segments(self, row: Row, is_chosen: bool) -> Iterator[Segment]:
        """Return the cells of a row, each followed by a blank."""
        base = self._look("ended") if row.has_ended else self._look()
        muted = self._look("muted")
        group = row.of.group
        risk = RISKS[group.severity]
        risk_style = self._look(risk.word)
        cells = self._cells(row)
        styles = {
            "changed": self._change_style(row) or base,
            "program": muted if row.member and not row.has_ended else base,
            "user": base,
            "risk": risk_style,
            "secrets": base if group.is_leak and not row.member else muted,
            "reason": muted,
        }
        if row.has_ended:
            styles = dict.fromkeys(styles, base)
        cursor = self._look("cursor")
        for column in self._columns:
            width = column.width
            if row.member and column.name == "secrets":
                width = self.size.width  # the command line extends to the end of the line
            style = cursor if is_chosen else styles[column.name]
            yield Segment(fit(cells[column.name], width), style)
            yield Segment(" ", cursor if is_chosen else self._look())
            if width > column.width:
                return

    def _cells(self, row: Row) -> dict[str, str]:
        """Return the text of each column."""
        group, risk = row.of.group, RISKS[row.of.group.severity]
        has_reason = self._columns[-1].name == "reason"
        mark = self._mark_of(row)
        sign = CHANGES[mark][0] if mark else " "
        if row.member:
            cells = dict.fromkeys(("user", "risk", "reason"), "")
            pid = f"  {row.member.pid:<7} {row.member.name}"
            return {**cells, "changed": f" {sign}", "program": pid, "secrets": row.member.line}
        arrow = "▾" if row.is_open else "▸"
        return {
            "changed": f" {sign}{arrow}",
            "program": row.of.label,
            "user": printable(group.user),
            "risk": f"{risk.bar:<{BAR_CELLS}} {risk.word}",
            "secrets": "-" if has_reason and not group.secrets else row.of.what,
            "reason": REASONS[group.reason],
        }

    def _mark_of(self, row: Row) -> str | None:
        """Return the last change of a row, while the table still marks it."""
        mark = row.of.mark_at(self.now) if row.member is None else row.member.mark
        return mark.change if mark and mark.is_fresh(self.now) else None

    def _change_style(self, row: Row) -> Style | None:
        mark = self._mark_of(row)
        return self._look(mark.replace(" ", "-")) if mark else None


def _find(rows: Sequence[Row], before: Row | None, at: int) -> int:
    """Return the current index of a row.

    If the row is gone, return the index of its group or program, or else the row's old index.
    """
    if before is not None:
        wanted = before.key
        (group, _), program = wanted, before.of.key[:2]
        places: dict[int, int] = {}
        for i, row in enumerate(rows):
            if row.key == wanted:
                return i
            if row.of.key == group:
                places.setdefault(0, i)
            elif row.of.key[:2] == program:
                places.setdefault(1, i)
        if places:
            return places[min(places)]
    return max(0, min(at, len(rows) - 1))


def fit(text: str, cells: int) -> str:
    """Return printable text in this many cells, with an ellipsis if it was shortened."""
    if cell_len(text) > cells:
        text = set_cell_size(text, cells - 1).rstrip() + "…" if cells > 1 else ""
    return end_direction(text) + " " * (cells - cell_len(text))
