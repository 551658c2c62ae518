"""What the monitor costs: its first paint, its frames on a big machine, its idling.

Usage: python bench/monitor.py [--rounds N] [--processes N] [--json FILE] [--check]
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit import SHELL, crowd
from measure import Command, MeasureError, interleave
from report import Row, Section, as_json, machine, table

INCOMPLETE, MISSED = 3, 1
PATIENCE = 60.0
IDLE_SECONDS = 20.0
FRAME = 50e6  # ns
IDLE = 0.01
PAINT = 1.5

MONITOR = [str(Path(sys.executable).with_name("process-hardening-tui"))]
EMPTY = [
    sys.executable,
    "-c",
    "from textual.app import App\n"
    "from textual.widgets import Label\n"
    "class Empty(App):\n"
    "    def compose(self):\n"
    "        yield Label('PROGRAM')\n"
    "Empty().run()\n",
]
PAINTED = b"PROGRAM"  # a title of the monitor's table, and all that the empty application shows

# Prints the longest time in ns that the loop was away, the most processor time of its thread
# meanwhile, how many looks there were, and how many processes were seen.
FRAMES = """
import asyncio, time
from process_hardening.tui.app import WatchApp
from process_hardening.tui.machine import Machine
from process_hardening.tui.watcher import collect_garbage_rarely

async def main():
    app = WatchApp(Machine(), 0.5)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.processes
        while screen.view is None or screen.host_view is None:
            await asyncio.sleep(0.01)
        collect_garbage_rarely()  # as the monitor does when it is not headless
        longest, most, looks, last = 0, 0, 0, screen.view
        keys = iter(["o", "down", "end", "s", "home", "pagedown"] * 1000)
        before, used = time.perf_counter_ns(), time.thread_time_ns()
        while looks < 5:
            await asyncio.sleep(0.002)
            now, uses = time.perf_counter_ns(), time.thread_time_ns()
            longest, most = max(longest, now - before), max(most, uses - used)
            before, used = now, uses
            if screen.view is not last:
                looks, last = looks + 1, screen.view
                app.simulate_key(next(keys))
        print(longest, most, looks, last.facts.processes)

asyncio.run(main())
"""


@contextmanager
def in_terminal(argv: list[str]) -> Iterator[tuple[int, int]]:
    """A program in a terminal of its own: its pid and our end of the terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "HOME": os.environ.get("HOME", "/"),
    }
    program = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
    )
    os.close(theirs)
    try:
        yield program.pid, ours
    finally:
        program.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while program.poll() is None and time.monotonic() < deadline:
            _drain(ours, 0.05)
        program.kill()
        program.wait()
        os.close(ours)


def _drain(terminal: int, seconds: float) -> bytes:
    """What is written within some seconds, or at once when there is something."""
    if not select.select([terminal], [], [], seconds)[0]:
        return b""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # EIO: nobody has the other end any more
        time.sleep(seconds)
        return b""


def first_paint(argv: list[str]) -> float:
    """Nanoseconds from the start of a program until it shows something. Raises MeasureError."""
    begin = time.perf_counter_ns()
    seen = b""
    with in_terminal(argv) as (_, terminal):
        while PAINTED not in seen:
            if time.perf_counter_ns() - begin > PATIENCE * 1e9:
                raise MeasureError(f"`{shlex.join(argv)}` shows nothing: {seen[-200:]!r}")
            seen += _drain(terminal, 0.01)
        return float(time.perf_counter_ns() - begin)


def paints(rounds: int) -> Section:
    """The monitor's first paint beside that of an empty Textual application."""
    spent: dict[str, list[float]] = {"monitor": [], "empty": []}
    for counts in [False] + [True] * rounds:
        for name, argv in (("monitor", MONITOR), ("empty", EMPTY)):
            took = first_paint(argv)
            if counts:
                spent[name].append(took)
    monitor, empty = (statistics.median(spent[name]) for name in ("monitor", "empty"))
    return Section(
        "process-hardening-tui: first paint",
        [
            Row("an empty Textual application", empty, least=min(spent["empty"])),
            Row(
                "the monitor, started again as an execute-only image",
                monitor,
                least=min(spent["monitor"]),
                ratio=monitor / empty,
                against="x empty",
                limit=PAINT,
            ),
        ],
    )


def frames(processes: int, rounds: int) -> Section:
    """The longest time that the interface did not answer while it looked and was used."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    with crowd(processes, SHELL):
        series = interleave({"frames": Command([sys.executable, "-c", FRAMES], env)}, rounds)
    longest = series["frames"].column(0)
    busiest = series["frames"].column(1)
    seen = statistics.median(series["frames"].column(3))
    return Section(
        f"process-hardening-tui: frames with {seen:,.0f} processes",
        [
            Row(
                label,
                statistics.median(spent),
                least=min(spent),
                ratio=statistics.median(spent) / FRAME,
                limit=1.0,
            )
            for label, spent in (
                ("the longest in five looks, of 50 ms", longest),
                ("the most processor time of one, which other work does not change", busiest),
            )
        ],
    )


def _ticks(pid: int) -> float:
    """Seconds of processor time; fields 14 and 15 of /proc/PID/stat, which anybody may read."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idling() -> Section:
    """The share of a core that the monitor takes when nobody touches it."""
    with in_terminal(MONITOR) as (pid, terminal):
        settled = time.monotonic() + 5.0
        while time.monotonic() < settled:
            _drain(terminal, 0.1)
        begin, used = time.monotonic(), _ticks(pid)
        while time.monotonic() < begin + IDLE_SECONDS:
            _drain(terminal, 0.1)
        share = (_ticks(pid) - used) / (time.monotonic() - begin)
    return Section(
        "process-hardening-tui: idle",
        [Row(f"share of a core in {IDLE_SECONDS:.0f} s, of 1 %", ratio=share / IDLE, limit=1.0)],
    )


def main() -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description="What the monitor costs.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="default: 10")
    parser.add_argument("--processes", type=int, default=2000, metavar="N", help="default: 2000")
    parser.add_argument(
        "--check", action="store_true", help="end with status 1 when a target is missed"
    )
    options = parser.parse_args()
    command = shlex.join([sys.executable, *sys.argv])
    facts = machine()
    try:
        sections = [
            paints(options.rounds),
            frames(options.processes, max(options.rounds // 3, 1)),
            idling(),
        ]
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return INCOMPLETE
    rows = [row for section in sections for row in section.rows]
    missed = [row for row in rows if row.met is False]
    print(f"{command}   ({options.rounds} rounds)")
    for label, fact in facts.items():
        print(f"{label}: {fact}")
    print("", table(sections), "", sep="\n")
    print(f"targets: {sum(row.met is True for row in rows)} met, {len(missed)} missed")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = {"schema": 1, "command": command, "machine": facts, "sections": as_json(sections)}
        options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return MISSED if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
