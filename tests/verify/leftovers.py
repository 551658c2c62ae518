"""What a run of verify must not leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
_SECONDS = 10.0


def _restore_interrupts() -> None:
    """A shell starts background jobs with Ctrl-C ignored: undo that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Place:
    """A temporary folder for one run: its path marks whatever belongs to the run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ph-t-"))
        self.folder.chmod(0o777)
        self.environment = {**os.environ, "TMPDIR": str(self.folder)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start verify in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "process_hardening", "verify", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**self.environment, **environment},
            preexec_fn=_restore_interrupts,
        )

    def list_processes(self) -> list[str]:
        """The command lines of the run's processes, besides verify itself."""
        found = []
        marks = (str(self.folder) + "/ph-verify-").encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                marked = (entry / "cmdline").read_bytes()
                marked += (entry / "environ").read_bytes() + os.fsencode(os.readlink(entry / "cwd"))
            except OSError:
                continue
            if marks in marked:
                found.append(marked[:200].decode(errors="replace"))
        return found

    def wait_for_processes(self, count: int) -> None:
        """Wait until the run has so many processes."""
        deadline = time.monotonic() + _SECONDS
        while len(self.list_processes()) < count:
            assert time.monotonic() < deadline, "the run does not start"
            time.sleep(0.02)

    def wait_for_core_pattern(self) -> None:
        """Wait until the run has set kernel.core_pattern."""
        deadline = time.monotonic() + 4 * _SECONDS  # others may hold the lock
        while str(self.folder) not in CORE_PATTERN.read_text():
            assert time.monotonic() < deadline, "the core pattern is not set"
            time.sleep(0.02)

    def wait_for_no_files(self) -> None:
        """Wait until no file or setting of the run is left, whatever its processes do."""
        deadline = time.monotonic() + _SECONDS
        while self._list_files():
            assert time.monotonic() < deadline, f"left behind: {self._list_files()}"
            time.sleep(0.05)

    def _list_files(self) -> list[str]:
        pattern = CORE_PATTERN.read_text()
        left = [*map(str, self.folder.iterdir())]
        return [*left, pattern] if str(self.folder) in pattern else left

    def assert_clean(self) -> None:
        """No process, file or setting of the run is left after a while."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            left = [*self.list_processes(), *self._list_files()]
            if not left:
                return
            time.sleep(0.05)
        raise AssertionError(f"left behind: {left}")
