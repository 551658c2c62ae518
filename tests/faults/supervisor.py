"""A program whose system calls this process answers: seccomp's user notifications (seccomp(2)).

The calls of our own code, told from others by where the instruction lies, go to a function that may
answer for the kernel: with an error, or with a success that nothing stands behind. All other calls
are made.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import resource
import select
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

# <linux/seccomp.h>, <linux/filter.h>, and the numbers of the calls (asm/unistd.h).
_NUMBERS = {
    "x86_64": {
        "execve": 59,
        "execveat": 322,
        "prctl": 157,
        "read": 0,
        "seccomp": 317,
        "sendmsg": 46,
    },
    "aarch64": {
        "execve": 221,
        "execveat": 281,
        "prctl": 167,
        "read": 63,
        "seccomp": 277,
        "sendmsg": 211,
    },
}
NUMBERS = _NUMBERS.get(platform.machine(), _NUMBERS["x86_64"])
_SET_MODE_FILTER, _NEW_LISTENER, _CONTINUE = 1, 8, 1
_USER_NOTIF, _ALLOW = 0x7FC00000, 0x7FFF0000
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NOTICE, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_RECEIVE = 3 << 30 | _NOTICE.size << 16 | ord("!") << 8 | 0
_SEND = 3 << 30 | _ANSWER.size << 16 | ord("!") << 8 | 1
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_PTRACE_CONT, _PTRACE_SEIZE = 7, 0x4206

CHANNEL = 900
"""The descriptor by which the listener leaves the program: calls on it are not supervised."""
INHERITED = 7
"""A descriptor that the program inherits, which stands for a secret one."""
PATIENCE = 20
"""Seconds until a program that neither ends nor answers counts as hung."""

_libc = ctypes.CDLL(None, use_errno=True)


class Call(NamedTuple):
    """A system call of our code: its image, the place in that, its number, and the how-manieth."""

    image: str
    place: int
    number: int
    turn: int


class Mapping(NamedTuple):
    """A part of a process's memory: the image is "" where it is not our code."""

    start: int
    end: int
    shift: int
    image: str


OURS = {
    "harden": "harden",
    "confine": "confine",
    "libprocess_hardening.so": "library",
    "_process_hardening": "core",
    "_launcher": "launcher",
    "_confine": "confinement",
}
"""Images of ours, by the beginning of their file's name."""


class HungError(Exception):
    """The program neither ended nor answered in time."""


@dataclass(frozen=True)
class Start:
    """How a program is started.

    folder -- the working directory, for the core of what crashes
    is_copy -- whether an image without a path is the program's own, not the stand-in's
    is_traced -- whether a tracer is attached from the start
    numbers -- the calls that are supervised; none stands for all
    """

    argv: Sequence[str]
    env: dict[str, str]
    folder: str
    user: int
    program: str
    is_copy: bool = False
    is_traced: bool = False
    numbers: frozenset[int] = frozenset()


def _find_image(path: str, device: str, start: Start) -> str:
    """Name the image of ours that a mapping is of, or "" for another one."""
    name = path.rpartition("/")[2]
    for beginning, image in OURS.items():
        if name.split(".")[0] == beginning.split(".")[0]:
            return image
    if path.startswith("/memfd:namespace"):
        return "helper"
    if start.is_copy or not path.startswith("/"):
        return ""
    if path.startswith("/memfd:"):
        return "stand-in"
    try:
        own = os.stat(path).st_dev
    except OSError:
        return ""
    is_same = device == f"{os.major(own):02x}:{os.minor(own):02x}"
    return "" if is_same or not path.endswith(os.path.basename(start.program)) else "stand-in"


def _filter(numbers: frozenset[int]) -> bytes:
    """The filter: calls are for the supervisor, but those that hand over the listener.

    numbers -- of the calls; none stands for all
    """
    steps = [
        (_LOAD, 0, 0, 0),
        (_IF_EQUAL, 0, 4, NUMBERS["sendmsg"]),
        (_LOAD, 0, 0, 16),
        (_IF_EQUAL, 0, 1, CHANNEL),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, 0),
    ]
    for number in sorted(numbers):
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _USER_NOTIF)]
    steps.append((_RETURN, 0, 0, _ALLOW if numbers else _USER_NOTIF))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _become(start: Start, files: tuple[int, int, int], channel: socket.socket) -> None:
    """In the child: install the filter, hand over its listener, and become the program."""
    os.setpgid(0, 0)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.dup2(os.open("/dev/null", os.O_RDONLY), INHERITED)
    os.dup2(channel.fileno(), CHANNEL, inheritable=False)
    supervised = socket.socket(fileno=CHANNEL)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    code = _filter(start.numbers)
    program = _Program(len(code) // 8, code)
    if os.getuid():
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = _libc.syscall(
        NUMBERS["seccomp"], _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)
    )
    socket.send_fds(supervised, [b"0"], [listener])
    if os.getuid() != start.user:
        os.setgroups([])
        os.setresgid(start.user, start.user, start.user)
        os.setresuid(start.user, start.user, start.user)
    os.chdir(start.folder)
    os.execve(start.argv[0], [*start.argv], start.env)


