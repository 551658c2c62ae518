"""Helpers for all tests: an unprivileged user, required tools, programs that run beside a test."""

from __future__ import annotations

import fcntl
import importlib
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from typing_extensions import Self

MUST_WORK = os.environ.get("PROCESS_HARDENING_MUST_WORK") == "1"

USER = 65534 if os.getuid() == 0 else os.getuid()
"""The uid of victims and attackers: nobody's when the tests run as root."""

TIMEOUT = 60
"""Seconds until a program that neither ends nor answers counts as hung."""


private_compiler: Compiler | None = None
"""Builds the program that change_user() uses; conftest.py sets it."""


def allow_user(path: Path) -> None:
    """Let the unprivileged user write to a file or folder, by an access control list (acl(5))."""
    mode = path.stat().st_mode
    owner, group, others = mode >> 6 & 7, mode >> 3 & 7, mode & 7
    # Tag, permissions and id: the owner, the user, the group, the mask, and others.
    entries = (
        (0x01, owner, -1),
        (0x02, group | 2, USER),
        (0x04, group, -1),
        (0x10, group | 2, -1),
        (0x20, others, -1),
    )
    content = b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + content)
    except OSError as error:
        fail_or_skip(f"access control lists in {path.parent}: {error.strerror}")


def fail_or_skip(what: str) -> NoReturn:
    """Fail in CI, skip elsewhere, because this machine lacks something the test needs."""
    if MUST_WORK:
        pytest.fail(f"missing here: {what}")
    pytest.skip(f"missing here: {what}")


def find_tool(name: str) -> str:
    """Return the path of a program in the test environment or in PATH."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    return path or fail_or_skip(name)


def import_module(name: str) -> Any:
    """Import a module of tests/requirements.txt."""
    try:
        return importlib.import_module(name)
    except ImportError:
        fail_or_skip(f"the module {name}")


def require_root() -> None:
    """Fail or skip unless the test runs as root."""
    if os.getuid():
        fail_or_skip("root")


def user_options() -> dict[str, Any]:
    """Return the subprocess arguments that start a program as the unprivileged user."""
    if os.getuid():
        return {}
    return {"user": USER, "group": USER, "extra_groups": []}


def change_user(argv: Sequence[str], options: dict[str, Any]) -> tuple[Sequence[str], Any]:
    """Return the arguments of subprocess that start a program as the unprivileged user.

    Cheaper than user_options(), but Popen may return before the program itself is executed.
    """
    if os.getuid():
        return argv, options
    if private_compiler is None or {"user", "preexec_fn", "executable"} & options.keys():
        return argv, {**user_options(), **options}
    return [str(private_compiler("as_user.c", "-static")), str(USER), *argv], options


def run_as_user(argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program as the unprivileged user and return its output as text."""
    argv, options = change_user(argv, options)
    return run(argv, **options)


def run(argv: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output as text; standard input is empty."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        argv, **{"capture_output": True, "text": True, "timeout": TIMEOUT, **options}
    )


def wait_until(happened: Callable[[], object], what: str = "it did not happen") -> None:
    """Wait until a function returns something true; fail with this text if it never does."""
    deadline = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Running:
    """A program that runs beside the test and is killed at the end of the `with` block.

    It prints a line when it is ready, which is kept in `ready`.
    """

    def __init__(self, argv: Sequence[str], **options: Any) -> None:
        argv, options = change_user(argv, options)
        self.process = subprocess.Popen(
            argv,
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **options,
            },
        )
        self.pid = self.process.pid
        self.ready = self.answer()

    def __enter__(self) -> Self:
        if not self.ready:
            _, errors = self.process.communicate(timeout=TIMEOUT)
            pytest.fail(f"ended with {self.process.returncode} before it was ready: {errors}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate(timeout=TIMEOUT)

    def ask(self, line: str) -> str:
        """Write a line to its standard input and return the next line it prints."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """Return the next line it prints, or "" if it has ended; a hung program is killed."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(TIMEOUT, self.process.kill)
        watchdog.start()
        try:
            return str(self.process.stdout.readline().strip())
        finally:
            watchdog.cancel()

    def answer_to(self, number: signal.Signals) -> str:
        """Send a signal and return the next line it prints.

        If a signal arrives just before a read, Python handles it only after the read. The signal
        is therefore sent again, which interrupts the read.
        """
        assert self.process.stdout is not None
        for _ in range(TIMEOUT):
            self.process.send_signal(number)
            if select.select([self.process.stdout], [], [], 1)[0]:
                break
        return self.answer()

    def end_by(self, number: signal.Signals) -> int:
        """Send a signal and return the status that the program ends with."""
        self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode


@contextmanager
def ending(process: subprocess.Popen[Any]) -> Iterator[Any]:
    """Kill a process at the end of the block: Popen alone would wait for it if a test fails."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def make_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Let the first of the test run's workers that gets here fill a folder; all return it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
            make(unfinished)
            unfinished.rename(folder)
    return folder


class Compiler:
    """Builds C programs into a folder that every user can enter, each name once."""

    def __init__(self, sources: Path, folder: Path) -> None:
        self.sources = sources
        self.folder = folder

    def __call__(self, source: str, *flags: str, name: str = "", cc: str = "cc") -> Path:
        """Build a program or library from a source file and return its path."""
        output = self.folder / (name or Path(source).stem)
        if not output.exists():
            warnings = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]
            command = [
                find_tool(cc),
                *warnings,
                str(self.sources / source),
                "-o",
                str(output),
                *flags,
            ]
            subprocess.run(command, check=True)
        return output


@contextmanager
def ignored_sigchld() -> Iterator[None]:
    """Ignore SIGCHLD in the block: the kernel then discards the statuses of children."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


@contextmanager
def keep_suid_dumpable() -> Iterator[None]:
    """Wait until no test changes fs.suid_dumpable, and keep all others from it in the block."""
    with Path("/proc/sys/fs/suid_dumpable").open() as setting:
        fcntl.flock(setting, fcntl.LOCK_SH)
        yield


# include/uapi/linux/pidfd.h: struct pidfd_info up to coredump_mask, which mask bit 4 asks for.
_PIDFD_INFO = struct.Struct("=Q56xI4x")
PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_DUMPABLE = {2: 0, 4: 1, 8: 2}


def read_dumpable(pid: int) -> int:
    """Return the dumpable flag of another process, from pidfd_info (Linux 6.16)."""
    pidfd = os.pidfd_open(pid)
    info = bytearray(_PIDFD_INFO.pack(1 << 4, 0))
    try:
        fcntl.ioctl(pidfd, PIDFD_GET_INFO, info)
    except OSError:
        fail_or_skip("a kernel that tells the dumpable flag (Linux 6.16)")
    finally:
        os.close(pidfd)
    mask, coredump = _PIDFD_INFO.unpack(info)
    return _DUMPABLE[coredump] if mask & 1 << 4 else fail_or_skip("the dumpable flag in pidfd_info")


class Sysctl:
    """A setting in /proc/sys, restored at the end of the `with` block.

    Other test runs on this machine that use the same setting wait until then.
    """

    def __init__(self, name: str) -> None:
        self.path = Path("/proc/sys") / name

    def __enter__(self) -> Self:
        self.lock = self.path.open()
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.before = self.path.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        if self.path.read_text() != self.before:
            self.path.write_text(self.before)
        self.lock.close()

    def set(self, value: str) -> None:
        """Change the setting; skip (fail in CI) where that is not allowed."""
        try:
            self.path.write_text(value)
        except OSError as error:
            fail_or_skip(f"the right to write {self.path}: {error.strerror}")
