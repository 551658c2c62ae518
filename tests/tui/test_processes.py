"""The main screen: every key of it, and what changes between two looks."""

from __future__ import annotations

import pytest

from tui.machine import HARDENED, FakeMachine, process, usual, watching

# What the keys do to the table


async def test_the_riskiest_comes_first() -> None:
    """The default order, without kernel threads."""
    async with watching() as watch:
        names = watch.names()
        assert names[0] in ("gdb", "node", "python3", "agent", r"[b]bold[/b]\x1b[31m")
        assert names[-1] in ("gunicorn", "sshd", "(hidden)")
        assert "kthreadd" not in names


async def test_the_overview_counts() -> None:
    """Verdicts, findings, the host, and the monitor itself."""
    async with watching(size=(200, 40)) as watch:
        text = watch.text()
        for told in ("■ 3 hardened", "◧ 1 partial", "□ 7 exposed", "? 1 unknown", "03:04:05"):
            assert told in text
        assert "host: 5 findings" in text
        assert "this monitor: ■ hardened from its start" in text


async def test_a_late_hardening_is_told() -> None:
    """A monitor that could not start as an execute-only image does not say it did."""
    async with watching(late="Python is embedded", size=(160, 40)) as watch:
        assert "hardened since its first statement" in watch.text()


async def test_filter() -> None:
    """Every word has to be in the row; Enter keeps the filter, Escape ends it."""
    async with watching() as watch:
        await watch.press("slash", *"GUNI ada", "enter")
        assert watch.names() == ["gunicorn", "gunicorn"]
        assert watch.screen.focused is watch.screen.table
        assert "only: “GUNI ada”" in watch.text()
        await watch.press("escape")
        assert len(watch.names()) == 12


@pytest.mark.parametrize("typed", ["q", "s?", "h", "[/b]", "[", "\\"])
async def test_what_is_typed_into_the_filter_is_text(typed: str) -> None:
    """No key of the screen, no markup, no pattern."""
    async with watching() as watch:
        await watch.press("slash")
        for character in typed:
            await watch.pilot.press(character)
        assert watch.app.screen is watch.screen
        assert watch.screen.selection.text == typed
        await watch.press("enter")
        assert f"only: “{typed}”".replace("\\", "\\") in watch.text()


async def test_sort() -> None:
    """Through all the columns and back; S turns the order round."""
    async with watching() as watch:
        seen = []
        for _ in range(7):
            await watch.press("s")
            seen.append(watch.screen.selection.sort)
        assert seen == ["change", "pid", "user", "verdict", "name", "findings", "risk"]
        await watch.press("s", "s")
        pids = [row.pid for row in watch.screen.table.rows]
        assert pids == sorted(pids)
        await watch.press("S")
        assert [row.pid for row in watch.screen.table.rows] == pids[::-1]


async def test_a_click_on_a_title_sorts() -> None:
    """And once more turns the order round."""
    async with watching() as watch:
        await watch.pilot.click("#processes", offset=(4, 0))
        await watch.pilot.pause()
        assert watch.screen.selection.sort == "pid"
        await watch.pilot.click("#processes", offset=(4, 0))
        await watch.pilot.pause()
        assert watch.screen.selection.descending


async def test_a_click_chooses_and_a_second_one_explains() -> None:
    """The mouse does what the keys do."""
    async with watching() as watch:
        await watch.pilot.click("#processes", offset=(4, 4))
        await watch.pilot.pause()
        assert watch.screen.table.cursor == 3
        await watch.pilot.click("#processes", offset=(4, 4))
        await watch.pilot.pause()
        assert type(watch.app.screen).__name__ == "ExplainScreen"


async def test_user() -> None:
    """A list of users with their numbers; the first entry is everybody."""
    async with watching() as watch:
        await watch.press("u")
        text = watch.text()
        assert "7  ada" in text
        assert "1  björn" in text
        await watch.press("down", "down", "enter")
        assert watch.names() == ["編集者-éditeur"]
        await watch.press("u", "escape")
        assert watch.names() == ["編集者-éditeur"]
        await watch.press("u", "home", "enter")
        assert len(watch.names()) == 12


