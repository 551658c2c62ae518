"""What a run of verify must not leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from support import TIMEOUT, wait_until

if TYPE_CHECKING:
    from typing_extensions import Self

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


def _restore_interrupts() -> None:
    """A shell starts background jobs with Ctrl-C ignored: undo that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Place:
    """A temporary folder for runs: its path marks whatever belongs to them.

    At the end of the `with` block, runs and processes that are left are ended.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ph-t-"))
        self.folder.chmod(0o777)
        self.environment = {**os.environ, "TMPDIR": str(self.folder)}
        self._runs: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for run in self._runs:
            run.terminate()
            run.communicate(timeout=TIMEOUT)
        for pid in self.find_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start verify in a session of its own."""
        run = subprocess.Popen(
            [sys.executable, "-m", "process_hardening", "verify", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**self.environment, **environment},
            preexec_fn=_restore_interrupts,
        )
        self._runs.append(run)
        return run

    def find_processes(self) -> dict[int, str]:
        """The pids and command lines of the run's processes, besides verify itself."""
        found = {}
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
                found[int(entry.name)] = marked[:200].decode(errors="replace")
        return found

    def wait_for_processes(self, count: int) -> None:
        """Wait until the run has so many processes."""
        wait_until(lambda: len(self.find_processes()) >= count, "the run does not start")

    def wait_for_core_pattern(self) -> None:
        """Wait until the run has set kernel.core_pattern."""
        folder = str(self.folder)
        wait_until(lambda: folder in CORE_PATTERN.read_text(), "the core pattern is not set")

    def wait_for_no_files(self) -> None:
        """Wait until no file or setting of the run is left, whatever its processes do."""
        wait_until(lambda: not self._list_files(), f"files are left in {self.folder}")

    def _list_files(self) -> list[str]:
        pattern = CORE_PATTERN.read_text()
        left = [*map(str, self.folder.iterdir())]
        return [*left, pattern] if str(self.folder) in pattern else left

    def assert_clean(self) -> None:
        """No process, file or setting of the run is left after a while."""
        self.wait_for_no_files()
        wait_until(lambda: not self.find_processes(), f"processes are left of {self.folder}")
