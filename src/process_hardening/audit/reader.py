"""Reads one process from /proc and its pidfd into a Posture."""

from __future__ import annotations

import os
from errno import EINVAL, ENOENT, ESRCH

from process_hardening.audit.command_line import with_runtime
from process_hardening.audit.dumpable import FlagReader
from process_hardening.audit.hidden import read_hidden
from process_hardening.audit.image import ChangedError, ImageReader
from process_hardening.audit.injection import InjectionReader
from process_hardening.audit.origin import is_chosen_by_other
from process_hardening.audit.posture import (
    KERNEL_THREAD,
    TOO_MUCH,
    ZOMBIE,
    Posture,
)
from process_hardening.audit.procfiles import (
    FOLDER,
    open_file,
    read_file,
    read_link,
)
from process_hardening.audit.procfs import (
    parse_asked,
    parse_core_limit,
    parse_name,
    parse_number,
    parse_status,
    refuse_repeated_fields,
)
from process_hardening.audit.program_files import ProgramOpener
from process_hardening.audit.rights import rights_of
from process_hardening.audit.runtime_files import RuntimeReader
from process_hardening.audit.threads import (
    MOST_THREADS,
    TooManyThreadsError,
    find_tracer,
    walk_threads,
)
from process_hardening.audit.user_namespace import OwnUserNamespace
from process_hardening.errors import CommandError
from process_hardening.state import HARDENED

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from typing_extensions import Self

    from process_hardening.audit.command_line import Facts
    from process_hardening.audit.dumpable import Flag
    from process_hardening.audit.mapped import Mapped

    _T = TypeVar("_T")

_PIDFD_THREAD = os.O_EXCL  # pidfd_open(2), since Linux 6.9

_ATTEMPTS = 3
"""How many times to try reading a process that executes other programs meanwhile."""


