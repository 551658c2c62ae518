"""Help, commands, colours, sizes, names: what holds for every screen."""

from __future__ import annotations

import os
from pathlib import Path
from unicodedata import bidirectional
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len
from textual.color import Color

from process_hardening.terminal import count_cells
from process_hardening.tui.ascii import needs_ascii
from process_hardening.tui.screens.too_small import SMALLEST
from tui.machine import FakeMachine, name_of, process, save, watching


async def test_help_names_every_key() -> None:
    """Of the screen below it, and what the signs mean."""
    async with watching(size=(120, 70)) as watch:
        await watch.press("question_mark")
        text = watch.text()
        keys = ("/", "enter", "space", "right", "o", "1", "s", "S", "c", "a", "x", "h d", "v", "p")
        for key in (*keys, "t", "q", "ctrl+p", "mouse"):
            assert f"│   {key} " in text, key
        for told in ("███ high", "✓   hardened", "?   unknown", "! lost hardening"):
            assert told in text
        await watch.press("escape", "h", "question_mark")
        assert "check the host now" in watch.text()


async def test_the_footer_shows_the_keys() -> None:
    """All that matter at the usual smallest size, on one line."""
    async with watching(size=(80, 24)) as watch:
        line = watch.text().splitlines()[-1]
        shown = "/ Filter enter More space Open c Copy fix a Attack h Host x Save ? Help q Quit"
        assert line.strip() == shown


async def test_the_command_palette_has_every_action() -> None:
    """By the same names as the keys, and they work."""
    async with watching() as watch:
        commands = {command.title for command in watch.app.get_system_commands(watch.screen)}
        assert {"Filter", "Open all", "With secrets", "Verify", "Host"} <= commands
        assert {"Save", "Pause", "Themes", "Quit"} <= commands
        assert "Screenshot" not in commands
        await watch.press("ctrl+p")
        for character in "worker":
            await watch.pilot.press(character)
        await watch.press("escape", "ctrl+p")
        for character in "with sec":
            await watch.pilot.press(character)
        await watch.until(lambda: "only groups that hold secrets" in watch.text())
        await watch.press("enter")
        await watch.until(lambda: watch.screen.selection.secrets)


async def test_themes() -> None:
    """One key goes from dark to light, to high contrast, and back."""
    async with watching() as watch:
        seen = []
        for _ in range(3):
            await watch.press("t")
            seen.append(watch.app.theme)
        assert seen == ["light", "high-contrast", "textual-dark"]


def contrast_of(colour: Color, other: Color) -> float:
    """The contrast of two colours; WCAG 2.2, relative luminance."""
    values = []
    for each in (colour, other):
        parts = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in each.normalized
        ]
        values.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)
    return max(values) / min(values)


@pytest.mark.parametrize("presses", [0, 1, 2], ids=["dark", "light", "high-contrast"])
async def test_the_colours_of_the_table_can_be_read(presses: int) -> None:
    """A contrast of at least 4.5 to 1, of 7 to 1 with high contrast; WCAG 2.2, 1.4.3 and 1.4.6."""
    async with watching() as watch:
        await watch.press(*["t"] * presses)
        least = 7.0 if presses == 2 else 4.5
        table = watch.screen.table
        background = Color.from_rich_color(table.rich_style.bgcolor)
        for name in ("high", "medium", "low", "hardened", "muted"):
            style = table.get_component_rich_style(f"table--{name}")
            colour = Color.from_rich_color(style.color)
            assert contrast_of(colour, background) >= least, (name, colour, background)


async def test_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves greys; signs and words are the same."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with watching() as watch:
        assert "███ high" in watch.text()
        colours = {
            colour.get_truecolor()
            for strip in watch.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour
        }
        assert all(red == green == blue for red, green, blue in colours)