@dataclass
class Supervised:
    """A program below this supervisor; killed at the end of the `with` block.

    answer -- of a call of ours: None lets the kernel make it, 0 claims success, else an errno value
    watch -- is told of each call before it is answered: the thread, its image and the number
    """

    start: Start
    answer: Callable[[Call], int | None]
    watch: Callable[[int, str, int], None] | None = None
    calls: list[Call] = field(default_factory=list)
    status: int | None = None
    _maps: dict[int, list[Mapping]] = field(default_factory=dict)
    _turns: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    _output: bytes = b""

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stdin, self._to = os.pipe()
        self._from, stdout = os.pipe()
        self._errors, stderr = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                _become(self.start, (stdin, stdout, stderr), theirs)
            finally:
                os._exit(99)
        for file in (stdin, stdout, stderr):
            os.close(file)
        theirs.close()
        with ours:
            ours.settimeout(PATIENCE)
            (self._listener,) = socket.recv_fds(ours, 1, 1)[1]
        self._pidfd = os.pidfd_open(self.pid)
        if self.start.is_traced and _libc.ptrace(_PTRACE_SEIZE, self.pid, 0, 0):
            raise OSError(ctypes.get_errno(), "ptrace")
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None:
            os.killpg(self.pid, signal.SIGKILL)
        os.close(self._listener)  # calls of whatever is left fail with ENOSYS
        if self.status is None:
            os.waitpid(self.pid, 0)
        for file in (self._to, self._from, self._errors, self._pidfd):
            os.close(file)

    def ask(self, line: str) -> str:
        """Write a line to its standard input and return its answer; "" if it has ended."""
        try:
            os.write(self._to, line.encode() + b"\n")
        except BrokenPipeError:
            return ""
        return self.read_line()

    def read_line(self) -> str:
        """Supervise it until it has written a line, or has ended: then return ""."""
        return self._supervise(lambda: b"\n" in self._output)

    def finish(self) -> str:
        """Close its standard input and supervise it to its end."""
        os.close(self._to)
        self._to = os.open("/dev/null", os.O_RDONLY)
        self._supervise(lambda: False)
        return self.read_errors()

    def read_errors(self) -> str:
        """Return what it has written to standard error so far."""
        os.set_blocking(self._errors, False)
        try:
            text = os.read(self._errors, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            text = ""
        return text

    def _supervise(self, is_done: Callable[[], bool]) -> str:
        poll = select.poll()
        for file in (self._listener, self._from, self._pidfd):
            poll.register(file, select.POLLIN)
        deadline = time.monotonic() + PATIENCE
        while not is_done() and self.status is None:
            ready = dict(poll.poll(50 if self.start.is_traced else 1000))
            if self.start.is_traced and not ready:
                self._go_on()
            if time.monotonic() > deadline:
                raise HungError
            if ready.get(self._listener, 0) & select.POLLIN:
                self._answer_one()
            elif self._listener in ready:
                poll.unregister(self._listener)
            if self._from in ready and not self._read():
                poll.unregister(self._from)
            if self._pidfd in ready:
                self._reap()
        line, _, self._output = self._output.partition(b"\n")
        return line.decode(errors="replace")

    def _read(self) -> bool:
        more = os.read(self._from, 1 << 12)
        self._output += more
        return bool(more)

    def _go_on(self) -> None:
        """Hand a traced program the signal that it is stopped for."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid and os.WIFSTOPPED(status):
            _libc.ptrace(_PTRACE_CONT, pid, 0, os.WSTOPSIG(status))
        elif pid:
            self._end(status)

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSTOPPED(status):
            _libc.ptrace(_PTRACE_CONT, self.pid, 0, os.WSTOPSIG(status))
        else:
            self._end(status)

    def _end(self, status: int) -> None:
        self.status = os.waitstatus_to_exitcode(status)
        os.set_blocking(self._from, False)  # a process that it left may keep the pipe open
        with suppress(BlockingIOError):
            while self._read():
                pass

    def _answer_one(self) -> None:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed meanwhile
                return
            raise
        identity, pid, _, number, _, instruction, *_ = _NOTICE.unpack(notice)
        result = self._decide(pid, number, instruction)
        if result is None:
            answer = _ANSWER.pack(identity, 0, 0, _CONTINUE)
        else:
            answer = _ANSWER.pack(identity, 0, -result, 0)
        try:
            fcntl.ioctl(self._listener, _SEND, answer)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINPROGRESS):
                raise

    def _decide(self, pid: int, number: int, instruction: int) -> int | None:
        mapping = self._find_mapping(pid, instruction)
        if self.watch:
            self.watch(pid, mapping.image if mapping else "", number)
        result = None
        if mapping and mapping.image:
            site = (mapping.image, instruction - mapping.shift, number)
            self._turns[site] += 1
            call = Call(*site, self._turns[site])
            self.calls.append(call)
            result = self.answer(call)
        if result is None and number in (NUMBERS["execve"], NUMBERS["execveat"]):
            self._maps.pop(pid, None)
        return result

    def _find_mapping(self, pid: int, instruction: int) -> Mapping | None:
        for attempt in range(2):
            if attempt or pid not in self._maps:
                self._maps[pid] = self._read_maps(pid)
            for mapping in self._maps[pid]:
                if mapping.start <= instruction < mapping.end:
                    return mapping
        return None

    def _read_maps(self, pid: int) -> list[Mapping]:
        mappings = []
        try:
            lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
        except OSError:
            return []
        for line in lines:
            where, rights, offset, device, _, *path = line.split(maxsplit=5)
            if "x" not in rights:
                continue
            first, last = (int(word, 16) for word in where.split("-"))
            image = _find_image(path[0], device, self.start) if path else ""
            mappings.append(Mapping(first, last, first - int(offset, 16), image))
        return mappings
