"""The page of one host or of many: it holds everything, sorts, and says what changed."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import support
from machines import audit_of, crowded, hardened, process
from process_hardening.audit.posture import Posture
from process_hardening.audit.render.html import render, render_audit
from process_hardening.audit.render.json import audit_as_dict
from process_hardening.audit.saved import Saved, compare, read_saved
from zoo import COMMAND, Animal, audit

LEAKS = process(1, "app", secret_variables=("A_KEY",))


class Page(HTMLParser):
    """The tables of a page, with what must not be in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.references: list[str] = []
        self.heading = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; a table, a row or a cell is kept."""
        self.references += [f"{k}={v}" for k, v in attrs if k in ("src", "href", "action")]
        if tag in ("meta", "br", "wbr"):
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text of the headline and of cells."""
        if "h1" in self.open:
            self.heading += data
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def saved(*postures: Posture, host: str = "web-1", taken: float = 0.0, **fields: Any) -> Saved:
    """An audit of a host, as it comes back from JSON."""
    document = audit_as_dict(audit_of(*postures, taken=taken, **fields))
    document["host"]["name"] = host
    return read_saved(json.loads(json.dumps(document)))


def table_with(page: Page, column: str) -> list[list[str]]:
    """The rows of the table that has this column, without the header."""
    (found,) = [table for table in page.tables if column in table[0]]
    return found[1:]


def test_the_page_of_one_host() -> None:
    """The truth in its headline, then a row for each group with its command."""
    page = Page(render([read_saved(audit_as_dict(crowded()))]))
    assert page.heading == "web-1: 4 programs hold secrets that others can read."
    leaks, others = (t[1:] for t in page.tables if "what to do" in t[0])
    assert leaks[0][2:5] == ["node server.js", "14", "OPENAI_API_KEY, DATABASE_URL"]
    assert leaks[0][-1].endswith("harden -- node server.js")
    assert sum(int(row[3]) for row in leaks + others) == 300


def test_the_page_of_a_host_without_leaks() -> None:
    page = Page(render([saved(hardened(1, "app"))]))
    assert page.heading == "web-1: No known secret of uid 1000 can be read by others."


@pytest.mark.parametrize(
    ("posture", "fields", "words"),
    [
        (process(1, "app", tracer_pid=4), {}, "1 program is traced or injected into."),
        (hardened(1, "app"), {"asked_by": 0}, "No known secret can be read by others."),
        (hardened(1, "app"), {"asked_by": 0, "scope": ("--name app",)}, "only --name app."),
        (hardened(1, "app"), {"asked_by": 0, "notes": ("x",)}, "by others, as far as seen."),
    ],
    ids=["traced", "whole", "narrowed", "incomplete"],
)
def test_the_headline_claims_no_more_than_was_seen(
    posture: Posture, fields: dict[str, Any], words: str
) -> None:
    """No program without a secret is said to hold one, even if it is traced."""
    heading = Page(render([saved(posture, **fields)])).heading
    assert words in heading
    assert "hold" not in heading


def test_a_comparison_is_in_the_page() -> None:
    before, after = saved(LEAKS), saved(hardened(1, "app"), taken=100.0)
    page = Page(render_audit(after, compare(before, after)))
    (change,) = table_with(page, "change")
    assert change[1:6] == ["1970-01-01T00:00:00Z", "better", "ada", "app", "A_KEY"]


_MEASURE = """<script>document.querySelectorAll("iframe").forEach(frame => frame.onload = () => {
  const page = frame.contentDocument.documentElement;
  document.title += ` ${page.scrollWidth}/${page.clientWidth}`;
})</script>"""