class NoSuchProcessError(CommandError):
    """There is no process with that pid."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"{pid}: no such process")


class _Ended(Exception):  # noqa: N818 -- an event, not an error
    """The process has ended."""


class Reader:
    """Reads processes, and caches what they have in common.

    proc -- where the proc file system is mounted. Raises CommandError if it is not mounted.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        try:
            self._root = os.open(proc, FOLDER)
        except OSError as error:
            raise CommandError(f"{proc}: {error.strerror}: mount it to read processes") from None
        try:
            own_pid = os.readlink("self", dir_fd=self._root)
        except OSError:
            os.close(self._root)
            raise CommandError(f"{proc}: no proc file system: mount it to read processes") from None
        # With another pid namespace's /proc, a pidfd would refer to some other process.
        self._has_pidfds = own_pid == str(os.getpid()) and hasattr(os, "pidfd_open")
        self._namespace = OwnUserNamespace(
            self._read_own(read_link, "self/ns/user"), self._read_own(read_file, "self/uid_map")
        )
        self._flags = FlagReader(self._namespace, self._read_number("sys/fs/suid_dumpable"))
        self._opener = ProgramOpener(self._root)
        self._injection = InjectionReader(self._opener, self._read_own(read_link, "self/ns/mnt"))
        self._runtimes = RuntimeReader(self._opener)
        self._images = ImageReader(self._namespace, self._injection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptors below /proc, and stop helper processes."""
        os.close(self._root)
        self._opener.close()
        self._injection.close()

    def _read_own(self, read: Callable[[int, str], _T], name: str) -> _T | None:
        """Read a file of /proc/self; None if this kernel lacks it."""
        try:
            return read(self._root, name)
        except OSError:
            return None

    def _read_number(self, name: str) -> int | None:
        text = self._read_own(read_file, name)
        try:
            return int(text or b"")
        except ValueError:
            return None

    def read(self, pid: int) -> Posture:
        """Read the posture of a process. Raises NoSuchProcessError."""
        pidfd = self._open_pidfd(pid)
        folder = -1
        try:
            try:
                folder = os.open(str(pid), FOLDER, dir_fd=self._root)
            except (PermissionError, FileNotFoundError):
                # With hidepid=2, /proc hides processes that we cannot trace.
                return _read_hidden(pid, pidfd)
            return self._read_steadily(pid, pidfd, folder)
        except (_Ended, FileNotFoundError, ProcessLookupError):
            raise NoSuchProcessError(pid) from None
        except OSError as error:
            return Posture(pid=pid, problem=f"not read: {error.strerror}")
        finally:
            if folder >= 0:
                os.close(folder)
            if pidfd is not None:
                os.close(pidfd)

    def _open_pidfd(self, pid: int, flags: int = 0) -> int | None:
        """Open a pidfd, if this system has them."""
        if not self._has_pidfds:
            return None
        try:
            return os.pidfd_open(pid, flags)
        except OSError as error:
            if error.errno in (ESRCH, EINVAL, ENOENT) and not flags:
                raise NoSuchProcessError(pid) from None
            return None  # the system lacks this call, or forbids it

    def _read_steadily(self, pid: int, pidfd: int | None, folder: int) -> Posture:
        """Read the process again if it executed another program during the read."""
        for _ in range(_ATTEMPTS):
            try:
                return self._read_once(pid, pidfd, folder)
            except ChangedError:
                continue
        return Posture(pid=pid, problem="it kept executing other programs while it was being read")

    def _read_once(self, pid: int, pidfd: int | None, folder: int) -> Posture:
        # A descriptor of maps belongs to the memory of the current program. After an exec it reads
        # as empty (fs/proc/base.c: proc_mem_open()), so everything that was read in between belongs
        # to one program.
        maps = open_file(folder, "maps")
        try:
            return self._read_with(maps, pid, pidfd, folder)
        finally:
            if maps is not None:
                os.close(maps)

    def _read_with(self, maps: int | None, pid: int, pidfd: int | None, folder: int) -> Posture:
        # This comes before status is read, which then proves that the process still had memory.
        observed = self._flags.observe(pidfd, folder)
        status = read_file(folder, "status")
        if status is None:
            return _read_hidden(pid, pidfd)
        facts: Facts = {"inode": os.fstat(folder).st_ino}
        try:
            fields = parse_asked(status)
            facts["name"] = parse_name(status)
            facts |= _ids_of(fields)
            if "VmSize" not in fields:
                return self._read_without_memory(pid, facts, fields, folder)
            found, mapped = self._read_memory(maps, pid, observed, folder, fields, facts["uid"])
            facts |= found
            if facts["uid"] == 0:
                facts["chosen_by_other"] = is_chosen_by_other(folder, status)
            posture = with_runtime(
                Posture(pid=pid, **facts), fields, folder, mapped, self._runtimes
            )
            if posture.verdict == HARDENED:
                posture = self._confirm(posture, pidfd, folder, fields)
        except (FileNotFoundError, ProcessLookupError):
            raise
        except (OSError, ValueError) as error:
            known: Facts = {name: facts.get(name) for name in ("ppid", "uid", "gid", "inode")}
            what = "unexpected content in /proc" if isinstance(error, ValueError) else "not read"
            problem = f"{what}: {getattr(error, 'strerror', error)}"
            return Posture(pid=pid, name=facts.get("name", ""), **known, problem=problem)
        return posture

    def _read_memory(
        self,
        maps: int | None,
        pid: int,
        observed: Flag | int,
        folder: int,
        fields: dict[str, bytes],
        uid: int | None,
    ) -> tuple[Facts, Mapped | None]:
        """Read a process that has memory. Also returns what ImageReader.read() has mapped."""
        flag = self._flags.decide(observed, pid, uid, folder, fields)
        limits = read_file(folder, "limits")
        image, mapped = self._images.read(maps, folder, flag.inspectable)
        facts = {
            "dumpable": flag.dumpable,
            "dumpable_source": flag.source,
            "inspectable": flag.inspectable,
            "core_limit": parse_core_limit(limits) if limits else None,
            **rights_of(fields),
            **image,
        }
        return facts, mapped

    def _confirm(
        self, posture: Posture, pidfd: int | None, folder: int, fields: dict[str, bytes]
    ) -> Posture:
        """Check a hardened process further: who traces its threads, and that it is unchanged.

        Raises ChangedError if it has changed, and ValueError if its status contradicts itself.
        """
        threads = parse_number(fields, "Threads") or 0
        if threads > MOST_THREADS:
            posture = posture.replace(tracer_pid=None, problem=TOO_MUCH["threads"])
        elif threads > 1:
            posture = posture.replace(tracer_pid=find_tracer(f"{self._proc}/{posture.pid}/task"))
        observed = self._flags.observe(pidfd, folder)
        status = read_file(folder, "status") or b""
        refuse_repeated_fields(status)
        now = parse_asked(status)
        if "VmSize" not in now:
            raise _Ended
        flag = self._flags.decide(observed, posture.pid, posture.uid, folder, now)
        if flag.inspectable is not posture.inspectable:
            raise ChangedError
        return posture

    def _read_without_memory(
        self, pid: int, facts: Facts, fields: dict[str, bytes], folder: int
    ) -> Posture:
        """Read a kernel thread, a zombie, or a process whose first thread exited early."""
        is_kernel = parse_number(fields, "Kthread")
        if is_kernel is None:  # before Linux 6.10: kthreadd and its children
            is_kernel = pid == 2 or facts["ppid"] == 2
        if not is_kernel and (parse_number(fields, "Threads") or 0) > 1:
            try:
                found = self._read_by_other_thread(pid, folder)
            except TooManyThreadsError:
                return Posture(pid=pid, **facts, problem=TOO_MUCH["threads"])
            if found is not None:
                return found.replace(inode=facts["inode"])
        kind = KERNEL_THREAD if is_kernel else ZOMBIE
        return Posture(pid=pid, kind=kind, **facts, **rights_of(fields))

    def _read_by_other_thread(self, pid: int, folder: int) -> Posture | None:
        """Read the posture from a thread that is still running, if there is one."""
        for name in walk_threads(f"{self._proc}/{pid}/task"):
            found = None if name == str(pid) else self._read_thread(pid, name, folder)
            if found is not None:
                return found
        return None

    def _read_thread(self, pid: int, name: str, folder: int) -> Posture | None:
        """Read the posture from one thread; None if it has ended."""
        try:
            thread = os.open(f"task/{name}", FOLDER, dir_fd=folder)
        except (FileNotFoundError, ProcessLookupError):
            return None
        pidfd = self._open_pidfd(int(name), _PIDFD_THREAD)
        try:
            found = self._read_once(pid, pidfd, thread)
        except (FileNotFoundError, ProcessLookupError):
            return None
        finally:
            os.close(thread)
            if pidfd is not None:
                os.close(pidfd)
        return found if found.has_memory else None


def _read_hidden(pid: int, pidfd: int | None) -> Posture:
    posture = None if pidfd is None else read_hidden(pid, pidfd)
    if posture is None:
        raise _Ended
    return posture


def _ids_of(fields: dict[str, bytes]) -> Facts:
    return {
        "ppid": parse_number(fields, "PPid"),
        "uid": parse_number(fields, "Uid", 1),
        "gid": parse_number(fields, "Gid", 1),
    }


def read_posture(pid: int) -> Posture:
    """Read the posture of a process. Raises NoSuchProcessError."""
    with Reader() as reader:
        return reader.read(pid)


def find_own_pids(proc: str = "/proc") -> tuple[int, ...]:
    """Return our pid and our parent's, as /proc numbers them; () if it does not show us.

    With another pid namespace's /proc, they are not those of getpid(2) and getppid(2).
    """
    try:
        with open(f"{proc}/self/status", "rb") as file:
            fields = parse_status(file.read())
    except OSError:
        return ()
    found = (parse_number(fields, "Pid"), parse_number(fields, "PPid"))
    return tuple(pid for pid in found if pid is not None)
