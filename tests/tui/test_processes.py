"""The main screen: what it shows, and every key that chooses or orders it."""

from __future__ import annotations

import pytest

from process_hardening.audit.posture import Posture
from process_hardening.tui.widgets.detail import describe_evidence
from tui.machine import FakeMachine, node, process, usual, watching

GROUPS = [
    "java -jar shop.jar",
    "ruby worker.rb",
    r"[b]bold[b]\x1b[31m",
    "python3 report.py",
    "node server.js x4",
    "bash x2",
    "firefox",
    "ssh-agent",
    "code x12",
    "編集者-éditeur",
    "init",
    "gpg-agent",
    "(hidden)",
    "sshd",
    "gunicorn x2",
]
"""Of the usual machine, the worst first."""

# What is shown


async def test_groups_are_shown_the_worst_first() -> None:
    """As `audit` groups them; kernel threads are no programs."""
    async with watching() as watch:
        assert watch.names() == GROUPS


async def test_the_overview_says_who_can_read_secrets() -> None:
    """In the words of `audit`, with the state of the host and of the monitor itself."""
    async with watching(size=(200, 40)) as watch:
        text = watch.text()
        for told in (
            "6 programs of yours hold secrets that your other programs can read.",
            "Secrets open: 7 to programs of the same user, 1 to every user.",
            "31 processes  26 readable  3 hardened",
            "host: 5 findings",
            "monitor: ✓ hardened",
            "15 groups, every 3600 s",
        ):
            assert told in text


async def test_a_late_hardening_is_told() -> None:
    """A monitor that could not start as an execute-only image does not say it did."""
    async with watching(late="Python is embedded", size=(160, 40)) as watch:
        assert "hardened since its first statement" in watch.text()


async def test_the_risk_is_a_bar_and_a_word() -> None:
    """Nobody needs colours to see it, or has to know codes."""
    async with watching(size=(80, 40)) as watch:
        lines = watch.text().splitlines()
        for program, risk in (
            ("node server.js x4", "███ high     OPENAI_API_KEY, DATABASE_URL"),
            ("code x12", "██  medium   any program of its user"),
            ("gpg-agent", "█   low      private keys, passphrases"),
            ("(hidden)", "?   unknown  it is unknown"),
            ("sshd", "✓   hardened private keys"),
        ):
            assert any(program in line and risk in line for line in lines), program
        assert "PH0" not in watch.text()


async def test_the_fix_of_the_chosen_row_is_visible_at_80x24() -> None:
    """The worst group is chosen at first; the fix is its own command."""
    async with watching(size=(80, 24)) as watch:
        assert "$ ps -o pid,user,args -p 99" in watch.text()
        await watch.press("slash", *"node", "enter")
        assert "Any program of its user can read it: OPENAI_API_KEY, DATABASE_URL" in watch.text()
        assert "$ cd /srv/web && harden -- node server.js --port 8080" in watch.text()
        await watch.press("right", "down", "down")
        assert "$ cd /srv/web && harden -- node server.js --port 8081" in watch.text()


# Groups that open


async def test_a_group_opens_and_closes() -> None:
    """By space, by the arrows, all at once; each process has its own command line."""
    async with watching() as watch:
        await watch.press("down", "down", "down", "down", "space")
        assert watch.names()[4:9] == [
            "node server.js x4", "500 node", "501 node", "502 node", "503 node"]  # fmt: skip
        assert "node server.js --port 8083" in watch.text()
        assert "▾ node server.js" in watch.text()
        await watch.press("space")
        assert watch.names() == GROUPS
        await watch.press("right", "right", "down", "left")
        assert watch.names() == GROUPS
        assert watch.screen.table.chosen
        assert watch.screen.table.chosen.label == "node server.js x4"
        await watch.press("o")
        assert len(watch.names()) == len(GROUPS) + 31
        await watch.press("o")
        assert watch.names() == GROUPS


