"""Reads files in a helper process that can be abandoned, because a read may block forever.

A process can run a program from a file system that its user serves (FUSE), map a file from it, or
use it to replace a file that we read. A reader waits for the server, and if the server is stopped,
the reader waits forever: nothing interrupts the wait (fs/fuse/dev.c, request_wait_answer()), and a
process cannot end before all its threads do.
"""

from __future__ import annotations

import marshal
import os
import select
import stat
import time
from contextlib import suppress
from struct import Struct

from process_hardening.audit.file_systems import LOCAL, READABLE
from process_hardening.audit.loader_lists import UnreadableListError, read_lists
from process_hardening.audit.mounts import find_file_system
from process_hardening.audit.procfiles import PATIENCE, is_asleep
from process_hardening.audit.procfs import belongs_to_root, identify, identity_in_maps
from process_hardening.elf import DamagedElfError, Image, read_image
from process_hardening.environment import PRELOAD_LIBRARY

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from process_hardening.audit.loader_lists import Lists, Start

_TICK = 0.005
_MOST_TIME = 0.02  # seconds of CPU: a path can lead through thousands of links
_SIZE = Struct("=I")  # before each message
_LONGEST_FILE = 1 << 18  # longer than our library on every architecture

_OUR_LIBRARIES = (
    PRELOAD_LIBRARY,
    # Where docs/harden.md says to install our library, next to the command.
    "/usr/lib/process-hardening/libprocess_hardening.so",
    "/usr/local/lib/process-hardening/libprocess_hardening.so",
)
"""The libraries with which others are compared, in our own mount namespace."""


class NoAnswerError(Exception):
    """The helper has no answer, or is blocked."""


