"""Reads one process from /proc and its pidfd into a Posture."""

from __future__ import annotations

import os
from errno import EINVAL, ENOENT, ESRCH

from process_hardening.audit.command_line import facts_of_command, facts_of_python, with_runtime
from process_hardening.audit.dumpable import FlagReader
from process_hardening.audit.environ import EnvironmentFacts, EnvironmentReader
from process_hardening.audit.hidden import read_hidden
from process_hardening.audit.injection import InjectionReader
from process_hardening.audit.mapped import Mapped, read_mapped
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
    read_cwd,
    read_file,
    read_link,
    read_rest,
)
from process_hardening.audit.procfs import (
    MOST_CODE_FILES,
    parse_asked,
    parse_core_limit,
    parse_name,
    parse_number,
    parse_unit,
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

    _T = TypeVar("_T")

_PIDFD_THREAD = os.O_EXCL  # pidfd_open(2), since Linux 6.9

_SYSTEMD = "/run/systemd/system"
"""Exists if systemd manages the services; sd_booted(3)."""

_ATTEMPTS = 3
"""How many times to try reading a process that executes other programs meanwhile."""


# Limits on what a hostile process can make us read, in bytes and in number; docs/audit.md lists
# their cost. 60,000 anonymous mappings are 3 MiB of maps.
_LONGEST_BLOCK = 1 << 18
_MOST_STRINGS = 5000
_LONGEST_MAPS = 7 << 19


class NoSuchProcessError(CommandError):
    """There is no process with that pid."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"{pid}: no such process")


class _Ended(Exception):  # noqa: N818 -- an event, not an error
    """The process has ended."""


class _Changed(Exception):  # noqa: N818 -- likewise
    """The process has changed since reading began."""


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
        self._environments = EnvironmentReader()
        self._has_units = os.path.isdir(_SYSTEMD)

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

    def list_pids(self) -> list[int]:
        """Return the pids that /proc shows us, in ascending order."""
        return sorted(int(name) for name in os.listdir(self._proc) if name.isdigit())

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
            except _Changed:
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
        facts: Facts = {}
        try:
            fields = parse_asked(status)
            facts["name"] = parse_name(status)
            facts |= _ids_of(fields)
            if "VmSize" not in fields:
                return self._read_without_memory(pid, facts, fields, folder)
            facts |= self._read_memory(maps, pid, observed, folder, fields, facts["uid"])
            if facts["uid"] == 0:
                facts["chosen_by_other"] = is_chosen_by_other(folder, status)
            posture = with_runtime(Posture(pid=pid, **facts), fields, folder, self._runtimes)
            if posture.verdict == HARDENED:
                posture = self._confirm(posture, pidfd, folder, fields)
        except ValueError as error:
            known: Facts = {name: facts.get(name) for name in ("ppid", "uid", "gid")}
            problem = f"unexpected content in /proc: {error}"
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
    ) -> Facts:
        """Read a process that has memory."""
        flag = self._flags.decide(observed, pid, uid, folder, fields)
        limits = read_file(folder, "limits")
        return {
            "dumpable": flag.dumpable,
            "dumpable_source": flag.source,
            "inspectable": flag.inspectable,
            "core_limit": parse_core_limit(limits) if limits else None,
            **rights_of(fields),
            **self._read_image(maps, folder, flag.inspectable),
        }

    def _confirm(
        self, posture: Posture, pidfd: int | None, folder: int, fields: dict[str, bytes]
    ) -> Posture:
        """Check a hardened process further: who traces its threads, and that it is unchanged.

        Raises _Changed if it has changed, and ValueError if its status contradicts itself.
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
            raise _Changed
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
                return found
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

    def _read_image(self, open_maps: int | None, folder: int, inspectable: bool | None) -> Facts:
        """Read the arguments, the environment and the mapped files of the program.

        Raises _Changed if the program is no longer the one whose maps file was opened.
        """
        command = read_file(folder, "cmdline", _LONGEST_BLOCK)
        other_user_namespace = self._namespace.is_other_of(folder)
        environ = read_file(folder, "environ", _LONGEST_BLOCK)
        exe = read_link(folder, "exe")
        maps = None if open_maps is None else read_rest(open_maps, _LONGEST_MAPS)
        if maps == b"":
            raise _Changed
        facts: Facts = {"exe": exe, "other_user_namespace": other_user_namespace}
        facts["cwd"] = read_cwd(folder)
        if self._has_units:
            facts["unit"] = parse_unit(read_file(folder, "cgroup") or b"")
        if None in (command, environ, exe, maps, other_user_namespace):
            refused = {
                "exe": exe is None,
                "loader_variables": environ is None,
                "secret_variables": environ is None,
                "injected_libraries": maps is None or environ is None,
                "secret_arguments": command is None,
                "python": maps is None or exe is None,
                "other_user_namespace": other_user_namespace is None,
            }
            facts["protected"] = tuple(field for field, was in refused.items() if was)
        if command is not None and not _is_too_long(command):
            facts |= facts_of_command(command)
        if environ is not None and _is_too_long(environ):
            facts["problem"] = TOO_MUCH["environment"]
        elif maps is not None and len(maps) >= _LONGEST_MAPS:
            facts["problem"] = TOO_MUCH["mappings"]
        elif environ is not None:
            environment = self._environments.classify(environ)
            facts["loader_variables"] = environment.loader_variables
            facts["secret_variables"] = environment.secret_variables
            if maps is not None and exe is not None:
                mapped = read_mapped(folder, exe, maps)
                if len(mapped.code) > MOST_CODE_FILES:
                    return {**facts, "problem": TOO_MUCH["mappings"]}
                facts |= self._find_libraries(mapped, environment, inspectable is True)
                reachable = False if environment.forbids_debugging else inspectable
                facts |= facts_of_python(exe, mapped.code, command or b"", reachable)
        return facts

    def _find_libraries(
        self, mapped: Mapped, environment: EnvironmentFacts, is_exposed: bool
    ) -> Facts:
        variables = environment.loader_variables
        is_ours, found = self._injection.find_injected(mapped, environment, is_exposed)
        if is_ours and "LD_AUDIT" not in variables:
            variables = tuple(name for name in variables if name != "LD_PRELOAD")
        return {"loader_variables": variables, "injected_libraries": found}


def _read_hidden(pid: int, pidfd: int | None) -> Posture:
    posture = None if pidfd is None else read_hidden(pid, pidfd)
    if posture is None:
        raise _Ended
    return posture


def _is_too_long(block: bytes) -> bool:
    return len(block) >= _LONGEST_BLOCK or block.count(b"\0") > _MOST_STRINGS


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