async def test_python_and_exposed() -> None:
    """Two switches that go together."""
    async with watching() as watch:
        await watch.press("p")
        assert sorted(watch.names()) == ["agent", "gunicorn", "gunicorn", "python3"]
        await watch.press("e")
        assert sorted(watch.names()) == ["agent", "python3"]
        assert "only: Python, exposed" in watch.text()
        await watch.press("p", "e")
        assert len(watch.names()) == 12


async def test_tree() -> None:
    """Children stand below their parents, indented."""
    async with watching() as watch:
        await watch.press("t")
        names = watch.names()
        at = names.index("gunicorn")
        assert names[0] == "systemd"
        assert names[at : at + 3] == ["gunicorn", "gunicorn", "python3"]
        assert "    gunicorn" in watch.text()
        await watch.press("t")
        assert watch.screen.selection.tree is False


async def test_the_cursor_moves() -> None:
    """By line, by page, to the ends; never out of the table."""
    async with watching(size=(80, 24)) as watch:
        table = watch.screen.table
        await watch.press("up")
        assert table.cursor == 0
        await watch.press("down", "j", "k")
        assert table.cursor == 1
        await watch.press("end")
        assert table.cursor == 11
        await watch.press("down", "pagedown")
        assert table.cursor == 11
        assert "(hidden)" in watch.text() or "sshd" in watch.text()
        await watch.press("pageup")
        assert 0 < table.cursor < 11
        await watch.press("home")
        assert table.cursor == 0


async def test_the_detail_follows_the_cursor() -> None:
    """It says what an attacker gets, why, the fix, and what the kernel said."""
    async with watching(size=(160, 50)) as watch:
        await watch.press("slash", *"node", "enter")
        text = watch.text()
        for told in ("1580 node of ada", "why:", "fix:", "LD_PRELOAD", "/tmp/x.so", "dumpable:"):
            assert told in text
        await watch.press("slash", *"xyz", "enter")
        assert "no process is chosen" in watch.text()


async def test_what_is_hidden_is_called_so() -> None:
    """Protected and unknown are not "no"."""
    async with watching(size=(160, 60)) as watch:
        await watch.press("slash", *"2050", "enter")
        text = watch.text()
        assert "(hidden)" in text
        assert "program:              protected from us" in text
        assert "/proc hides it from us" in text


# What changes between two looks


async def test_changes_are_marked() -> None:
    """Appeared, lost, gained, gone: each has a sign and a word; nothing is marked at first."""
    async with watching(size=(160, 50)) as watch:
        assert all(row.mark is None for row in watch.screen.table.rows)
        kept = [p for p in usual() if p.pid not in (880, 603, 1733)]
        changed = [process(880, "sh", ppid=871), process(603, "ssh-agent", **HARDENED)]
        watch.machine.postures = [*kept, *changed, process(3000, "new")]
        await watch.look()
        marks = {row.pid: row.mark.change for row in watch.screen.table.rows if row.mark}
        assert marks == {
            880: "lost hardening",
            603: "gained hardening",
            1733: "gone",
            3000: "appeared",
        }
        await watch.until(lambda: "Lost hardening" in watch.text())
        text = watch.text()
        assert "880 sh" in text
        lines = text.splitlines()
        for sign, pid in (("!", 880), ("^", 603), ("x", 1733), ("+", 3000)):
            assert any(line.startswith(f"{sign} {pid:>7}") for line in lines), (sign, text)


async def test_marks_go_with_time() -> None:
    """After ten seconds, or with the next look if that is later; what is gone goes with them."""
    async with watching() as watch:
        watch.machine.postures = [*usual()[1:], process(3000, "new")]
        await watch.look()
        await watch.look(seconds=9.0)
        marks = {row.pid: row.mark.change for row in watch.screen.table.rows if row.mark}
        assert marks == {1: "gone", 3000: "appeared"}
        await watch.look(seconds=1.0)
        assert all(row.mark is None for row in watch.screen.table.rows)
        assert 1 not in [row.pid for row in watch.screen.table.rows]