def _read_image(path: str, name: str, exe: str) -> dict[str, Any] | None:
    fd = os.open(f"{path}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        image = read_image(fd, exe)
    except DamagedElfError:
        return None
    finally:
        os.close(fd)
    return dict(image.__dict__) if image else None


def _read_plain_file(path: str, name: str) -> bytes | None:
    opened = [os.open(f"{path}/root", os.O_PATH | os.O_CLOEXEC)]
    try:
        for part in name.split("/"):
            flags = os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW
            opened.append(os.open(part, flags, dir_fd=opened[-1]))
        return _read_regular(path, opened[-1])
    finally:
        for fd in opened:
            os.close(fd)


def _read_regular(path: str, fd: int) -> bytes | None:
    """Return the start of the file behind an O_PATH descriptor; None: a user may serve it."""
    if not stat.S_ISREG(os.fstat(fd).st_mode) or find_file_system(path, fd) not in READABLE:
        return None
    with open(f"/proc/self/fd/{fd}", "rb") as file:
        return file.read(_LONGEST_FILE)


def _read_our_libraries() -> list[tuple[os.stat_result, bytes]]:
    """Return the libraries of this installation and of root's, once per helper process."""
    if not _OURS:
        for name in _OUR_LIBRARIES:
            try:
                with open(name, "rb") as file:
                    _OURS.append((os.fstat(file.fileno()), file.read()))
            except OSError:
                continue  # not installed there
    return _OURS


_OURS: list[tuple[os.stat_result, bytes]] = []


def _is_our_file(path: str, fd: int) -> bool:
    """Return whether the file behind an O_PATH descriptor is our library, or a copy of it.

    The file itself counts on every file system: this audit was started from there.
    """
    found = os.fstat(fd)
    ours = _read_our_libraries()
    if any(os.path.samestat(found, own) for own, _ in ours):
        return True
    return _read_regular(path, fd) in [content for _, content in ours]


def _is_ours(path: str, names: list[str]) -> bool:
    for name in names:
        fd = os.open(f"{path}/map_files/{name}", os.O_PATH | os.O_CLOEXEC)
        try:
            if not _is_our_file(path, fd):
                return False
        finally:
            os.close(fd)
    return bool(names)


def _is_ours_on_disk(path: str, name: str, identity: str | None) -> bool:
    fd = os.open(f"{path}/root{name}", os.O_PATH | os.O_CLOEXEC)
    try:
        if identity is not None and identity_in_maps(os.fstat(fd)) != identity:
            return False
        return _is_our_file(path, fd)
    finally:
        os.close(fd)


def _identify(path: str, names: list[str]) -> list[tuple[str, bool] | None]:
    found: list[tuple[str, bool] | None] = []
    end = time.process_time() + _MOST_TIME
    for name in names:
        identity = None
        try:
            if time.process_time() < end:
                identity = identify(os.stat(f"{path}/root{name}"))
        except (OSError, ValueError):
            pass  # deleted, hidden from us, or not a path
        found.append(identity)
    return found


def _are_genuine(path: str, files: list[tuple[str, str, bool]]) -> bool:
    end = time.process_time() + _MOST_TIME
    return all(time.process_time() < end and _is_genuine(path, *file) for file in files)


def _is_genuine(path: str, range_: str, name: str, is_of_system: bool) -> bool:
    """Return whether a mapped file is what the process finds under its path, or root's own.

    maps does not tell a path of this mount namespace from one of another, where a user can put
    anything under any path. Nobody but root can make a file there that belongs to root, if the file
    system is LOCAL.
    """
    fd = os.open(f"{path}/map_files/{range_}", os.O_PATH | os.O_CLOEXEC)
    try:
        mapped = os.fstat(fd)
        is_of_root = belongs_to_root(mapped)
        if is_of_root and find_file_system(path, fd) in LOCAL:
            return True
        if is_of_system and not is_of_root:
            return False
    finally:
        os.close(fd)
    try:
        return os.path.samestat(os.stat(f"{path}/root{name}"), mapped)
    except OSError:
        return False


_TASKS: dict[str, Callable[..., object]] = {
    "lists": read_lists,
    "image": _read_image,
    "file": _read_plain_file,
    "ours": _is_ours,
    "ours on disk": _is_ours_on_disk,
    "identify": _identify,
    "genuine": _are_genuine,
}


def _serve(requests: int, answers: int) -> None:
    """Close all descriptors but these two, and answer requests until there are no more."""
    os.setsid()  # so that signals from the terminal do not kill it
    os.dup2(requests, 0)
    os.dup2(answers, 1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2:
                os.close(int(name))
        except OSError:
            continue  # the descriptor of the listing itself
    while size := os.read(0, _SIZE.size):
        task, *arguments = marshal.loads(_read_whole(0, *_SIZE.unpack(size)))  # noqa: S302 -- ours
        try:
            _send(1, (0, _TASKS[task](*arguments)))
        except (UnreadableListError, ValueError):
            _send(1, (-1, None))
        except OSError as error:
            _send(1, (error.errno, None))


def _send(fd: int, message: Any) -> None:
    data = marshal.dumps(message)
    data = _SIZE.pack(len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def _read_whole(fd: int, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        data = os.read(fd, size - len(parts))
        if not data:
            raise EOFError
        parts += data
    return parts


class Deputy:
    """The helper process, which is started on first use.

    The helper is not our child, so we need not wait for it. Each method takes a descriptor of
    /proc/PID. Raises NoAnswerError if the helper cannot answer, and OSError for a call that failed
    in the helper.
    """

    def __init__(self) -> None:
        self._pid = 0
        self._requests = -1
        self._answers = -1
        self._blocking = ""  # the process that kept us waiting: it gets no second chance

    def close(self) -> None:
        """Let the helper exit."""
        if self._pid:
            os.close(self._requests)
            os.close(self._answers)
            self._pid = 0

    def read_lists(self, folder: int, image: Image, base: int | None) -> tuple[Lists, Start]:
        """Call loader_lists.read_lists() for the program that has this image and base."""
        found: tuple[Lists, Start] = self._ask(
            folder, "lists", image.bits, image.entry, image.dynamic, base
        )
        return found

    def read_image(self, folder: int, exe: str, name: str = "exe") -> Image | None:
        """Call elf.read_image() in the helper. Returns None if the program is not a valid ELF file.

        name -- the link to the program, or to another mapped file, below folder
        """
        fields = self._ask(folder, "image", name, exe)
        return Image(**fields) if fields else None

    def read_plain_file(self, folder: int, name: str) -> bytes | None:
        """Return the start of a file in the process's file system; None: not a regular file.

        The process's user may be root there, and could have replaced the file with a link to a
        device, a pipe or /proc/kmsg. Reading those consumes data that is meant for others.
        """
        content: bytes | None = self._ask(folder, "file", name)
        return content

    def is_ours(self, folder: int, names: list[str]) -> bool:
        """Return whether files that the process has mapped are our library, or have its bytes.

        names -- in /proc/PID/map_files. Needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
        """
        return bool(self._ask(folder, "ours", names))

    def is_ours_on_disk(self, folder: int, name: str, identity: str | None) -> bool:
        """Return whether a file in the process's file system is our library, or has its bytes.

        identity -- its device and inode, as in maps; None: any
        """
        return bool(self._ask(folder, "ours on disk", name, identity))

    def identify(self, folder: int, names: list[str]) -> list[tuple[str, bool] | None]:
        """Return what files in the process's file system are; None for those that are not found.

        The device and inode, as in maps, and whether they belong to root.
        """
        found: list[tuple[str, bool] | None] = self._ask(folder, "identify", names)
        return found

    def are_genuine(self, folder: int, files: list[tuple[str, str, bool]]) -> bool:
        """Return whether mapped files are those that the process finds under their paths.

        files -- their names in /proc/PID/map_files, the paths, and whether they have to belong to
        root. Needs the same capabilities.
        """
        return bool(self._ask(folder, "genuine", files))

    def _ask(self, folder: int, task: str, *arguments: object) -> Any:
        path = os.readlink(f"/proc/self/fd/{folder}")
        if path == self._blocking:
            raise NoAnswerError
        try:
            if not self._pid:
                self._start()
            _send(self._requests, (task, path, *arguments))
            error, answer = self._receive()
        except (OSError, EOFError, ValueError):
            self.close()
            self._blocking = path
            raise NoAnswerError from None
        try:
            os.stat("status", dir_fd=folder)  # it still exists, so the pid was not reused
        except FileNotFoundError:
            raise ProcessLookupError from None
        if error < 0:
            raise NoAnswerError
        if error:
            raise OSError(error, os.strerror(error))
        return answer

    def _start(self) -> None:
        opened: list[int] = []
        try:
            opened += os.pipe()
            opened += os.pipe()
            child = os.fork()
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        theirs, self._requests, self._answers, into = opened
        if not child:
            try:
                reader = os.fork()
                if reader:
                    _send(into, reader)
                else:
                    os.close(self._requests)
                    _serve(theirs, into)
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(into)
        self._pid = child  # until the helper's pid is known
        try:
            self._pid = self._receive()
        finally:
            # No such child: the kernel or a handler of SIGCHLD has already reaped it.
            with suppress(ChildProcessError):
                while not os.waitpid(child, os.WNOHANG)[0]:
                    time.sleep(_TICK)

    def _receive(self) -> Any:
        """Return the message that the helper sends. Raises ValueError if it is not valid."""
        (size,) = _SIZE.unpack(self._wait_for(_SIZE.size))
        return marshal.loads(self._wait_for(size))  # noqa: S302 -- from _serve()

    def _wait_for(self, size: int) -> bytes:
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        parts = b""
        asleep = 0.0
        while len(parts) < size:
            # Use short waits: scan.py abandons a thread that sleeps for too long.
            if not poll.poll(_TICK * 1000):
                # A helper that is ready to run is only waiting for a CPU.
                asleep = asleep + _TICK if is_asleep(f"/proc/{self._pid}/stat") else 0.0
                if asleep >= PATIENCE and not poll.poll(0):
                    raise ValueError("the helper process does not answer")
                continue
            data = os.read(self._answers, size - len(parts))
            if not data:
                raise EOFError
            parts += data
        return parts
