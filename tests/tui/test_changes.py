"""What the main screen shows as time goes by: changes, restarts, when is looked, and failures."""

from __future__ import annotations

from tui.machine import HARDENED, FakeMachine, node, process, usual, watching

# What changes between two looks


async def test_before_and_after_a_restart() -> None:
    """A program that is started again hardened is compared with what it was."""
    async with watching(size=(100, 40)) as watch:
        watch.machine.postures = [p for p in usual() if p.name != "node"]
        await watch.look()
        watch.machine.postures += node(hardened=True)
        await watch.look()
        await watch.press("slash", *"node", "enter")
        text = watch.text()
        assert "before ███ high     Any program of its user can read it: OPENAI_API_KEY" in text
        assert "now    ✓   hardened No program of its user can read it, since 03:04:09" in text
        assert "^▸ node server.js x4" in text
        assert "Nothing to do." in text
        await watch.until(lambda: "Hardened" in watch.text())
        assert "node server.js: no program of its" in watch.text()


async def test_a_program_that_is_no_longer_hardened_is_announced() -> None:
    """It stays compared for as long as it runs."""
    async with watching(size=(100, 40)) as watch:
        loose = [process(900 + i, "gunicorn app:main", python="3.12") for i in range(2)]
        watch.machine.postures = [p for p in usual() if p.name != "gunicorn"] + loose
        await watch.look()
        await watch.until(lambda: "No longer hardened" in watch.text())
        await watch.look(seconds=3600.0)
        await watch.press("slash", *"gunicorn", "enter")
        assert "before ✓   hardened" in watch.text()
        assert "now    ██  medium" in watch.text()


async def test_changes_are_marked() -> None:
    """Appeared, lost, gained, ended: each has a sign; nothing is marked at first."""
    async with watching(size=(160, 70)) as watch:
        await watch.press("4", "o")
        assert all(row.process.mark is None for row in watch.screen.table.rows)
        kept = [p for p in usual() if p.pid not in (880, 603, 1733)]
        changed = [process(880, "sh", ppid=871), process(603, "ssh-agent -D", **HARDENED)]
        watch.machine.postures = [*kept, *changed, process(3000, "new")]
        await watch.look()
        await watch.press("o")
        rows = [row.member for row in watch.screen.table.rows if row.member and row.member.mark]
        assert {row.pid: row.mark.change for row in rows if row.mark} == {
            880: "lost hardening",
            603: "gained hardening",
            1733: "ended",
            3000: "appeared",
        }
        lines = watch.text().splitlines()
        for sign, pid in (("!", 880), ("^", 603), ("x", 1733), ("+", 3000)):
            assert any(line.startswith(f" {sign}    {pid}") for line in lines), (sign, watch.text())


async def test_signs_go_with_time() -> None:
    """After ten seconds, or with the next look if that is later."""
    async with watching() as watch:
        watch.machine.postures = [*usual(), process(3000, "new")]
        await watch.look()
        assert "+▸ new" in watch.text()
        await watch.look(seconds=9.0)
        assert "+▸ new" in watch.text()
        await watch.look(seconds=1.0)
        assert "+▸ new" not in watch.text()


async def test_a_pid_that_comes_again_has_appeared() -> None:
    """It is another process, whatever the number."""
    async with watching() as watch:
        watch.machine.postures = usual()[1:]
        await watch.look()
        watch.machine.postures = usual()
        await watch.look()
        (row,) = [row for row in watch.screen.table.rows if row.process.pid == 1]
        assert row.process.mark
        assert row.process.mark.change == "appeared"


async def test_a_pid_that_another_process_takes_between_two_looks_has_appeared() -> None:
    """It has not lost the hardening of the earlier one."""
    hardened = process(70, "server", inode=1, **HARDENED)
    async with watching(FakeMachine([hardened])) as watch:
        watch.machine.postures = [process(70, "client", inode=2)]
        await watch.look()
        (row,) = watch.screen.table.rows
        assert row.process.mark
        assert row.process.mark.change == "appeared"


async def test_a_process_whose_inode_the_kernel_replaced_has_not_appeared() -> None:
    """It does so when memory is short."""
    async with watching(FakeMachine([process(70, "server", inode=1)])) as watch:
        watch.machine.postures = [process(70, "server", inode=2)]
        await watch.look()
        (row,) = watch.screen.table.rows
        assert row.process.mark is None


async def test_open_secrets_over_time() -> None:
    """A bar for each look, scaled from zero: the number is no secret of the bars."""
    machine = FakeMachine([process(10, "a", secret_variables=("A_KEY",))])
    async with watching(machine) as watch:
        watch.machine.postures.append(process(20, "b", secret_variables=("B_KEY",)))
        await watch.look(30.0)
        watch.machine.postures = []
        await watch.look(130.0)
        assert "▄█▁ 2 min  Secrets open: none." in watch.text()


# When is looked


async def test_pause() -> None:
    """The key p stops looking, and p goes on at once; r looks meanwhile."""
    async with watching(size=(160, 40)) as watch:
        await watch.press("p")
        assert watch.screen.watcher.paused
        assert "PAUSED" in watch.text()
        await watch.look()
        looks = watch.machine.looks
        await watch.press("p")
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
        assert "The processes cannot be read:" in text
        assert machine.problem in text
        assert "verdict: ✓ hardened" in text
        assert "host: not known" in text
        await watch.press("x", "c", "a", "enter", "1", "escape", "h", "escape", "o", "s")
        machine.problem = ""
        await watch.look()
        await watch.press("down")
        assert watch.screen.table.cursor == 1
        assert "node server.js" in watch.text()
        assert all(row.process.mark is None for row in watch.screen.table.rows)
        machine.problem = "/proc: gone again"
        await watch.look()
        assert "/proc: gone again" in watch.text()


async def test_what_could_not_be_seen_is_said() -> None:
    """A table from which something is missing does not look complete."""
    machine = FakeMachine()
    machine.notes = ["/proc is mounted with hidepid=2"]
    async with watching(machine, size=(140, 36)) as watch:
        assert "incomplete: /proc is mounted with hidepid=2" in watch.text()


async def test_an_internal_error_is_shown() -> None:
    """A thread that ends in silence would leave an old picture for ever."""
    async with watching() as watch:
        watch.machine.postures = [None]  # type: ignore[list-item]
        await watch.look()
        assert "internal error: AttributeError" in watch.text()


async def test_an_internal_error_in_the_groups_is_shown() -> None:
    """They are made after the processes have been read."""
    async with watching() as watch:
        watch.machine.postures = [process(1, "server", exe=1)]
        await watch.look()
        assert "internal error: AttributeError" in watch.text()
