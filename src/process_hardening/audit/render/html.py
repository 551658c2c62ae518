"""Renders one or more audits as a self-contained page: sortable, printable and offline."""

from __future__ import annotations

from html import escape

from process_hardening.audit.groups import measure
from process_hardening.audit.reasons import READERS, REASONS
from process_hardening.audit.render.screen import describe_secrets
from process_hardening.audit.rules.model import rank
from process_hardening.audit.saved import merge
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_hardening.audit.groups import Group
    from process_hardening.audit.saved import Change, History, Saved

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --warn: #8a5a00; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffca6b; --good: #7bdc9f } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word }
td.name { white-space: nowrap } th { vertical-align: bottom }
th button { all: unset; cursor: pointer; font-weight: 600 }
th button:focus-visible { outline: 2px solid }
th[aria-sort=ascending] button::after { content: " \\2191" }
th[aria-sort=descending] button::after { content: " \\2193" }
td.number, th.number { text-align: right } code { font-size: .9em; white-space: pre-wrap }
.high, .worse { color: var(--bad); font-weight: 600 } .medium { color: var(--warn) }
.good, .better { color: var(--good) } .quiet { opacity: .75 }
@media print { body { margin: 0; max-width: none; font-size: 11px } }
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


def render(audits: Sequence[Saved]) -> str:
    """Render the audits of one or more hosts: the newest of each host, and what changed.

    audits -- at least one
    """
    hosts = merge(audits)
    newest = [host.newest for host in hosts]
    title = _headline(newest)
    body = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="quiet">{_text(_describe_sources(newest))}</p>',
        *_render_hosts(newest),
        *_render_changes(hosts),
        *_render_groups(newest, leaks=True),
        *_render_groups(newest, leaks=False),
        *_render_notes(newest),
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


def _headline(newest: Sequence[Saved]) -> str:
    leaks = {(a.host, g.user, g.program) for a in newest for g in a.groups if g.is_leak}
    where = newest[0].host if len(newest) == 1 else f"{len(newest)} hosts"
    if not leaks:
        return f"No known secret is readable on {where}"
    one = len(leaks) == 1
    return (
        f"{len(leaks)} program{'' if one else 's'} {'has' if one else 'have'}"
        f" secrets that others can read on {where}"
    )


def _describe_sources(newest: Sequence[Saved]) -> str:
    if len(newest) > 1:
        taken = sorted(audit.taken for audit in newest)
        until = f" to {taken[-1]}" if taken[-1] != taken[0] else ""
        return f"Audits of {taken[0]}{until}. The page shows the newest of each host."
    (audit,) = newest
    scope = f", only {' '.join(audit.scope)}" if audit.scope else ""
    return f"Linux {audit.kernel}. Audit of {audit.taken} by uid {audit.asked_by}{scope}."


def _table(header: Iterable[str], rows: Iterable[str], numbers: Iterable[str] = ()) -> list[str]:
    heads = "".join(
        f'<th scope="col"{_number_class(name in numbers)}><button>{_text(name)}</button></th>'
        for name in header
    )
    return ["<table>", f"<thead><tr>{heads}</tr></thead>", "<tbody>", *rows, "</tbody></table>"]


def _number_class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, style: str = "", key: str = "") -> str:
    attributes = f' class="{style}"' if style else ""
    attributes += f' data-key="{key}"' if key else ""
    return f"<td{attributes}>{_text(text)}</td>"


def _number(value: int) -> str:
    return f'<td class="number">{value}</td>'


def _render_hosts(newest: Sequence[Saved]) -> list[str]:
    header = ["host", "audited", *(f"open to {words}" for words in READERS.values())]
    header += ["can be read", "hardened", "processes"]
    rows = []
    for audit in newest:
        facts = measure(audit.groups)
        numbers = [getattr(facts, reader) for reader in READERS]
        numbers += [facts.readable, facts.hardened, facts.processes]
        rows.append(
            _row(_cell(audit.host, "name"), _cell(audit.taken, "name"), *map(_number, numbers))
        )
    return [
        "<h2>Secrets and processes of each host</h2>",
        *_table(header, rows, numbers=header[2:]),
    ]


def _render_changes(hosts: Iterable[History]) -> list[str]:
    """Render what changed between the first and last audit of each host that has at least two."""
    rows, incomparable = [], []
    for host in hosts:
        comparison = host.comparison
        if comparison is None:
            if not host.is_comparable:
                incomparable.append(host.newest.host)
            continue
        since = f"{host.newest.host}, since {comparison.taken}"
        rows += [_render_change(since, "worse", change) for change in comparison.worse]
        rows += [_render_change(since, "better", change) for change in comparison.better]
        if not (comparison.worse or comparison.better):
            rows.append(_row(_cell(since), _cell("the same"), *[_cell("")] * 4))
    lines = []
    if rows:
        header = ["host", "change", "user", "program", "secret", "open to"]
        lines += ["<h2>What changed</h2>", *_table(header, rows)]
    if incomparable:
        names = _text(", ".join(incomparable))
        lines.append(f"<p>Not compared, because their audits used different options: {names}.</p>")
    return lines


def _render_change(since: str, word: str, change: Change) -> str:
    return _row(
        _cell(since, "name"),
        _cell(word, word),
        _cell(change.user),
        _cell(change.program),
        _cell(change.secret),
        _cell(", ".join(READERS[reader] for reader in change.open_to)),
    )


def _render_groups(newest: Sequence[Saved], *, leaks: bool) -> list[str]:
    pairs = [(a, group) for a in newest for group in a.groups if group.is_leak == leaks]
    if not pairs:
        return []
    header = ["host", "severity", "user", "program", "processes", "secrets", "why", "what to do"]
    title = "Secrets that others can read" if leaks else "All other programs"
    rows = [_render_group(audit, group) for audit, group in pairs]
    return [f"<h2>{title}</h2>", *_table(header, rows, numbers=["processes"])]


def _render_group(audit: Saved, group: Group) -> str:
    severity = group.severity
    command = f"<br><code>{_text(group.command)}</code>" if group.command else ""
    secrets = describe_secrets(group) if group.secrets else ""
    return _row(
        _cell(audit.host, "name"),
        _cell(severity or "fine", severity or "good", str(rank(severity) + 1 if severity else 0)),
        _cell(group.user),
        _cell(group.program),
        _number(len(group.pids)),
        _cell(secrets),
        _cell(REASONS[group.reason]),
        f"<td>{_text(group.fix)}{command}</td>",
    )


def _render_notes(newest: Sequence[Saved]) -> list[str]:
    notes = [f"<li>{_text(a.host)}: {_text(note)}" for a in newest for note in a.notes]
    return ["<h2>Not seen</h2>", "<ul>", *notes, "</ul>"] if notes else []
