"""A terminal for a program under test, as a person has one: keys go in, a screen comes out."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

import support

if TYPE_CHECKING:
    from typing_extensions import Self

KITTY_KEYS = {"on": b"\x1b[>", "off": b"\x1b[<u"}
"""What asks a terminal for the key codes of kitty's protocol, and what gives them back."""


class Terminal:
    """A program in a pseudo-terminal of its own, which is its controlling terminal.

    The kernel's side of it is real: line settings, SIGWINCH, hang-up. pyte keeps the screen.
    """

    def __init__(
        self, argv: Sequence[str], columns: int = 80, lines: int = 24, **options: Any
    ) -> None:
        pyte = support.import_module("pyte")
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._said = b""
        self._master, self._slave = os.openpty()  # ours too: its settings outlive the program
        self._set_size(columns, lines)
        self.before = self.state()
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.update(options.pop("env", {}))
        self.process = subprocess.Popen(
            # It executes the program in its place: the pid is the program's.
            [support.find_tool("setsid"), "--ctty", *argv],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=environment,
            **{**support.user_options(), **options},
        )
        self.pid = self.process.pid
        self._end = os.pidfd_open(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(support.TIMEOUT)
        for fd in {self._master, self._slave, self._end} - {-1}:
            os.close(fd)

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.screen.display)

    def wait_for(self, seen: str | Callable[[], bool]) -> None:
        """Wait until a text is on the screen, or something holds; fail when the program ends."""
        holds = seen if callable(seen) else lambda: seen in self.text()
        if not any(holds() for _ in self._output()):
            status = self.process.poll()
            pytest.fail(f"waited for {seen}; status {status}; on the screen:\n{self.text()}")

    def press(self, keys: str) -> None:
        """Type keys, given as what a terminal sends for them."""
        os.write(self._master, keys.encode())

    def paste(self, text: str) -> None:
        """Paste text, which a terminal in bracketed paste mode marks as such."""
        self.press(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size; the kernel sends SIGWINCH. All must be drawn anew."""
        self.screen.resize(lines, columns)
        self.screen.erase_in_display(2)
        self._set_size(columns, lines)

    def hang_up(self) -> None:
        """Take the terminal away, as a broken ssh connection does."""
        os.close(self._master)
        self._master = -1

    def stall(self) -> None:
        """Take no more output, as a frozen window or connection does."""
        termios.tcflow(self._slave, termios.TCOOFF)

    def wait(self) -> int:
        """Wait for the end of the program; returns its status."""
        if self._master >= 0:
            list(self._output())
        return self.process.wait(support.TIMEOUT)

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal and return the status that the program ends with."""
        self.process.send_signal(number)
        return self.wait()

    def state(self) -> dict[str, object]:
        """What a program must leave as it was: line settings, modes, the kind of key codes.

        The modes are those of xterm: another screen, a hidden cursor, mouse reports, ...
        """
        return {
            "stty": termios.tcgetattr(self._slave),
            "modes": frozenset(self.screen.mode),
            "kitty": self._said.count(KITTY_KEYS["on"]) - self._said.count(KITTY_KEYS["off"]),
        }

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _output(self) -> Iterator[None]:
        """Yield now and after each piece of output, until the program has ended or hangs."""
        deadline = time.monotonic() + support.TIMEOUT
        ready = [self._master]
        while self._master in ready and time.monotonic() < deadline:
            yield
            ready, _, _ = select.select([self._master, self._end], [], [], support.TIMEOUT)
            if self._master in ready:
                said = os.read(self._master, 1 << 16)
                self._said += said
                # pyte knows nothing of kitty: it would write a "u" where the cursor is.
                self._stream.feed(said.replace(KITTY_KEYS["off"], b""))