@pytest.mark.parametrize("width", [360, 500, 1060, 1300])
def test_the_page_is_as_wide_as_the_screen(width: int, tmp_path: Path) -> None:
    """Nothing is off screen: in a browser, with long names, paths and commands."""
    long = process(2, f"/opt/{'folder/' * 20}app --{'x' * 200}", uid=1001,
                   secret_variables=(f"{'VERY_LONG_' * 9}KEY", "A_KEY"))  # fmt: skip
    audits = [saved(LEAKS, long), saved(hardened(1, "app"), long, taken=9.0)]
    audits.append(saved(long, host="a-host-with-a-long-name.example.org", asked_by=0))
    (tmp_path / "page.html").write_text(render(audits))
    style = f"width:{width}px;height:900px;border:0"
    frame = f'<iframe src="page.html" style="{style}"></iframe>{_MEASURE}'
    (tmp_path / "frame.html").write_text(frame)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    options += [f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=2000", "--dump-dom"]
    browser = support.find_tool("chromium")
    done = support.run([browser, *options, (tmp_path / "frame.html").as_uri()])
    found = re.search(r"<title> (\d+)/(\d+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert int(found[1]) <= int(found[2]) <= width


def test_the_page_needs_no_network() -> None:
    text = render([saved(LEAKS)])
    assert Page(text).references == []
    assert not re.search(r"https?://|@import|url\(", text)
    assert "default-src 'none'" in text


def test_every_column_heading_is_a_button(tmp_path: Path) -> None:
    """The script that sorts by it is one that a browser takes."""
    text = render([saved(LEAKS)])
    headings = re.findall(r"<th .*?</th>", text)
    assert headings
    assert all("<button>" in heading for heading in headings)
    (script,) = re.findall(r"<script>(.*)</script>", text, re.DOTALL)
    path = tmp_path / "page.js"
    path.write_text(script)
    subprocess.run([support.find_tool("node"), "--check", str(path)], check=True)


def test_the_script_sorts_numbers_as_numbers(tmp_path: Path) -> None:
    """In a made-up table: a click sorts upwards, a second one downwards."""
    (script,) = re.findall(r"<script>(.*)</script>", render([saved(LEAKS)]), re.DOTALL)
    path = tmp_path / "page.js"
    path.write_text(
        """
        const row = text => ({cells: [{dataset: {}, innerText: text}]});
        const body = {rows: ["10", "9", "100"].map(row), append(...rows) { this.rows = rows; }};
        const cell = {cellIndex: 0, sort: null, closest: () => ({tBodies: [body]}),
          getAttribute() { return this.sort; }, setAttribute(_, value) { this.sort = value; },
          removeAttribute() { this.sort = null; }};
        const down = cell.getAttribute.bind(cell);
        cell.parentNode = {cells: [{removeAttribute() {}}]};
        const button = {parentNode: cell};
        globalThis.document = {querySelectorAll: () => [button]};
        """
        + script
        + """
        const shown = () => body.rows.map(row => row.cells[0].innerText).join();
        button.onclick(); console.log(shown());
        button.onclick(); console.log(shown());
        """
    )
    done = support.run([support.find_tool("node"), str(path)])
    assert done.stdout.split() == ["9,10,100", "100,10,9"], done.stderr


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x1b[31mb", "\"&'", "日本語"])
def test_a_hostile_name_is_only_text(name: str) -> None:
    page = Page(render([saved(process(1, "app", name=name, exe=None, command=None,
                                      secret_variables=(name,)), host=name)]))  # fmt: skip
    assert page.open == []
    assert any(row[2] == name.replace("\x1b", "\\x1b") for row in table_with(page, "what to do"))


def test_many_hosts_and_two_dates() -> None:
    """The newest audit of each counts, but not if it sees less than an older one by root."""
    page = Page(
        render(
            [
                saved(process(1, "app", tracer_pid=4), host="web-2", taken=9.0),
                saved(LEAKS, taken=5.0),
                saved(hardened(1, "app"), taken=100.0),
                saved(LEAKS, host="web-3", taken=1.0, asked_by=0),
                saved(LEAKS, host="web-3", taken=2.0, asked_by=1000),
            ]
        )
    )
    assert page.heading == (
        "3 hosts: 1 program is traced or injected into. 1 program holds secrets that others can"
        " read. 2 of 3 audits cover only a part."
    )
    hosts = table_with(page, "hardened")
    assert [(row[0], row[1]) for row in hosts] == [
        ("web-1", "1970-01-01T00:01:40Z"),
        ("web-2", "1970-01-01T00:00:09Z"),
        ("web-3", "1970-01-01T00:00:01Z"),
    ]
    (change,) = table_with(page, "change")
    assert change[2:6] == ["better", "ada", "app", "A_KEY"]


def test_the_commands_write_a_page(user_tmp: Path, animal: Path) -> None:
    """Audit --html of this host; audit merge of what audit --json and the Ansible fact have."""
    with Animal(animal, env={"A_KEY": "value-of-key"}) as one:
        whole = audit("--html", user_tmp / "one.html", "--fail-on", "never")
        assert whole.returncode in (0, 3)
        page = (user_tmp / "one.html").read_text()
        assert "animal" in page
        assert "value-of-key" not in page
        alone = audit(one.pid, "--fail-on", "never", "--html")
        assert alone.stdout.startswith("<!DOCTYPE html>")
        document = audit(one.pid, "--json", "--fail-on", "never").stdout
    (user_tmp / "a.json").write_text(document)
    (user_tmp / "b.json").write_text(json.dumps({"audit": json.loads(document), "doctor": None}))
    done = audit("merge", user_tmp / "a.json", user_tmp / "b.json", "--html")
    assert done.returncode == 0, done.stderr
    Page(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["merge"], "name the JSON files"),
        (["merge", "a.json"], "add --html FILE or --json"),
        (["merge", "/nonexistent", "--html"], "No such file"),
        (["merge", "a.json", "--html", "--long"], "not --long"),
        (["merge", "a.json", "--html", "--fail-on", "high"], "not --fail-on"),
        (["--html", "4711"], "put --html after the pids"),
        (["--html", "--json"], "only one format"),
        (["--html", "/nonexistent/page.html"], "No such file"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    done = support.run([COMMAND, "audit", *arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