# The filter and the chips


async def test_filter() -> None:
    """Every word has to be in the group; Enter keeps the filter, Escape ends it."""
    async with watching() as watch:
        await watch.press("slash", *"ADA openai", "enter")
        assert watch.names() == ["node server.js x4"]
        assert watch.screen.focused is watch.screen.table
        assert "/ ADA openai" in watch.text()
        assert "1 of 15 groups" in watch.text()
        await watch.press("escape")
        assert watch.names() == GROUPS


async def test_the_filter_finds_processes_too() -> None:
    """Their group opens, with nothing but what was looked for."""
    async with watching() as watch:
        await watch.press("slash", *"8082", "enter")
        assert watch.names() == ["node server.js x4", "502 node"]
        await watch.press("slash", "end", "ctrl+u", *"xyzzy", "enter")
        assert watch.names() == []
        assert "Nothing is selected." in watch.text()


@pytest.mark.parametrize("typed", ["q", "s?", "h", "[/b]", "[", "\\", "1", "//"])
async def test_what_is_typed_into_the_filter_is_text(typed: str) -> None:
    """No key of the screen, no markup, no pattern."""
    async with watching() as watch:
        await watch.press("slash")
        for character in typed:
            await watch.pilot.press(character)
        assert watch.app.screen is watch.screen
        assert watch.screen.selection.text == typed
        await watch.press("enter")
        assert f"/ {typed} " in watch.text()


async def test_the_chip_mine() -> None:
    """Only what belongs to whoever looks; Escape switches it off as well."""
    async with watching() as watch:
        await watch.press("1")
        assert not {"init", "sshd", "(hidden)", "編集者-éditeur"} & set(watch.names())
        assert len(watch.names()) == 11
        await watch.press("escape")
        assert watch.names() == GROUPS


async def test_the_chip_with_secrets() -> None:
    """It goes together with the others; its key is its number."""
    async with watching() as watch:
        await watch.press("2")
        assert "sshd" in watch.names()
        assert "code x12" not in watch.names()
        await watch.press("1")
        assert "sshd" not in watch.names()
        await watch.press("1", "2")
        assert watch.names() == GROUPS


async def test_the_chip_changed() -> None:
    """Whatever changed since the first look, however long ago."""
    async with watching() as watch:
        await watch.press("3")
        assert watch.names() == []
        watch.machine.postures.append(process(3000, "curl https://x"))
        await watch.look()
        await watch.look(seconds=3600.0)
        assert watch.names() == ["curl"]


async def test_what_has_ended_is_shown_on_demand() -> None:
    """Off at first; a group of which nothing is left too; for a minute."""
    async with watching() as watch:
        watch.machine.postures = [p for p in usual() if p.pid not in (501, 1900)]
        await watch.look()
        assert "firefox" not in watch.names()
        assert "[4 ended (2)]" in watch.text()
        await watch.press("4", "o")
        assert {"firefox", "1900 firefox", "501 node"} <= set(watch.names())
        await watch.look(seconds=61.0)
        assert not {"firefox", "501 node"} & set(watch.names())


async def test_a_click_on_a_chip_switches_it() -> None:
    """As its number does."""
    async with watching() as watch:
        await watch.pilot.click("#chips", offset=(12, 0))
        await watch.pilot.pause()
        assert watch.screen.selection.secrets


# Sorting


async def test_sort() -> None:
    """Through all the columns and back; the title is marked; S turns the order round."""
    async with watching() as watch:
        assert "RISK ▾" in watch.text()
        await watch.press("S")
        assert "RISK ▴" in watch.text()
        assert watch.names() == GROUPS[::-1]
        seen = []
        for _ in range(5):
            await watch.press("s")
            seen.append(watch.screen.selection.sort)
        assert seen == ["changed", "program", "user", "secrets", "risk"]
        await watch.press("s", "s")
        assert watch.names() == sorted(GROUPS, key=str.casefold)
        assert "PROGRAM ▾" in watch.text()
        assert "RISK ▾" not in watch.text()