async def test_ascii_alone() -> None:
    """Every line of every screen, as wide as before."""
    async with watching(only_ascii=True, size=(80, 24)) as watch:
        assert "> node server.js x4" in watch.text()
        assert "### high" in watch.text()
        await watch.press("end", "up", "up")
        assert "??????-?diteur" in watch.text()
        for key in ("a", "v", "h", "question_mark", "x", "enter", "ctrl+p"):
            await watch.press(key)
            assert watch.text().isascii(), watch.text()
            assert all(len(line) == 80 for line in watch.text().splitlines())
            await watch.press("escape")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "en_US.utf8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, True),
        ({"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_when_ascii_is_the_default(environment: dict[str, str], expected: bool) -> None:
    """As locale(7) finds the character set; and on the console of the kernel."""
    assert needs_ascii(environment) == expected


@pytest.mark.parametrize("size", [(72, 16), (80, 24), (100, 30), (140, 40), (400, 100)])
async def test_sizes(size: tuple[int, int]) -> None:
    """From small to very wide, the table, the fix and the keys have their place."""
    async with watching(size=size) as watch:
        await watch.press("slash", *"openai", "enter")
        text = watch.text()
        assert "███ high" in text
        assert "$ cd /srv/web && harden -- node server.js --port 8080" in text
        assert "Help" in text


async def test_every_screen_fits_into_the_smallest_terminal() -> None:
    """The last line shows how to go back."""
    async with watching(size=SMALLEST) as watch:
        for key in ("h", "v", "question_mark", "x", "enter"):
            await watch.press(key)
            assert "ack" in "".join(watch.text().splitlines()[-3:]), watch.text()
            await watch.press("escape")


async def test_too_small_and_back() -> None:
    """It says so on any screen, and goes on where it was when there is room again."""
    async with watching(size=(80, 24)) as watch:
        await watch.press("h")
        for size in ((30, 5), (71, 24), (80, 15), (1, 1)):
            await watch.pilot.resize_terminal(*size)
            await watch.pilot.pause()
            assert name_of(watch) == "TooSmallScreen"
            if size != (1, 1):
                assert f"too small: {size[0]}x{size[1]}" in " ".join(watch.text().split())
        await watch.pilot.resize_terminal(80, 24)
        await watch.pilot.pause()
        assert name_of(watch) == "HostScreen"
        assert "medium    Yama" in watch.text()


async def test_a_screen_that_opens_while_it_is_too_small_does_not_keep_it() -> None:
    """A key pressed before may open one after; behind it, nothing covers the others again."""
    async with watching(size=(80, 24)) as watch:
        processes = watch.screen
        await watch.pilot.resize_terminal(30, 5)
        assert name_of(watch) == "TooSmallScreen"
        processes.action_host()
        await watch.pilot.resize_terminal(80, 24)
        assert name_of(watch) == "HostScreen"
        await watch.press("escape")
        assert watch.app.screen is processes


async def test_sizes_that_change_between_keys() -> None:
    """Nothing is lost, nothing is drawn beside its place."""
    async with watching(size=(80, 24)) as watch:
        sizes = [(120, 40), (73, 17), (200, 20), (80, 50), (30, 5), (150, 45), (80, 24)]
        for number, size in enumerate(sizes):
            await watch.pilot.resize_terminal(*size)
            for key in ("down", "right", "o", "s", "2", "end", "t", "home", "escape"):
                await watch.pilot.press(key)
            if number % 3 == 0:
                await watch.look()
        await watch.pilot.pause()
        lines = watch.text().splitlines()
        assert len(lines) == 24
        assert all(cell_len(line) == 80 for line in lines)
        assert "q Quit" in lines[-1]


HOSTILE = [
    "[red]x[/red]",
    "[@click=app.quit]x[/]",
    "\x1b]0;title\x07",
    "a\nb",
    "\u202egnp.exe",
    "\udcff\udcfe",
    "é" * 200,
    "漢字" * 40,
    "データベース",
    "한국어-프로그램",
    "שרת-מסדי-נתונים",
    "خادم قاعدة البيانات",
    "🧑‍🚀👩‍👩‍👧",
    "e\u0301\u0301\u0301",
    "",
    " ",
    "$text-error",
]


def hostile_machine() -> FakeMachine:
    """Each name is that of a program, of a library and of a secret."""
    return FakeMachine(
        [
            process(n + 10, "x", name=name, exe=name, command=f"{name}\0{name}\0",
                    loader_variables=(name,), secret_variables=(name,), python="3.12")
            for n, name in enumerate(HOSTILE)
        ]
    )  # fmt: skip


async def test_hostile_names(tmp_path: Path) -> None:
    """Names are text: no markup, no control sequence, no broken line, on every screen."""
    async with watching(hostile_machine(), size=(100, 40)) as watch:
        await watch.press("o")
        for number in range(len(HOSTILE)):
            assert not set(watch.text()) & set("\x1b\x07\u202e")
            if number < 4:
                await watch.press("enter", "escape", "a", "escape", "c")
            await watch.press("down")
        await watch.press("o", "3", "3")
        for end in ("svg", "json", "txt"):
            await save(watch, tmp_path / f"view.{end}")
        assert len(os.listdir(tmp_path)) == 3
        ElementTree.fromstring((tmp_path / "view.svg").read_text())  # noqa: S314 -- our own file


@pytest.mark.parametrize("width", [80, 120])
async def test_columns_stay_aligned(width: int) -> None:
    """Wide, combining and right-to-left names take the cells that they take, as audit counts."""
    async with watching(hostile_machine(), size=(width, 60)) as watch:
        rows = [line for line in watch.text().splitlines() if "███ high" in line]
        assert len(rows) == len(watch.names()) > 10
        starts = {count_cells(line.split("███ high")[0]) for line in rows}
        assert len(starts) == 1
        assert len({cell_len(line) for line in rows}) == 1
        for line in rows:  # a terminal does not go on from right to left
            letters = [i for i, c in enumerate(line) if bidirectional(c) in ("R", "AL")]
            rest = line[letters[-1] :] if letters else "\u200e"
            assert "\u200e" in rest


async def test_quit() -> None:
    """With status 0."""
    async with watching() as watch:
        await watch.press("q")
        assert watch.app.return_code == 0
