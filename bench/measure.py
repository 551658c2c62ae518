"""Starting processes and timing them; no judgement of what the numbers mean."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class MeasureError(Exception):
    """Something could not be measured; str() says what and why."""


@dataclass(frozen=True)
class Command:
    """A process to start; its whole environment is env.

    prints_numbers -- whether its output is numbers to keep; otherwise it is thrown away
    """

    argv: list[str]
    env: Mapping[str, str]
    prints_numbers: bool = True

    def __str__(self) -> str:
        return " ".join(self.argv)


@dataclass
class Series:
    """What the rounds gave: wall and CPU times in ns, and the numbers that the process printed."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    printed: list[list[float]] = field(default_factory=list)

    def column(self, *columns: int) -> list[float]:
        """The sum of some of the printed numbers, one a round."""
        return [sum(numbers[column] for column in columns) for numbers in self.printed]


def start(command: Command) -> tuple[float, float, str]:
    """Run a command to its end; returns its wall and CPU time in ns and what it printed.

    Raises MeasureError when it fails.
    """
    with tempfile.TemporaryFile() as output:
        actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), fd) for fd in (1, 2)]
        begin = time.perf_counter_ns()
        try:
            pid = os.posix_spawn(command.argv[0], command.argv, command.env, file_actions=actions)
        except OSError as error:
            raise MeasureError(f"{command.argv[0]}: {error.strerror}") from None
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter_ns() - begin
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise MeasureError(f"`{command}` ended with status {code}: {text.strip()}")
    return float(wall), (usage.ru_utime + usage.ru_stime) * 1e9, text


def interleave(commands: Mapping[str, Command], rounds: int) -> dict[str, Series]:
    """Run every command once a round, so that a busy moment of the machine hits all alike.

    A round before the first warms the caches and does not count.
    """
    series = {name: Series() for name in commands}
    for counts in [False] + [True] * rounds:
        for name, command in commands.items():
            wall, cpu, text = start(command)
            try:
                numbers = [float(word) for word in text.split() if command.prints_numbers]
            except ValueError:
                raise MeasureError(f"`{command}` printed {text!r}") from None
            if counts:
                series[name].wall.append(wall)
                series[name].cpu.append(cpu)
                series[name].printed.append(numbers)
    return series


def median_difference(minuend: Sequence[float], subtrahend: Sequence[float]) -> float:
    """The median of the differences within the rounds."""
    return statistics.median(a - b for a, b in zip(minuend, subtrahend, strict=True))
