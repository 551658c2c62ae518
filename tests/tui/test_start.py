"""How the monitor starts, or says why it does not; and the machine that it looks at for real."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import process_hardening
import support
from process_hardening import _native
from process_hardening.audit.posture import Posture
from process_hardening.audit.result import Audit
from process_hardening.errors import CommandError
from process_hardening.tui.attacker import STOPPED, Attacker
from process_hardening.tui.machine import Machine
from process_hardening.tui.view import HostView, View, view_of
from process_hardening.tui.watcher import Watcher, choose_interval
from process_hardening.verify import LEAKED, Progress, Verification
from tui.machine import FakeMachine, process
from tui.terminal import Terminal
from verify.leftovers import Place
from victims import PROGRAMS

MONITOR = str(Path(sys.executable).with_name("process-hardening-tui"))

WAYS = [
    [MONITOR],
    [sys.executable, "-m", "process_hardening.tui"],
    [str(Path(sys.executable).with_name("process-hardening")), "tui"],
]


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The only line that a program that did not start wrote."""
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("process-hardening: ")
    return line


def in_terminal(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end with a terminal as its input and output, and a pipe for errors."""
    ours, theirs = pty.openpty()
    try:
        return support.run_as_user(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            **{"capture_output": False, **options},
        )
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("way", WAYS, ids=["script", "module", "command"])
def test_no_terminal(way: list[str]) -> None:
    """One line that says what to use in its place, status 2."""
    assert "audit` prints a report" in one_line(support.run_as_user(way))


def test_errors_that_go_elsewhere() -> None:
    """Textual draws on standard error: that has to be the terminal too."""
    result = in_terminal([MONITOR])
    assert result.returncode == 2
    assert "standard error is not a terminal" in result.stderr


@pytest.mark.parametrize("way", WAYS, ids=["script", "module", "command"])
def test_help_and_version(way: list[str]) -> None:
    """The same whichever way it is started."""
    text = support.run_as_user([*way, "--help"]).stdout
    assert "--interval SECONDS" in text
    assert "usage or internal error, no terminal, or textual is not installed" in text
    version = support.run_as_user([*way, "--version"])
    expected = f"process-hardening-tui {process_hardening.__version__} ("
    assert version.stdout.startswith(expected)


@pytest.mark.parametrize(
    "arguments",
    [["--interval", "0"], ["--interval", "nan"], ["--interval=x"], ["--interval"], ["x"], ["--y"]],
    ids=" ".join,
)
def test_wrong_arguments(arguments: list[str]) -> None:
    """One line, status 2."""
    for way in WAYS:
        one_line(support.run_as_user([*way, *arguments]))


def test_a_wrong_argument_is_shown_without_its_value() -> None:
    """It may be a secret in the wrong place."""
    for way in WAYS:
        line = one_line(support.run_as_user([*way, "--interval", "TOKEN=sesame"]))
        assert "TOKEN=..." in line
        line = one_line(support.run_as_user([*way, "--ascii=sesame"]))
        assert "argument --ascii takes no value" in line
        assert "sesame" not in line


def test_textual_is_missing(user_tmp: Path) -> None:
    """One line with the command that installs it, status 2."""
    package = Path(str(process_hardening.__file__)).parent
    (user_tmp / "process_hardening").symlink_to(package)
    extension = Path(str(_native.__file__))
    (user_tmp / extension.name).symlink_to(extension)
    argv = [sys.executable, "-S", "-m", "process_hardening.tui"]
    result = support.run_as_user(argv, env={"PYTHONPATH": str(user_tmp)})
    assert "python -m pip install 'textual>=8'" in one_line(result)


@pytest.mark.parametrize(
    ("module", "keys"), [("app", ""), ("screens/help", "?")], ids=["at the start", "later"]
)
@pytest.mark.parametrize("way", ["process_hardening.tui", "process_hardening"])
def test_an_internal_error_ends_the_monitor_with_status_2(
    user_tmp: Path, module: str, keys: str, way: str
) -> None:
    """Python and textual would exit with 1. Here a module is damaged."""
    package = shutil.copytree(
        Path(str(process_hardening.__file__)).parent, user_tmp / "process_hardening"
    )
    (package / f"tui/{module}.py").write_text("raise RuntimeError('damaged')\n")
    extension = Path(str(_native.__file__))
    (user_tmp / extension.name).symlink_to(extension)
    argv = [sys.executable, "-m", way, *(["tui"] if way == "process_hardening" else [])]
    with Terminal(argv, 120, 60, env={"PYTHONPATH": str(user_tmp)}) as terminal:
        if keys:
            terminal.wait_for("Quit")
            terminal.press(keys)
        assert terminal.wait() == 2, terminal.text()
        assert "RuntimeError: damaged" in terminal.text()


def test_the_start_loads_nothing_of_textual() -> None:
    """Nor anything of ours but the core: it is hardened by then."""
    program = [sys.executable, str(PROGRAMS / "loaded_modules.py")]
    result = support.run([*program, "import process_hardening.tui.main"])
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) <= {
        "__future__",
        "process_hardening",
        "_process_hardening",
        "process_hardening.tui",
        "process_hardening.tui.main",
        "types",
    }


# In a real terminal


def test_the_size_changes_during_a_burst_of_keys() -> None:
    """Keys and sizes come as they come; afterwards everything is in its place and answers."""
    with Terminal([MONITOR]) as terminal:
        terminal.wait_for("q Quit")
        sizes = [(132, 50), (40, 10), (100, 24), (72, 16), (200, 60), (80, 24)]
        for columns, lines in sizes * 3:
            terminal.resize(columns, lines)
            terminal.press("\x1b[B\x1b[C\x1b[Bos2\x1b[D")
        terminal.resize(100, 30)
        terminal.wait_for(lambda: "q Quit" in terminal.screen.display[29])
        terminal.press("/xyz")
        terminal.wait_for("xyz")
        terminal.wait_for(lambda: terminal.text().rstrip().endswith("/ Filter"))
        terminal.press("\x11")
        assert terminal.wait() == 0
        assert terminal.state() == terminal.before


def test_it_draws_ascii_where_the_locale_has_nothing_else() -> None:
    """And where it is told to."""
    for arguments, locale in (([], "C"), (["--ascii"], "C.UTF-8")):
        with Terminal([MONITOR, *arguments], env={"LC_ALL": locale}) as terminal:
            terminal.wait_for("groups, ")
            assert terminal.text().isascii(), terminal.text()
            terminal.press("q")
            assert terminal.wait() == 0


# The real machine


def test_a_look_at_the_real_machine() -> None:
    """It sees the others, judged and grouped, and leaves itself out."""
    with support.Running(SLEEPER) as plain:
        view = view_of(Machine().look(), 1.0, None)
        members = {m.pid: group for group in view.groups for m in group.members}
        assert "python" in members[plain.pid].label
        assert members[plain.pid].group.severity in ("high", "medium", "low")
    assert os.getpid() not in members


def test_no_proc(tmp_path: Path) -> None:
    """What is no proc file system is told from one."""
    with pytest.raises(CommandError, match="no proc file system"):
        Machine(str(tmp_path)).look()


def test_the_host_for_real() -> None:
    """The checks of doctor."""
    assert "Yama" in [check.topic for check in Machine().diagnose([]).checks]


def test_the_watcher_goes_on_by_itself() -> None:
    """It looks again after each interval, marks what changed, and ends when told."""
    seen: list[View | HostView] = []
    two = threading.Event()

    def take(view: View | HostView) -> None:
        seen.append(view)
        if len(seen) > 2:
            two.set()

    watcher = Watcher(Machine(), 0.05, take)
    watcher.look_at_host()
    watcher.start()
    assert two.wait(support.TIMEOUT)
    watcher.stop()
    watcher.join(support.TIMEOUT)
    assert not watcher.is_alive()
    assert any(isinstance(view, HostView) and view.diagnosis for view in seen)
    assert sum(isinstance(view, View) for view in seen) >= 2


def test_what_starts_is_seen_before_everything_is_looked_at_again() -> None:
    """Read alone, and once more when it has settled: programs harden soon after their start."""

    class Busy(FakeMachine):
        """Looking at everything takes so long that it is not done again for a while."""

        def look(self, seen: Iterable[Posture] = ()) -> Audit:
            until = time.process_time() + (0.0 if seen else 0.5)
            while time.process_time() < until:
                pass
            return super().look(seen)

    seen: list[View] = []
    wanted = threading.Event()

    def take(view: View | HostView) -> None:
        if isinstance(view, View):
            seen.append(view)
            if len(seen) == 1:
                machine.postures.append(process(3000, "app", secret_variables=("API_KEY",)))
            elif len(seen) == 3:
                machine.postures = [p for p in machine.postures if p.pid != 603]
            elif len(seen) == 4:
                wanted.set()

    machine = Busy()
    watcher = Watcher(machine, None, take)
    watcher.start()
    assert wanted.wait(support.TIMEOUT)
    watcher.stop()
    watcher.join(support.TIMEOUT)
    assert machine.read[1:4] == [{3000}, {3000}, set()]
    assert {member.pid for group in seen[1].groups for member in group.members} >= {3000, 603}


def test_a_look_at_what_is_new_reads_nothing_else() -> None:
    """What was seen before is taken as it was, unless it has ended."""
    machine = Machine()
    with support.Running(SLEEPER) as gone:
        first = [entry.posture for entry in machine.look().entries]
        assert gone.pid in {posture.pid for posture in first}
    believed = [posture.replace(name="believed") for posture in first]
    with support.Running(SLEEPER) as new:
        entries = {entry.posture.pid: entry.posture for entry in machine.look(believed).entries}
        assert gone.pid not in entries
        assert entries[new.pid].name != "believed"
        assert entries[1].name == "believed"


def test_a_new_process_with_the_pid_of_an_earlier_one_is_read() -> None:
    """Within seconds, although the pids are the same."""

    class Busy(FakeMachine):
        def look(self, seen: Iterable[Posture] = ()) -> Audit:
            try:
                return super().look(seen)
            finally:
                if self.looks == 1:
                    self.postures = [process(70, "client", inode=2)]
                else:
                    read.set()

    read = threading.Event()
    machine = Busy([process(70, "server", inode=1)])
    watcher = Watcher(machine, None, lambda _: None)
    watcher.start()
    assert read.wait(support.TIMEOUT)
    watcher.stop()
    watcher.join(support.TIMEOUT)
    assert machine.read[1] == {70}


def test_a_big_machine_is_looked_at_less_often() -> None:
    """Unless told otherwise, looking takes a small share of the time."""

    class Slow(Machine):
        def look(self, _seen: Any = ()) -> Any:
            until = time.process_time() + 0.1
            while time.process_time() < until:
                pass
            raise CommandError("slow")

    seen = threading.Event()
    watcher = Watcher(Slow(), None, lambda _: seen.set())
    watcher.start()
    assert seen.wait(support.TIMEOUT)
    watcher.stop()
    assert watcher.seconds >= 5.0
    watcher.interval = 1.0
    assert watcher.seconds == 1.0


@pytest.mark.parametrize(
    ("cost", "seconds"), [(0.001, 2), (0.1, 20), (0.2, 30), (0.3, 30), (0.6, 60)]
)
def test_a_machine_that_is_expensive_to_look_at_is_looked_at_in_time(
    cost: float, seconds: float
) -> None:
    """Every 30 s, unless that would take 1 % of a core: any user can make it expensive."""
    assert choose_interval(cost) == pytest.approx(seconds)


def attack(
    pid: int, after_a_step: Callable[[Attacker], object] = lambda _: None
) -> tuple[Verification | None, str]:
    """Attack a process for real; after_a_step can look at what runs, or stop it."""
    ended: list[tuple[Verification | None, str]] = []

    def step(_: Progress) -> None:
        after_a_step(attacker)

    attacker = Attacker(Machine(), pid, False, step, lambda *result: ended.append(result))
    attacker.start()
    attacker.join(support.TIMEOUT)
    assert not attacker.is_alive()
    return ended[0]


SLEEPER = [sys.executable, str(PROGRAMS / "wait.py")]


def test_an_attack_for_real() -> None:
    """The control leaks, a plain process lets attackers in, a hardened one does not; both live."""
    with support.Running(SLEEPER) as plain, support.Running([*SLEEPER, "hardened"]) as hardened:
        for running, leaks in ((plain, True), (hardened, False)):
            result, problem = attack(running.pid)
            assert result, problem
            row = next(row for row in result.attacks if row.name == "proc-mem")
            assert row.control == LEAKED
            (judged,) = row.victims.values()
            assert (judged.outcome == LEAKED) == leaks, judged
            assert running.process.poll() is None


def test_a_stopped_attack_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, and no process of the laboratory."""
    running: list[str] = []
    with Place() as place, support.Running(SLEEPER) as plain:

        def stop(attacker: Attacker) -> None:
            running.extend(place.find_processes().values())
            attacker.cancel()

        monkeypatch.setattr(tempfile, "tempdir", str(place.folder))
        assert attack(plain.pid, stop) == (None, STOPPED)
        assert running
        place.assert_clean()
