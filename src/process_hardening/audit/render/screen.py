"""Renders the first screen of an audit: who can read which secrets, and what to do next."""

from __future__ import annotations

from collections import Counter

from process_hardening.audit.groups import Group, measure
from process_hardening.audit.reasons import (
    HARDENED,
    IN_ARGUMENTS,
    PARTIAL,
    READABLE,
    READABLE_BY_ROOT,
    READERS,
    REASONS,
    UNKNOWN,
)
from process_hardening.audit.render.headline import count, describe_status, render_headline
from process_hardening.audit.rules.model import HIGH
from process_hardening.table import table
from process_hardening.terminal import count_cells, fold, pad, printable, shorten

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_hardening.audit.result import Audit
    from process_hardening.audit.saved import Change, Comparison

LINES = 23
"""A terminal of 24 lines, minus one for the next prompt."""

WIDTH = 80

_RED, _YELLOW, _GREEN, _RESET = "\x1b[1;31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_INDENT = "    "
_MOST_LINES_OF_A_COMMAND = 2
_MOST_NOTES = 2
_WIDEST_PROGRAM = 34
_NARROWEST = 30
_NARROWEST_SECRETS = 12


def label_of(group: Group) -> str:
    """Return the program, and how many processes run it."""
    number = len(group.pids)
    return printable(group.program) + (f" x{number}" if number > 1 else "")


def describe_secrets(group: Group) -> str:
    """Return the names of the secrets, or what is wrong if none was found."""
    names = [
        f"{secret.name} in arguments" if secret.where == IN_ARGUMENTS else secret.name
        for secret in group.secrets
    ]
    return printable(", ".join(names)) or REASONS[group.reason]


def render_screen(
    audit: Audit, width: int | None = None, coloured: bool = False, fail_on: str | None = None
) -> str:
    """Render the summary, the leaking groups with their commands, the rest, and the next steps.

    width -- of a line, in cells, at least _NARROWEST. A command to copy is never cut or wrapped, so
        the terminal may wrap it.
    fail_on -- the lowest severity that makes the exit status 1; None: none does

    It fits into LINES lines of WIDTH cells.
    """
    screen = _Screen(audit, width or WIDTH, coloured, fail_on)
    return "\n".join(screen.render())


