"""The other screens and what the keys do to a row: more, copy, host, verify, export."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.widgets import ProgressBar

from process_hardening.audit.rules.tables import RULES
from process_hardening.tui.attacker import STOPPED
from process_hardening.verify import VICTIMS
from tui.machine import name_of, save, watching

# More, copy


async def test_enter_shows_more_than_the_detail() -> None:
    """Who may get each secret, why it matters, with its source, every process; it scrolls."""
    async with watching(size=(100, 60)) as watch:
        await watch.press("slash", *"openai", "enter", "enter")
        assert name_of(watch) == "MoreScreen"
        text = watch.text()
        for told in (
            "node server.js x4 of ada",
            "OPENAI_API_KEY                 environment  programs of the same user",
            "$ cd /srv/web && harden -- node server.js --port 8080",
            RULES["PH001"].why[:40],
            "source: prctl(2)",
            "503  node server.js --port 8083",
            "what the kernel reports about process 500",
            "Any process of the same user can read its memory",
            "no new privileges",
        ):
            assert told in text, told
        await watch.press("c")
        assert watch.app.clipboard == "cd /srv/web && harden -- node server.js --port 8080"
        await watch.press("enter")
        assert name_of(watch) == "ProcessesScreen"
        await watch.press("enter", "escape")
        assert name_of(watch) == "ProcessesScreen"


async def test_more_about_one_process() -> None:
    """Its own command, and no list of the others."""
    async with watching(size=(100, 60)) as watch:
        await watch.press("slash", *"8082", "enter", "down", "enter")
        assert "502 node of ada" in watch.text()
        assert "its processes" not in watch.text()
        await watch.press("c")
        assert watch.app.clipboard == "cd /srv/web && harden -- node server.js --port 8082"


async def test_copy_the_fix() -> None:
    """The command of the chosen row, as this very process was started; it is shown."""
    async with watching() as watch:
        await watch.press("slash", *"openai", "enter", "right", "down", "down", "c")
        assert watch.app.clipboard == "cd /srv/web && harden -- node server.js --port 8081"
        await watch.until(lambda: "Copied" in watch.text())


async def test_copy_where_no_command_helps() -> None:
    """It is said what to do; the clipboard stays as it was."""
    async with watching() as watch:
        await watch.press("slash", *"sshd", "enter", "c")
        await watch.until(lambda: "No command" in watch.text())
        assert "Nothing to do." in watch.text()
        assert watch.app.clipboard == ""


async def test_what_is_hidden_is_called_so() -> None:
    """Protected and unknown are not "no"."""
    async with watching(size=(160, 60)) as watch:
        await watch.press("slash", *"2050", "enter")
        text = watch.text()
        assert "(hidden) of nobody" in text
        assert "program               hidden by the kernel" in text
        assert "/proc hides it" in text


# Host


async def test_host() -> None:
    """The checks of doctor; what is found comes with its reason and fix."""
    async with watching() as watch:
        for key in ("h", "d"):
            await watch.press(key)
            assert name_of(watch) == "HostScreen"
            assert "medium    Yama" in watch.text()
            await watch.press("down", "down")
            assert "Yama: kernel.yama.ptrace_scope is 0" in watch.text()
            assert "May break: gdb -p" in watch.text()
            assert "$ rm -f /etc/sysctl.d/" in watch.text()
            await watch.press("c")
            assert "ptrace_scope" in watch.app.clipboard
            await watch.press("home", "down", "c")
            assert "there is nothing to fix" in watch.text()
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
        assert "medium    Yama" in watch.text()
        await watch.press("escape")


# Verify


async def test_nothing_moves_before_an_attack() -> None:
    """No bar, until there is something that it measures."""
    async with watching() as watch:
        await watch.press("v")
        bar = watch.app.screen.query_one(ProgressBar)
        assert not bar.display
        watch.machine.gate.clear()
        await watch.press("enter")
        await watch.until(lambda: bar.display)
        assert "25%" in watch.text()
        watch.machine.gate.set()
        await watch.until(lambda: "Result:" in watch.text())
        assert not bar.display


async def test_the_words_of_the_kernel_stand_beside_each_outcome() -> None:
    """In the table for the attack, below it for every victim."""
    async with watching(size=(120, 40)) as watch:
        await watch.press("v", "enter")
        await watch.until(lambda: "Result:" in watch.text())
        lines = watch.text().splitlines()
        number = len(VICTIMS)
        for told in (
            f"ptrace-attach leaked blocked {number} of {number} ptrace-attach: Operation not",
            f"launch-window leaked LEAKED 1 of {number} launch-window: Operation not",
            "control leaked ptrace-attach: Operation not permitted",
            "preload blocked ptrace-attach: Operation not permitted",
        ):
            assert any(told in " ".join(line.split()) for line in lines), told


async def test_verify() -> None:
    """Nothing starts by itself; then each row comes when it is complete, control first."""
    async with watching() as watch:
        await watch.press("v")
        assert name_of(watch) == "VerifyScreen"
        assert watch.machine.asked == []
        assert "Press Enter to attack sample programs, each hardened" in watch.text()
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
        assert "proc-mem: what proc-mem does" in watch.text()
        await watch.press("t", "space")
        await watch.until(lambda: len(watch.machine.asked) == 2 and "Result:" in watch.text())
        assert watch.machine.asked[1] == (None, True)
        await watch.press("v")
        assert name_of(watch) == "ProcessesScreen"


async def test_attack_one_process() -> None:
    """The chosen one, and only after a second key."""
    async with watching() as watch:
        await watch.press("slash", *"1444", "enter", "down", "a")
        assert r"Press Enter to attack 1444 [b]bold[b]\x1b[31m" in watch.text()
        assert watch.machine.asked == []
        await watch.press("enter")
        await watch.until(lambda: "Result:" in watch.text())
        assert watch.machine.asked == [(1444, False)]
        assert "PID 1444" in watch.text()
        assert "node-inspector" in watch.text(), "an attack that is not made has a row too"


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
        await watch.press("slash", *"init", "enter", "a", "enter")
        await watch.until(lambda: "Not attacked: 1: root's process" in watch.text())


# Export


async def test_export_json(tmp_path: Path) -> None:
    """What is shown, as audit writes it, for its owner alone."""
    async with watching() as watch:
        await watch.press("slash", *"node", "enter")
        await save(watch, tmp_path / "view.json")
        document = json.loads((tmp_path / "view.json").read_text())
        assert {entry["name"] for entry in document["processes"]} == {"node"}
        assert len(document["processes"]) == 4
        assert [group["program"] for group in document["groups"]] == ["node server.js"]
        assert (tmp_path / "view.json").stat().st_mode & 0o777 == 0o600
        assert "Saved" in watch.text()


async def test_export_text_and_svg(tmp_path: Path) -> None:
    """The table as audit prints it, and a picture that loads nothing from anywhere."""
    async with watching() as watch:
        await save(watch, tmp_path / "view.txt")
        assert r"[b]bold[b]\x1b[31m" in (tmp_path / "view.txt").read_text()
        await save(watch, tmp_path / "view.SVG")
        picture = (tmp_path / "view.SVG").read_text()
        ElementTree.fromstring(picture)  # noqa: S314 -- our own file
        assert "url(http" not in picture
        assert "gunicorn" in picture


async def test_the_host_is_exported_too(tmp_path: Path) -> None:
    """By the same key, in the same formats, as doctor writes them."""
    async with watching() as watch:
        await watch.press("h")
        await save(watch, tmp_path / "host.json")
        document = json.loads((tmp_path / "host.json").read_text())
        assert "PH107" in [found["id"] for found in document["findings"]]
        await save(watch, tmp_path / "host.txt")
        assert "settings of this host help an attacker" in (tmp_path / "host.txt").read_text()
        await watch.press("x")
        assert "host-20260102-030405.json" in watch.text()


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
        assert "exists: press Enter again to replace it" in watch.text()
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
        ("view", "The suffix sets the format"),
        ("view.exe", "The suffix sets the format"),
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
