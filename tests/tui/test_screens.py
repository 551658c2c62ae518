"""The other screens, every key of them; the actions; colours; sizes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.widgets import Input

from process_hardening.audit.rules import RULES
from process_hardening.tui.attacker import STOPPED
from process_hardening.tui.screens.too_small import SMALLEST
from tui.machine import FakeMachine, process, watching


def name_of(watch: object) -> str:
    """The class of the screen on top."""
    return type(watch.app.screen).__name__  # type: ignore[attr-defined]


# Explain, copy


async def test_explain() -> None:
    """Each finding of the process; the text is the rule's; c copies the commands that fix one."""
    async with watching() as watch:
        await watch.press("slash", *"node", "enter", "enter")
        assert name_of(watch) == "ExplainScreen"
        text = watch.text()
        assert "1580 node" in text
        assert "source:" in text
        assert "PH008" in text
        await watch.press("down", "c")
        assert watch.app.clipboard
        assert any(watch.app.clipboard == "\n".join(rule.commands) for rule in RULES.values())
        await watch.press("enter")
        assert name_of(watch) == "ProcessesScreen"
        await watch.press("enter", "escape")
        assert name_of(watch) == "ProcessesScreen"


async def test_nothing_to_explain() -> None:
    """A hardened process has no finding, and the screen says so."""
    async with watching() as watch:
        await watch.press("slash", *"sshd", "enter", "enter")
        assert "412 sshd: no findings" in watch.text()
        await watch.press("c", "escape", "c")
        assert watch.app.clipboard == ""
        assert "nothing is found that could be fixed" in watch.text()


async def test_copy() -> None:
    """The commands that fix the worst finding, to the terminal's clipboard."""
    async with watching() as watch:
        await watch.press("c")
        row = watch.screen.table.chosen
        assert row
        assert watch.app.clipboard == "\n".join(row.entry.findings[0].commands)


# Host


async def test_host() -> None:
    """The checks of doctor; what is found comes with its reason and fix."""
    async with watching() as watch:
        for key in ("h", "d"):
            await watch.press(key)
            assert name_of(watch) == "HostScreen"
            assert "PH107" in watch.text()
            await watch.press("down", "down")
            assert "kernel.yama.ptrace_scope is 0" in watch.text()
            assert "fix:" in watch.text()
            await watch.press("c")
            assert "ptrace_scope" in watch.app.clipboard
            await watch.press("home", "down", "c")
            assert "nothing is found that could be fixed" in watch.text()
            await watch.press(key)
            assert name_of(watch) == "ProcessesScreen"


async def test_host_looks_again() -> None:
    """The key r asks the machine; the cursor stays; what cannot be told is said."""
    async with watching() as watch:
        await watch.press("h", "down", "down")
        before = watch.screen.host_view
        watch.machine.host_problem = "darwin: nothing is known"
        await watch.press("r")
        await watch.until(lambda: watch.screen.host_view is not before)
        assert "darwin: nothing is known" in watch.text()
        watch.machine.host_problem = ""
        before = watch.screen.host_view
        await watch.press("r")
        await watch.until(lambda: watch.screen.host_view is not before)
        assert "PH107" in watch.text()
        await watch.press("escape")


# Verify


async def test_verify() -> None:
    """Nothing starts by itself; then each row comes when it is complete, control first."""
    async with watching() as watch:
        await watch.press("v")
        assert name_of(watch) == "VerifyScreen"
        assert watch.machine.asked == []
        assert "Enter attacks sample programs" in watch.text()
        watch.machine.gate.clear()
        await watch.press("enter")
        await watch.until(lambda: "1 of 4" in watch.text())
        await watch.until(lambda: "ptrace-attach leaked blocked" in " ".join(watch.text().split()))
        assert "launch-window" not in watch.text()
        await watch.press("enter", "space", "t")
        watch.machine.gate.set()
        await watch.until(lambda: "Result:" in watch.text())
        assert watch.machine.asked == [(None, False)]
        text = watch.text()
        assert "LEAKED" in text
        assert "unavailable" in text
        await watch.press("down")
        assert "what proc-mem does" in watch.text()
        await watch.press("t", "space")
        await watch.until(lambda: len(watch.machine.asked) == 2 and "Result:" in watch.text())
        assert watch.machine.asked[1] == (None, True)
        await watch.press("v")
        assert name_of(watch) == "ProcessesScreen"