async def test_a_click_on_a_title_sorts() -> None:
    """And once more turns the order round."""
    async with watching() as watch:
        await watch.pilot.click("#groups", offset=(6, 0))
        await watch.pilot.pause()
        assert watch.screen.selection.sort == "program"
        await watch.pilot.click("#groups", offset=(6, 0))
        await watch.pilot.pause()
        assert watch.screen.selection.descending


# The cursor


async def test_a_click_chooses_and_a_second_one_tells_more() -> None:
    """A click on the arrow opens the group."""
    async with watching() as watch:
        await watch.pilot.click("#groups", offset=(8, 5))
        await watch.pilot.pause()
        assert watch.screen.table.cursor == 4
        await watch.pilot.click("#groups", offset=(2, 5))
        await watch.pilot.pause()
        assert "500 node" in watch.names()
        await watch.pilot.click("#groups", offset=(8, 5))
        await watch.pilot.pause()
        assert type(watch.app.screen).__name__ == "MoreScreen"


async def test_the_cursor_moves() -> None:
    """By line, by page, to the ends; never out of the table."""
    async with watching(size=(80, 24)) as watch:
        table = watch.screen.table
        await watch.press("up")
        assert table.cursor == 0
        await watch.press("down", "j", "k")
        assert table.cursor == 1
        await watch.press("end")
        assert table.cursor == 14
        await watch.press("down", "pagedown")
        assert table.cursor == 14
        assert "gunicorn x2" in watch.text()
        await watch.press("pageup")
        assert 0 < table.cursor < 14
        await watch.press("home")
        assert table.cursor == 0


async def test_the_cursor_stays_on_the_worst_until_it_is_moved() -> None:
    """What is more urgent comes first, as long as nobody chose anything."""
    async with watching(FakeMachine([process(10, "sleep 9")])) as watch:
        watch.machine.postures.append(process(20, "app", secret_variables=("API_KEY",)))
        await watch.look()
        assert watch.screen.table.chosen
        assert watch.screen.table.chosen.label == "app"


async def test_the_cursor_stays_with_its_process() -> None:
    """Whatever comes, goes or is sorted around it; when its group changes, with its program."""
    async with watching() as watch:
        await watch.press("down", "down", "down", "down", "right", "down", "down")
        watch.machine.postures = [process(n, f"p{n}", tracer_pid=7) for n in range(5000, 5100)]
        watch.machine.postures += usual()
        await watch.look()
        assert watch.screen.table.chosen
        assert watch.screen.table.chosen.label == "501 node"
        await watch.press("s", "s", "S")
        assert watch.screen.table.chosen.label == "501 node"
        watch.machine.postures = [p for p in usual() if p.name != "node"] + node(hardened=True)
        await watch.look()
        assert watch.screen.table.chosen.label == "node server.js x4"


async def test_a_process_vanishes_under_the_cursor() -> None:
    """The cursor is on what came into its place; every key still works."""
    async with watching() as watch:
        await watch.press("end")
        watch.machine.postures = usual()[:1]
        await watch.look()
        assert watch.names() == ["init"]
        assert watch.screen.table.cursor == 0
        watch.machine.postures = []
        await watch.look()
        assert watch.names() == []
        keys = ("down", "up", "end", "home", "enter", "space", "right", "left", "o", "c", "a", "x")
        await watch.press(*keys, "escape")
        assert "Nothing is selected." in watch.text()


def test_the_evidence_names_a_runtime_that_discloses_its_memory() -> None:
    for runtime, words in (("Node.js", "Node.js"), ("", "none")):
        lines = describe_evidence(Posture(pid=7, opens_itself=runtime)).plain.splitlines()
        assert f"{'runtime opens itself':<22}{words}" in lines
