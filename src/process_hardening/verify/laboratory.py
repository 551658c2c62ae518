"""Starts the laboratory (lab/lab.py) as a process of its own, and cleans up after it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import IO, TYPE_CHECKING, Any

from process_hardening.errors import CommandError
from process_hardening.separate import start_separate
from process_hardening.verify.lab import core_guard, lab
from process_hardening.verify.lab.installation import install
from process_hardening.verify.lab.removal import remove_tree
from process_hardening.verify.plan import NOBODY, Plan
from process_hardening.verify.victims import INSTALLED, PACKAGE_VARIABLES

if TYPE_CHECKING:
    from typing_extensions import Self

_STOP_SECONDS = 4.0
_TICK = 0.5
_MOST_STOPS = 5
_LONGEST_SILENCE = 300.0  # each attempt has a deadline, and is reported when it is over
_MAX_PARALLEL = 4
_FIRST_FREE_GROUP = 1 << 30  # far above all groups of users, containers and services


class LaboratoryProcess:
    """The processes of the laboratory and its core guard, which leave nothing behind.

    as_container_root -- attack as root without CAP_SYS_PTRACE
    uid, gid -- the attacker's user and group if we are root and the attacker is not; None: nobody

    Raises CommandError for as_container_root if we are not root.
    """

    def __init__(self, as_container_root: bool, uid: int | None = None, gid: int = NOBODY) -> None:
        self.root = os.geteuid() == 0
        self.as_container_root = as_container_root
        if as_container_root and not self.root:
            raise CommandError("--as-root-without-ptrace: run it as root")
        self.drops = self.root and not as_container_root
        self.uid = (NOBODY if uid is None else uid) if self.drops else os.geteuid()
        self.gid = gid
        # The group of the cores that a root program writes: no other process is in it.
        self.reading_group = _FIRST_FREE_GROUP + int.from_bytes(os.urandom(3), "big")
        self.top = ""
        self.work = ""
        self.notes: tuple[str, ...] = ()
        self.process: subprocess.Popen[bytes] | None = None
        self.guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make_folders()
        except OSError as error:
            self._remove()
            raise CommandError(
                f"cannot create a temporary directory ({error.strerror}): set TMPDIR to a writable"
                " directory"
            ) from None
        return self

    def _make_folders(self) -> None:
        self.top = tempfile.mkdtemp(prefix="ph-verify-")
        self.work = os.path.join(self.top, "work")
        os.chmod(self.top, 0o711)
        for name in ("work", "cores"):
            path = os.path.join(self.top, name)
            os.mkdir(path, 0o700)
            if self.drops:
                os.chown(path, self.uid, self.gid)
        if self._can_set_pattern:
            # A root program writes here: others must not be able to put a link here. The attacker
            # may read the folder, as the only member of its group.
            piped = os.path.join(self.top, "piped")
            for path in (piped, os.path.join(piped, f"{self.uid}-1")):
                os.mkdir(path, 0o750)
                os.chmod(path, 0o750)  # whatever the umask is
                if self.drops:
                    os.chown(path, 0, self.reading_group)

    @property
    def _can_set_pattern(self) -> bool:
        return self.root and os.access(core_guard.PATTERN, os.W_OK)

    def __exit__(self, *_: object) -> None:
        if self.process:
            _stop(self.process, signal.SIGKILL)
        if self.guard:
            _stop(self.guard, core_guard.END)
        self._remove()

    def _remove(self) -> None:
        """Remove our folder, or note that it is left."""
        try:
            if self.top:
                remove_tree(self.top)
        except OSError as error:
            self.notes = (f"cannot remove {self.top} ({error.strerror}): remove it yourself",)

    def run(self, plan: Plan) -> Iterator[dict[str, Any]]:
        """Start the laboratory with a plan, and yield its events.

        Raises CommandError if the laboratory cannot be started, exits early or does not run on.
        """
        plan = self._skip_unexecutable(plan)
        guard = self._start_guard()
        with tempfile.TemporaryFile(dir=self.top) as errors:
            self.process = self._start_laboratory(guard, errors)
            if self.guard:
                assert self.guard.stdin
                self.guard.stdin.close()  # its input now ends when the laboratory exits
            assert self.process.stdin
            with suppress(BrokenPipeError):  # it was killed
                self.process.stdin.write(json.dumps(self._request(plan, guard)).encode() + b"\n")
                self.process.stdin.flush()
            for line in self._read_lines(self.process):
                event = json.loads(line)
                if event["event"] == lab.DONE:
                    return
                if event["event"] == lab.FAILED:
                    raise CommandError(event["text"])
                yield event
            raise CommandError(_describe_end(errors))

    def _read_lines(self, laboratory: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """Yield each complete line that the laboratory writes, until it ends.

        The processes of the laboratory's user can stop it: it is resumed a few times. Raises
        CommandError if it is stopped again, or silent for too long.
        """
        assert laboratory.stdout
        fd = laboratory.stdout.fileno()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        data = b""
        stops = 0
        deadline = time.monotonic() + _LONGEST_SILENCE
        while True:
            if poll.poll(_TICK * 1000):
                part = os.read(fd, 1 << 16)
                if not part:
                    return
                *lines, data = (data + part).split(b"\n")
                yield from lines
                deadline = time.monotonic() + _LONGEST_SILENCE
            elif _is_stopped(laboratory.pid):
                stops += 1
                if stops > _MOST_STOPS:
                    raise CommandError(
                        f"a process of user {self.uid} keeps stopping the laboratory (SIGSTOP): end"
                        " that process, and run verify again"
                    )
                laboratory.send_signal(signal.SIGCONT)
            elif time.monotonic() > deadline:
                raise CommandError(
                    f"the laboratory has reported nothing for {_LONGEST_SILENCE:.0f} seconds: run"
                    " verify again with fewer attacks (--attack)"
                )

    def _start_guard(self) -> list[int]:
        """Start core_guard.py if we can set kernel.core_pattern, and return its descriptors."""
        collector = shutil.which("dd", path="/usr/bin:/bin")
        if not collector or not self._can_set_pattern:
            return []
        patterns = [
            f"{self.top}/cores/%p",
            f"|{collector} bs=1M status=none of={self.top}/piped/{core_guard.PIPED}",
        ]
        if max(map(len, patterns)) > core_guard.MAX_LENGTH:
            return []
        self.guard = subprocess.Popen(
            [sys.executable, "-m", core_guard.__name__, *patterns, self.top],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={**os.environ, **PACKAGE_VARIABLES},
            start_new_session=True,
        )
        assert self.guard.stdin
        assert self.guard.stdout
        return [self.guard.stdin.fileno(), self.guard.stdout.fileno()]

    def _start_laboratory(self, guard: list[int], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        return start_separate(
            [sys.executable, "-m", lab.__name__],
            cwd=self.top if self.drops else self.work,
            environment={"PATH": _search_path(), **PACKAGE_VARIABLES},
            stdin=subprocess.PIPE,
            stderr=errors,
            pass_fds=guard,
        )

    def _install(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """Install what the victims need, and return how each victim is started, as plain values.

        Raises CommandError.
        """
        starts = {name: asdict(start) for name, start in plan.started.items()}
        words = {word for start in plan.started.values() for word in start.words}
        try:
            paths = install(words, self.top, self.uid, self.gid)
        except OSError as error:
            raise CommandError(f"cannot install the victims: {error}") from None
        for start in starts.values():
            for part in ("launcher", "program"):
                start[part] = [paths.get(word, word) for word in start[part]]
        return starts

    def _skip_unexecutable(self, plan: Plan) -> Plan:
        """Skip the victims that would be installed in our directory if it is mounted noexec."""
        if not os.statvfs(self.top).f_flag & os.ST_NOEXEC:
            return plan
        reason = "the temporary directory is mounted noexec: set TMPDIR to another one"
        names = [name for name, start in plan.starts.items() if INSTALLED.intersection(start.words)]
        cells = {(attack.name, name): reason for attack in plan.attacks for name in names}
        return replace(plan, skipped={**cells, **plan.skipped})

    def _request(self, plan: Plan, guard: list[int]) -> dict[str, Any]:
        """Return the request that the laboratory reads from its standard input."""
        own = {"PATH": _search_path(), "LANG": "C.UTF-8", "HOME": self.work}
        program = plan.program
        if program and self.drops:  # every process of the other user could read our variables
            program = {**program, "environment": _keep_harmless(program["environment"], self.work)}
        groups = [self.reading_group] * bool(guard)
        return {
            "user": (self.uid, self.gid, groups) if self.drops else None,
            "attacks": [attack.name for attack in plan.attacks],
            "victims": plan.names,
            "skipped": [(*cell, reason) for cell, reason in plan.skipped.items()],
            "starts": self._install(plan),
            "program": program,
            "pid": plan.process.pid if plan.process else 0,
            "needles": plan.needles,
            "parallel": min(_MAX_PARALLEL, (os.cpu_count() or 1) + 1),
            "folder": self.work,
            "remove": self.work if self.drops else self.top,
            "guard": guard or None,
            "as_container_root": self.as_container_root,
            "environment": {**own, **PACKAGE_VARIABLES},
        }


_HARMLESS = ("PATH", "LANG", "TZ")
"""The variables of root's that a program gets if it is started as another user."""