async def test_a_pid_that_comes_again_has_appeared() -> None:
    """It is another process, whatever the number."""
    async with watching() as watch:
        watch.machine.postures = usual()[1:]
        await watch.look()
        watch.machine.postures = usual()
        await watch.look()
        (row,) = [row for row in watch.screen.table.rows if row.pid == 1]
        assert row.mark
        assert row.mark.change == "appeared"


async def test_the_cursor_stays_with_its_process() -> None:
    """Whatever comes, goes or is sorted around it."""
    async with watching() as watch:
        await watch.press("slash", *"agent", "enter", "down")
        pid = watch.screen.table.chosen and watch.screen.table.chosen.pid
        await watch.press("escape")
        watch.machine.postures = [process(n, f"p{n}") for n in range(5000, 5100)] + usual()
        await watch.look()
        assert watch.screen.table.chosen
        assert watch.screen.table.chosen.pid == pid
        await watch.press("s", "s", "S")
        assert watch.screen.table.chosen.pid == pid


async def test_a_process_vanishes_under_the_cursor() -> None:
    """It stays as gone, then the cursor is on what came into its place; every key still works."""
    async with watching() as watch:
        await watch.press("end")
        watch.machine.postures = usual()[:1]
        await watch.look()
        assert watch.screen.table.chosen
        assert watch.screen.table.chosen.is_gone
        await watch.look(seconds=10.0)
        assert watch.names() == ["systemd"]
        assert watch.screen.table.cursor == 0
        watch.machine.postures = []
        await watch.look()
        await watch.look(seconds=10.0)
        assert watch.names() == []
        await watch.press("down", "up", "end", "home", "enter", "c", "a", "x", "escape")
        assert "no process is chosen" in watch.text()


# When is looked


async def test_pause() -> None:
    """Space stops looking, and space goes on at once; r looks meanwhile."""
    async with watching(size=(160, 40)) as watch:
        await watch.press("space")
        assert watch.screen.watcher.paused
        assert "PAUSED" in watch.text()
        await watch.look()
        looks = watch.machine.looks
        await watch.press("space")
        await watch.until(lambda: watch.machine.looks > looks)
        assert "PAUSED" not in watch.text()


async def test_interval() -> None:
    """More and less often, within limits, and said on the screen."""
    async with watching(size=(160, 40)) as watch:
        await watch.press("plus")
        assert watch.screen.watcher.seconds == 3600
        await watch.press("minus")
        assert watch.screen.watcher.seconds == 300
        await watch.press("equals_sign")
        assert watch.screen.watcher.seconds == 3600
        await watch.press(*["minus"] * 20)
        assert watch.screen.watcher.seconds == 0.5
        assert "every 0.5 s" in watch.text()
        looks = watch.machine.looks
        await watch.until(lambda: watch.machine.looks > looks + 1)


# When nothing can be seen


async def test_a_machine_that_cannot_be_looked_at() -> None:
    """The screen says why and what is known all the same; it recovers."""
    machine = FakeMachine()
    machine.problem = "/proc: no proc file system: mount it to read the posture"
    machine.host_problem = "darwin: nothing is known"
    async with watching(machine, size=(80, 24)) as watch:
        text = watch.text()
        assert "The processes cannot be seen:" in text
        assert machine.problem in text
        assert "verdict: ■ hardened" in text
        assert "host: not known" in text
        await watch.press("x", "c", "a", "enter", "u", "escape", "h", "escape", "t", "s")
        machine.problem = ""
        await watch.look()
        assert "systemd" in watch.text()
        assert all(row.mark is None for row in watch.screen.table.rows)
        machine.problem = "/proc: gone again"
        await watch.look()
        assert "/proc: gone again" in watch.text()


async def test_what_could_not_be_seen_is_said() -> None:
    """A table from which something is missing does not look complete."""
    machine = FakeMachine()
    machine.notes = ["/proc is mounted with hidepid=2"]
    async with watching(machine) as watch:
        assert "incomplete: /proc is mounted with hidepid=2" in watch.text()


async def test_an_internal_error_is_shown() -> None:
    """A thread that ends in silence would leave an old picture for ever."""
    async with watching() as watch:
        watch.machine.postures = [None]  # type: ignore[list-item]
        await watch.look()
        assert "internal error: AttributeError" in watch.text()