async def test_attack_one_process() -> None:
    """The chosen one, and only after a second key."""
    async with watching() as watch:
        await watch.press("slash", *"1444", "enter", "a")
        assert r"Enter attacks 1444 [b]bold[/b]\x1b[31m" in watch.text()
        assert watch.machine.asked == []
        await watch.press("enter")
        await watch.until(lambda: "Result:" in watch.text())
        assert watch.machine.asked == [(1444, False)]
        assert "pid 1444" in watch.text()


async def test_attacks_can_be_stopped() -> None:
    """Escape stops them, a second one goes back; leaving stops them too."""
    async with watching() as watch:
        watch.machine.gate.clear()
        await watch.press("v", "enter")
        await watch.until(lambda: "1 of 4" in watch.text())
        await watch.press("escape")
        assert name_of(watch) == "VerifyScreen"
        watch.machine.gate.set()
        await watch.until(lambda: STOPPED in watch.text())
        await watch.press("escape")
        assert name_of(watch) == "ProcessesScreen"


async def test_what_cannot_be_attacked_is_said() -> None:
    """In the words of verify."""
    async with watching() as watch:
        await watch.press("slash", *"systemd", "enter", "a", "enter")
        await watch.until(lambda: "Not attacked: 1: root's process" in watch.text())


# Export


async def save(watch: object, path: Path) -> None:
    """Export to a file."""
    await watch.press("x")  # type: ignore[attr-defined]
    watch.app.screen.query_one(Input).value = str(path)  # type: ignore[attr-defined]
    await watch.press("enter")  # type: ignore[attr-defined]


async def test_export_json(tmp_path: Path) -> None:
    """What is shown, as audit writes it, for its owner alone."""
    async with watching() as watch:
        await watch.press("e")
        await save(watch, tmp_path / "view.json")
        document = json.loads((tmp_path / "view.json").read_text())
        assert {entry["verdict"] for entry in document["processes"]} == {"exposed"}
        assert len(document["processes"]) == 7
        assert (tmp_path / "view.json").stat().st_mode & 0o777 == 0o600
        assert "Saved" in watch.text()


async def test_export_text_and_svg(tmp_path: Path) -> None:
    """The table as audit prints it, and a picture that loads nothing from anywhere."""
    async with watching() as watch:
        await save(watch, tmp_path / "view.txt")
        assert r"[b]bold[/b]\x1b[31m" in (tmp_path / "view.txt").read_text()
        await save(watch, tmp_path / "view.SVG")
        picture = (tmp_path / "view.SVG").read_text()
        ElementTree.fromstring(picture)  # noqa: S314 -- our own file
        assert "url(http" not in picture
        assert "gunicorn" in picture


async def test_the_suggested_name_tells_the_time() -> None:
    """Two exports of a day do not ask for the same file."""
    async with watching() as watch:
        await watch.press("x")
        assert "processes-20260102-030405.json" in watch.text()
        await watch.press("escape")
        assert name_of(watch) == "ProcessesScreen"


async def test_export_replaces_only_when_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link is replaced, not followed; the file is its owner's alone afterwards."""
    target = tmp_path / "target"
    target.write_text("precious")
    path = tmp_path / "view.json"
    path.symlink_to(target)
    monkeypatch.chdir(tmp_path)
    async with watching() as watch:
        await save(watch, Path("view.json"))
        assert "exists: Enter again replaces it" in watch.text()
        assert path.is_symlink()
        await watch.press("enter")
        assert not path.is_symlink()
        assert json.loads(path.read_text())
        assert path.stat().st_mode & 0o777 == 0o600
    assert target.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["target", "view.json"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("view", "The end of the name decides"),
        ("view.exe", "The end of the name decides"),
        ("no/such/folder.json", "No such file or directory"),
        ("\x1b[31m.json/x.json", r"\x1b[31m.json/x.json: No such file or directory"),
    ],
)
async def test_export_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    """And asks again."""
    monkeypatch.chdir(tmp_path)
    async with watching() as watch:
        await save(watch, Path(name))
        assert told in watch.text()
        assert os.listdir(tmp_path) == []
        assert name_of(watch) == "ExportScreen"


# Help, commands, colours, sizes, names