def _keep_harmless(environment: dict[str, str], home: str) -> dict[str, str]:
    kept = {name: value for name, value in environment.items() if name in _HARMLESS}
    return {**kept, "HOME": home}


def _describe_end(errors: IO[bytes]) -> str:
    """Return why the laboratory ended early.

    errors -- its standard error: what Python printed before main(), usually a traceback
    """
    errors.seek(0)
    reason = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
    if not reason:
        return "the laboratory ended before it was done"
    return f"{sys.executable} cannot run the laboratory: {reason}: reinstall process-hardening"


def _is_stopped(pid: int) -> bool:
    """Return whether a signal stopped our child since the last call, and it is still stopped."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None
    except ChildProcessError:  # it has ended
        return False


def _stop(process: subprocess.Popen[bytes], last: int) -> None:
    """Stop a process by closing its input, or else with a signal.

    A process that is stuck in the kernel, for example in a file system that its user serves, is
    left behind after a while.
    """
    try:
        if process.stdin:
            process.stdin.close()
        process.send_signal(signal.SIGCONT)  # whoever stopped it
        process.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        os.killpg(process.pid, last)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    finally:
        if process.stdout:
            process.stdout.close()


def _search_path() -> str:
    """Return the search path for tools, with the directory of this interpreter first."""
    here = os.path.dirname(sys.executable)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])
