"""Selects and sorts the rows of the table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from process_hardening.tui.view import GroupView, Key, Row, View

_SortKey = Callable[[GroupView], tuple[int | float | str, ...]]

SORTS: dict[str, _SortKey] = {
    "risk": lambda _: (),
    "changed": lambda shown: (-shown.changed_at,),
    "program": lambda shown: (shown.label.casefold(),),
    "user": lambda shown: (shown.group.user,),
    "secrets": lambda shown: (-len(shown.group.secrets), shown.what),
}
"""The sort orders of the table, by name. Sorting by risk keeps the order of the audit."""

CHIPS = {
    "mine": ("mine", "only your own processes"),
    "secrets": ("with secrets", "only groups that hold secrets"),
    "changed": ("changed", "only groups that changed since the first update"),
    "ended": ("ended", "include processes that ended within the last minute"),
}
"""The switches in Selection: field, name and description."""


@dataclass(frozen=True)
class Selection:
    """Which rows the table shows, and in which order.

    text -- words that a group or one of its processes must contain
    mine -- only groups of the current user; secrets -- only groups that hold secrets
    changed -- only groups that changed since the first update
    ended -- include processes that ended within the last minute
    sort -- a key of SORTS; descending -- in reverse order
    """

    text: str = ""
    mine: bool = False
    secrets: bool = False
    changed: bool = False
    ended: bool = False
    sort: str = "risk"
    descending: bool = False

    def list_groups(self, view: View) -> list[GroupView]:
        """Return the selected groups, in order."""
        uid = view.audit.asked_by if view.audit else None
        chosen = [
            shown
            for shown in view.groups
            if (self.ended or not shown.has_ended)
            and (not self.mine or shown.group.uid in (uid, None))
            and (not self.secrets or shown.group.secrets)
            and (not self.changed or shown.changed_at)
        ]
        chosen.sort(key=SORTS[self.sort], reverse=self.descending)
        if self.descending and self.sort == "risk":
            chosen.reverse()  # all keys were equal, so sort() kept the order
        return chosen

    def list_rows(self, view: View, opened: Collection[Key]) -> tuple[Row, ...]:
        """Return the lines of the table. opened -- the groups whose processes are shown."""
        words = self.text.casefold().split()
        return tuple(
            row for shown in self.list_groups(view) for row in self._open(shown, words, opened)
        )

    def _open(self, shown: GroupView, words: list[str], opened: Collection[Key]) -> Iterator[Row]:
        """Return a group and its processes (if the group does not match: only those that do)."""
        members = [m for m in shown.members if self.ended or not m.has_ended]
        is_open = shown.key in opened
        if not all(word in shown.searchable for word in words):
            members = [
                member
                for member in members
                if all(word in shown.searchable or word in member.searchable for word in words)
            ]
            is_open = True
        if members:
            yield Row(shown, is_open=is_open)
            if is_open:
                yield from (Row(shown, member) for member in members)
