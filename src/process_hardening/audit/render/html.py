"""Renders one or more audits as a self-contained page: sortable, printable and offline."""

from __future__ import annotations

from html import escape

from process_hardening.audit.groups import measure
from process_hardening.audit.reasons import READERS, REASONS
from process_hardening.audit.render.headline import summarise_hosts
from process_hardening.audit.render.screen import describe_secrets
from process_hardening.audit.rules.model import rank
from process_hardening.audit.saved import merge
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from process_hardening.audit.groups import Group
    from process_hardening.audit.saved import Change, Comparison, History, Saved

    _Cell = tuple[str, str, str]  # HTML, the class, and what to sort by

_MOST_COMMANDS = 5

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffca6b; --good: #7bdc9f } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  overflow-wrap: break-word }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top }
th { vertical-align: bottom } td { overflow-wrap: anywhere; min-width: 5rem; max-width: 16rem }
td.short { white-space: nowrap; min-width: 0 } td.secret { min-width: 10rem }
td.wide { min-width: 18rem; max-width: none }
th button { all: unset; cursor: pointer; font-weight: 600 }
th button:focus-visible { outline: 2px solid }
th[aria-sort=ascending] button::after { content: " \\2191" }
th[aria-sort=descending] button::after { content: " \\2193" }
td.number, th.number { text-align: right; min-width: 0 }
code { font-size: .9em; white-space: pre-wrap; overflow-wrap: anywhere }
.high, .worse { color: var(--bad); font-weight: 600 } .medium { color: var(--warn) }
.good, .better { color: var(--good) } .quiet { opacity: .75 }
@media screen and (max-width: 66rem) {
  table, thead, tbody, tr, td { display: block }
  thead tr { display: flex; flex-wrap: wrap; gap: .3rem 1rem }
  thead:has(+ tbody > :only-child) { display: none }
  thead tr::before { content: "Sort by" } th { border: 0; padding: 0 }
  tbody tr { border-bottom: 1px solid var(--line); padding: .5rem 0 }
  td, td.wide, td.secret { border: 0; display: flex; gap: .6rem; max-width: none; min-width: 0;
    padding: .1rem 0 }
  td::before { content: attr(data-label); flex: 0 0 35%; font-weight: 600; opacity: .75 }
  td > * { min-width: 0 } td:empty { display: none } td.number { text-align: left }
}
@media print {
  body { margin: 0; max-width: none; font-size: 10px; padding: 0 } h1 { font-size: 1.4em }
  th, td, td.secret { padding: .15rem .4rem; min-width: 2.5rem } tr { break-inside: avoid }
  h2 { break-after: avoid; font-size: 1.2em; margin-top: 1.2rem }
  td.wide { min-width: 16rem }
}
"""

# Numbers sort as numbers, everything else as text; a second click reverses the order.
_SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.onclick = () => {
  const cell = button.parentNode, body = cell.closest("table").tBodies[0];
  const down = cell.getAttribute("aria-sort") === "ascending";
  for (const other of cell.parentNode.cells) other.removeAttribute("aria-sort");
  cell.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.cells[cell.cellIndex].dataset.key ?? row.cells[cell.cellIndex].innerText;
  const order = (a, b) => key(a).localeCompare(key(b), undefined, {numeric: true});
  body.append(...[...body.rows].sort((a, b) => down ? order(b, a) : order(a, b)));
};
"""


def render(audits: Iterable[Saved]) -> str:
    """Render the audits of one or more hosts: those that cover the most, and what changed.

    audits -- at least one
    """
    return _render_page(merge(audits))


def render_audit(audit: Saved, comparison: Comparison | None = None) -> str:
    """Render one audit, and what changed since an earlier one."""
    (host,) = merge([audit])
    return _render_page([host.replace(comparison=comparison)])


def _render_page(hosts: Sequence[History]) -> str:
    newest = [(host.name, host.newest) for host in hosts]
    title = summarise_hosts(newest)
    body = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="quiet">{_text(_describe_sources(hosts))}</p>',
        *_render_hosts(newest),
        *_render_changes(hosts),
        *_render_groups(newest, leaks=True),
        *_render_groups(newest, leaks=False),
        *_render_notes(hosts),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n"
        + "\n".join(body)
        + f"\n<script>{_SCRIPT}</script>\n</html>"
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _describe_sources(hosts: Sequence[History]) -> str:
    if len(hosts) > 1:
        taken = sorted(host.newest.taken for host in hosts)
        until = f" to {taken[-1]}" if taken[-1] != taken[0] else ""
        return (
            f"Audits of {taken[0]}{until}. The page shows the newest audit of each host that covers"
            " the most."
        )
    audit = hosts[0].newest
    return f"Linux {audit.kernel}. Audit of {audit.taken}: {audit.describe_coverage()}."


_COLUMNS_OF_CHANGES = {
    "host": "name",
    "since": "short",
    "change": "short",
    "user": "name",
    "program": "name",
    "secret": "secret",
    "open to": "name",
}
_COLUMNS_OF_GROUPS = {
    "severity": "short",
    "user": "name",
    "program": "name",
    "processes": "number",
    "secrets": "secret",
    "what to do": "wide",
}