class _Screen:
    def __init__(self, audit: Audit, width: int, coloured: bool, fail_on: str | None) -> None:
        self.audit = audit
        self.fail_on = fail_on
        self.width = max(width, _NARROWEST)
        self.coloured = coloured
        self.leaks = [group for group in audit.groups if group.is_leak]
        self.rest = [group for group in audit.groups if not group.is_leak]
        self.shown_fixes: set[str] = set()

    def render(self) -> list[str]:
        head = fold(render_headline(self.audit), self.width)
        facts = describe_exposure(self.audit)
        head += fold(facts, self.width) if facts else []
        foot = [*self._rest_lines(), *self._note_lines()]
        foot += ["", *self._next_lines()]
        status = describe_status(self.audit, self.fail_on) if self.fail_on else ""
        foot += fold(status, self.width) if status else []
        used = sum(map(self._height, [*head, *foot]))
        leaks = self._leak_lines(LINES - used - 2) if self.leaks else []
        return [*head, *(["", *leaks] if leaks else []), "", *foot]

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self.coloured else text

    # Groups that leak

    def _leak_lines(self, room: int) -> list[str]:
        """Render as many groups as fit, then the number of the remaining groups."""
        are_own = {group.uid for group in self.leaks} == {self.audit.asked_by}
        widest = self.width - _NARROWEST_SECRETS - 4
        labels = []
        for group in self.leaks:
            user = "" if are_own else shorten(f" ({printable(group.user)})", widest // 2)
            program = shorten(label_of(group), min(_WIDEST_PROGRAM, widest - count_cells(user)))
            labels.append(program + user)
        cells = max(map(count_cells, labels))
        lines: list[str] = []
        for position, group in enumerate(self.leaks):
            block = self._render_leak(group, labels[position], cells)
            is_last = position == len(self.leaks) - 1
            used = sum(self._height(line) for line in [*lines, *block])
            if lines and used > room - (not is_last):
                left = count(len(self.leaks) - position, "more group")
                more = f"and {left}: process-hardening audit --long"
                lines += fold(more, self.width, "  ", _INDENT)
                break
            lines += block
        return lines

    def _render_leak(self, group: Group, label: str, cells: int) -> list[str]:
        colour = _RED if group.severity == HIGH else _YELLOW
        start = self._paint(colour, f"! {pad(label, cells)}")
        room = self.width - cells - 4
        lines = [f"{start}  {shorten(describe_secrets(group), room)}", *self._render_fix(group)]
        number = len(group.commands)
        if number > 1:
            more = f"(1 of {number} command lines: process-hardening audit --long)"
            lines += fold(more, self.width, _INDENT)
        return lines

    def _render_fix(self, group: Group) -> list[str]:
        command = printable(group.command)
        if not command:
            words = group.fix if group.fix not in self.shown_fixes else "The same."
            self.shown_fixes.add(group.fix)
            return fold(words, self.width, _INDENT)
        if self._height(_INDENT + command) <= _MOST_LINES_OF_A_COMMAND:
            return [_INDENT + command]
        elsewhere = f"(a long command: process-hardening audit --long {group.pids[0]})"
        return fold(elsewhere, self.width, _INDENT)

    def _height(self, line: str) -> int:
        """Return how many terminal lines a line occupies."""
        cells = count_cells(line) - (len(_RED + _RESET) if _RESET in line else 0)
        return max(1, -(-cells // self.width))

    # The rest

    def _rest_lines(self) -> list[str]:
        asked_by = self.audit.asked_by
        own = [g for g in self.rest if not asked_by or g.uid in (asked_by, None)]
        others = [g for g in self.rest if asked_by and g.uid not in (asked_by, None)]
        overwritten = [g for g in own if not g.is_environment_known]
        known = [g for g in own if g.is_environment_known]
        more = "more " if self.leaks else ""
        rows = [
            (f"{more}can be read, no secret found", _with(known, READABLE), ""),
            (f"{more}can be read, environment not known", _with(overwritten, READABLE), ""),
            (
                f"{more}owned by root can be read by root in containers",
                _with(own, READABLE_BY_ROOT),
                "",
            ),
            ("are partly hardened", _with(own, PARTIAL), ""),
            ("cannot be judged from here", _with(own, UNKNOWN), ""),
            ("are hardened", _with(own, HARDENED), _GREEN),
        ]
        lines = [self._rest_line(words, groups, colour) for words, groups, colour in rows if groups]
        if others:
            users = Counter({g.user: 0 for g in others})
            for group in others:
                users[group.user] += len(group.pids)
            names = ", ".join(_with_count(user, number) for user, number in users.most_common())
            number = sum(users.values())
            line = f"{number:4} of other users, whose secrets only root can see: {printable(names)}"
            lines.append(shorten(line, self.width))
        return lines

    def _rest_line(self, words: str, groups: Sequence[Group], colour: str) -> str:
        programs: Counter[str] = Counter()
        if sum(len(group.pids) for group in groups) == 1:
            words = f"is {words.removeprefix('are ')}" if words.startswith("are ") else words
        for group in groups:
            programs[group.program] += len(group.pids)
        names = ", ".join(_with_count(name, number) for name, number in programs.most_common())
        line = f"{sum(programs.values()):4} {words}: {printable(names)}"
        line = shorten(line, self.width)
        return self._paint(colour, line) if colour else line

    def _note_lines(self) -> list[str]:
        notes = self.audit.notes
        lines = [shorten(f"Not seen: {printable(note)}", self.width * 2) for note in notes]
        left = len(lines) - _MOST_NOTES
        if left > 0:
            lines[_MOST_NOTES:] = [f"  and {left} more: process-hardening audit --long"]
        return [line for long in lines for line in fold(long, self.width)]

    def _next_lines(self) -> list[str]:
        rows = []
        if self.leaks:
            first = self.leaks[0]
            rows.append((f"verify --pid {first.pids[0]}", "attack the first and see what leaks"))
            if first.finding:
                rows.append((f"explain {first.finding}", "why it matters"))
        elif self.audit.known and self.audit.entries:
            (_, worst), *_ = self.audit.findings()
            rows.append((f"explain {worst.id}", "what the new finding means"))
        rows.append(("audit --long", "one row per process"))
        rows.append(("audit --json > FILE", "save it; later: --compare FILE"))
        rows.append(("audit --name NAME --fail-on low", "fails unless protected"))
        commands = [f"process-hardening {command}" for command, _ in rows]
        cells = max(map(len, commands[:-1]))  # the last command is too long to align
        lines: list[str] = []
        for command, (_, words) in zip(commands, rows, strict=True):
            start = f"{'' if lines else 'Next:':6}{command}"
            line = f"{start:{cells + 6}}  {words}"
            lines.append(line if count_cells(line) <= self.width else start)
        return lines


def _with(groups: Iterable[Group], reason: str) -> list[Group]:
    return [group for group in groups if group.reason == reason]


def _with_count(name: str, number: int) -> str:
    return f"{name} x{number}" if number > 1 else name


def describe_exposure(audit: Audit) -> str:
    """Return a sentence with the number of secrets that are open to each reader; '' if none is."""
    facts = measure(audit.groups)
    counts = {reader: getattr(facts, reader) for reader in READERS}
    opened = [f"{number} to {READERS[key]}" for key, number in counts.items() if number]
    return f"Secrets open: {', '.join(opened)}." if opened else ""


def render_comparison(
    comparison: Comparison, width: int | None = None, coloured: bool = False
) -> str:
    """Render what got worse or better since an earlier audit, then the numbers that changed."""
    worse, better = len(comparison.worse), len(comparison.better)
    lines = [f"Since {printable(comparison.taken)}: {worse} worse, {better} better."]
    rows = [("worse", change) for change in comparison.worse]
    rows += [("better", change) for change in comparison.better]
    if rows:
        colours = {"worse": _RED, "better": _GREEN} if coloured else {}
        cells = [[word, _name_of(change), _describe_change(word, change)] for word, change in rows]
        lines += ["", *table(["change", "program", "secret"], cells, width, colours).split("\n")]
    facts = [
        f"  {words}: {old} -> {new}" for words, old, new in _list_facts(comparison) if old != new
    ]
    return "\n".join([*lines, "", *facts] if facts else lines)


def _name_of(change: Change) -> str:
    return f"{change.program} ({change.user})"


def _describe_change(word: str, change: Change) -> str:
    secret = change.secret
    readers = ", ".join(READERS[reader] for reader in change.open_to)
    if word == "worse":
        return f"{secret} is open to {readers}" if readers else secret
    if change.is_gone:
        return f"{secret}: the program no longer runs"
    return f"{secret} is closed to {readers}" if readers else f"{secret}: no longer"


def _list_facts(comparison: Comparison) -> list[tuple[str, int, int]]:
    names = {key: f"secrets open to {words}" for key, words in READERS.items()}
    names |= {"readable": "processes that can be read", "hardened": "hardened processes"}
    before, after = comparison.before, comparison.after
    return [(words, getattr(before, key), getattr(after, key)) for key, words in names.items()]