async def test_help_names_every_key() -> None:
    """Of the screen below it, and what the signs mean."""
    async with watching(size=(120, 60)) as watch:
        await watch.press("question_mark")
        text = watch.text()
        for key in ("/", "s", "S", "u", "p", "e", "t", "c", "a", "x", "h d", "v", "space", "q"):
            assert f"│   {key} " in text, key
        for told in ("■ hardened:", "◧ partial:", "□ exposed:", "! lost hardening"):
            assert told in text
        await watch.press("escape", "h", "question_mark")
        assert "look at the host now" in watch.text()


async def test_the_footer_shows_the_keys() -> None:
    """All that matter at the usual smallest size."""
    async with watching(size=(80, 24)) as watch:
        lines = " ".join(watch.text().splitlines()[-2:])
        for label in ("Filter", "Sort", "User", "Python", "Exposed", "Tree", "Explain", "Copy fix"):
            assert label in lines
        for label in ("Attack", "Export", "Host", "Verify", "Pause", "Help", "Quit"):
            assert label in lines


async def test_the_command_palette_has_every_action() -> None:
    """By the same names as the keys, and they work."""
    async with watching() as watch:
        commands = {command.title for command in watch.app.get_system_commands(watch.screen)}
        assert {"Filter", "Tree", "Verify", "Host", "Export", "Pause", "Theme", "Quit"} <= commands
        assert "Screenshot" not in commands
        await watch.press("ctrl+p")
        for character in "worker":
            await watch.pilot.press(character)
        await watch.press("escape", "ctrl+p")
        for character in "tree":
            await watch.pilot.press(character)
        await watch.until(lambda: "parents above their children" in watch.text())
        await watch.press("enter")
        await watch.until(lambda: watch.screen.selection.tree)


async def test_light_and_dark() -> None:
    """One key turns one into the other."""
    async with watching() as watch:
        await watch.press("l")
        assert watch.app.theme == "textual-light"
        await watch.press("l")
        assert watch.app.theme == "textual-dark"


async def test_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves greys; signs and words are the same."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with watching() as watch:
        assert "□ exposed" in watch.text()
        line = watch.app.screen._compositor.render_strips()[6]
        filtered = [
            filter_.apply(list(line), watch.app.background_colors[1])
            for filter_ in watch.app._filters
            if filter_.enabled
        ]
        assert filtered


@pytest.mark.parametrize("size", [(72, 16), (80, 24), (100, 30), (130, 40), (400, 100)])
async def test_sizes(size: tuple[int, int]) -> None:
    """From small to very wide, the table, the detail and the keys have their place."""
    async with watching(size=size) as watch:
        text = watch.text()
        assert "□ exposed" in text
        assert "881 python3 of ada: □ exposed" in text
        assert "Help" in text


async def test_every_screen_fits_into_the_smallest_terminal() -> None:
    """The last line shows how to go back."""
    async with watching(size=SMALLEST) as watch:
        for key in ("h", "v", "question_mark", "x", "u", "enter"):
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
        assert "PH107" in watch.text()


HOSTILE = [
    "[red]x[/red]",
    "[@click=app.quit]x[/]",
    "\x1b]0;title\x07",
    "a\nb",
    "\u202egnp.exe",
    "\udcff\udcfe",
    "é" * 200,
    "漢字" * 40,
    "🧑‍🚀👩‍👩‍👧",
    "e\u0301\u0301\u0301",
    "",
    " ",
    "$text-error",
]


async def test_hostile_names(tmp_path: Path) -> None:
    """Names are text: no markup, no control sequence, no broken line, on every screen."""
    machine = FakeMachine(
        [
            process(n + 10, name, exe=name, loader_variables=(name,), python="3.12")
            for n, name in enumerate(HOSTILE)
        ]
    )
    async with watching(machine, size=(100, 40)) as watch:
        for number in range(len(HOSTILE)):
            assert not set(watch.text()) & set("\x1b\x07\u202e")
            if number < 3:
                await watch.press("enter", "escape", "a", "escape", "c")
            await watch.press("down")
        await watch.press("u", "escape", "t")
        for end in ("svg", "json", "txt"):
            await save(watch, tmp_path / f"view.{end}")
        assert len(os.listdir(tmp_path)) == 3
        ElementTree.fromstring((tmp_path / "view.svg").read_text())  # noqa: S314 -- our own file


async def test_quit() -> None:
    """With status 0."""
    async with watching() as watch:
        await watch.press("q")
        assert watch.app.return_code == 0