class _Table:
    """A table of which every column sorts.

    columns -- their names, and the class of the cells of each
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.rows: list[str] = []

    def add(self, *cells: _Cell) -> None:
        """Add a row, with a cell for each column."""
        self.rows.append(f"<tr>{''.join(map(self._render_cell, self.columns, cells))}</tr>")

    def _render_cell(self, name: str, cell: _Cell) -> str:
        html, style, key = cell
        attributes = f' class="{f"{self.columns[name]} {style}".strip()}"'
        attributes += f' data-key="{key}"' if key else ""
        content = f"<span>{html}</span>" if html else ""
        return f'<td{attributes} data-label="{_text(name)}">{content}</td>'

    def render(self) -> list[str]:
        """Return its lines."""
        heads = "".join(
            f'<th scope="col" class="{kind}"><button>{_text(name)}</button></th>'
            for name, kind in self.columns.items()
        )
        head = f"<thead><tr>{heads}</tr></thead>"
        return ["<table>", head, "<tbody>", *self.rows, "</tbody></table>"]


def _cell(text: object, style: str = "", key: str = "") -> _Cell:
    return _text(str(text)), style, key


def _secret_cell(text: str) -> _Cell:
    """Return a cell whose names wrap after an underscore."""
    return _text(text).replace("_", "_<wbr>"), "", ""


def _render_hosts(newest: Sequence[tuple[str, Saved]]) -> list[str]:
    numbers = [*(f"open to {words}" for words in READERS.values())]
    numbers += ["can be read", "hardened", "processes"]
    is_one = len(newest) == 1
    columns = {} if is_one else {"host": "name", "audited": "short", "covers": "name"}
    table = _Table({**columns, **dict.fromkeys(numbers, "number")})
    for name, audit in newest:
        facts = measure(audit.groups)
        values = [getattr(facts, reader) for reader in READERS]
        values += [facts.readable, facts.hardened, facts.processes]
        about = [name, audit.taken, audit.describe_coverage()] if not is_one else []
        table.add(*map(_cell, [*about, *values]))
    title = "Secrets and processes" + ("" if is_one else " of each host")
    return [f"<h2>{title}</h2>", *table.render()]


def _render_changes(hosts: Sequence[History]) -> list[str]:
    """Render what changed between the first and last audit of each host that has at least two."""
    compared = [(host.name, host.comparison) for host in hosts if host.comparison]
    if not compared:
        return []
    table = _Table(_COLUMNS_OF_CHANGES)
    for name, found in compared:
        start = _cell(name), _cell(found.taken)
        for word, changes in (("worse", found.worse), ("better", found.better)):
            for change in changes:
                table.add(*start, _cell(word, word), *_cells_of_change(change))
        if not (found.worse or found.better):
            table.add(*start, _cell("the same"), *[_cell("")] * 4)
    return ["<h2>What changed</h2>", *table.render()]


def _cells_of_change(change: Change) -> list[_Cell]:
    readers = ", ".join(READERS[reader] for reader in change.open_to)
    about = _cell(change.user), _cell(change.program)
    return [*about, _secret_cell(change.secret), _cell(readers)]


def _render_groups(newest: Sequence[tuple[str, Saved]], *, leaks: bool) -> list[str]:
    pairs = [(name, group) for name, a in newest for group in a.groups if group.is_leak == leaks]
    if not pairs:
        return []
    pairs.sort(key=lambda pair: rank(pair[1].severity) if pair[1].severity else -1, reverse=True)
    is_one = len(newest) == 1
    table = _Table({**({} if is_one else {"host": "name"}), **_COLUMNS_OF_GROUPS})
    for name, group in pairs:
        table.add(*([] if is_one else [_cell(name)]), *_cells_of_group(group))
    title = "What to fix first" if leaks else "All other programs"
    return [f"<h2>{title}</h2>", *table.render()]


def _cells_of_group(group: Group) -> list[_Cell]:
    severity = group.severity
    why = REASONS[group.reason]
    shown = group.commands[:_MOST_COMMANDS]
    left = len(group.commands) - len(shown)
    commands = [f"<br><code>{_text(command)}</code>" for command in shown]
    commands += [f"<br>and {left} other command lines"] if left else []
    return [
        _cell(severity or "fine", severity or "good", str(rank(severity) + 1 if severity else 0)),
        _cell(group.user),
        _cell(group.program),
        _cell(len(group.pids)),
        _secret_cell(describe_secrets(group) if group.secrets else ""),
        (f"{_text(why[0].upper() + why[1:])}. {_text(group.fix)}{''.join(commands)}", "", ""),
    ]


def _render_notes(hosts: Sequence[History]) -> list[str]:
    notes = [f"{host.name}: not seen: {note}" for host in hosts for note in host.newest.notes]
    notes += [
        f"{host.name}: the audit of {audit.taken} is left out, because it covers"
        f" {audit.describe_coverage()}"
        for host in hosts
        for audit in host.left_out
    ]
    notes += [
        f"{host.name}: not every audit names its machine; another host with that name may be among"
        " them"
        for host in hosts
        if not host.is_identified
    ]
    items = [f"<li>{_text(note)}</li>" for note in notes]
    return ["<h2>Notes</h2>", "<ul>", *items, "</ul>"] if items else []
