"""The posture of one process, read from /proc and from its pidfd."""

from __future__ import annotations

import fcntl
import os
import re
import select
from errno import EINVAL, ENOENT, ESRCH
from itertools import pairwise
from struct import Struct

from process_hardening.environment import PRELOAD_ENTRY
from process_hardening.errors import CommandError
from process_hardening.state import HARDENED, UNKNOWN
from process_hardening.audit import probe
from process_hardening.audit.injection import Injection, requested_in
from process_hardening.audit.posture import verdict
from process_hardening.audit.procfs import (
    UNLIMITED,
    decode,
    parse_asked,
    parse_bits,
    parse_code_files,
    parse_core_limit,
    parse_id_map,
    parse_name,
    parse_number,
    split_environ,
)
from process_hardening.secret_names import is_secret_name, may_hold_secrets, secret_arguments
from process_hardening.variables import is_loader_variable

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from typing_extensions import Self

    _T = TypeVar("_T")
    # Loader variables, secrets, libraries asked for, whether it is whole, whether it switches
    # Python's remote debugging off.
    _Environment = tuple[tuple[str, ...], tuple[str, ...], tuple[bytes, ...], bool, bool]

PROCESS = "process"
KERNEL_THREAD = "kernel thread"
ZOMBIE = "zombie"

READING_CAPABILITIES = {
    2: "CAP_DAC_READ_SEARCH",
    19: "CAP_SYS_PTRACE",
    21: "CAP_SYS_ADMIN",
    38: "CAP_PERFMON",
}
"""Those with which a process can read what belongs to others; capabilities(7)."""

# include/uapi/linux/pidfd.h: struct pidfd_info: mask, cgroupid, pid, tgid, ppid, four pairs of
# ids, exit_code, coredump_mask. What is asked for and told, a bit of the mask says; the last one
# since Linux 6.16.
_PIDFD_INFO = Struct("=QQ3I8IiI4x")
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_CREDS = 1 << 1
_PIDFD_INFO_COREDUMP = 1 << 4
_PIDFD_COREDUMP_SKIP, _PIDFD_COREDUMP_USER, _PIDFD_COREDUMP_ROOT = 2, 4, 8
_DUMPABLE = {_PIDFD_COREDUMP_SKIP: 0, _PIDFD_COREDUMP_USER: 1, _PIDFD_COREDUMP_ROOT: 2}
_DUMPABLE_BITS = sum(_DUMPABLE)
_PIDFD_THREAD = os.O_EXCL  # pidfd_open(2), since Linux 6.9

_ATTEMPTS = 3
"""How often a process that becomes another one while it is read is read again."""

# What an environment variable's name is to us.
_LOADER, _SECRET, _NO_DEBUGGING = 1, 2, 4

_MOST_NAMES = 1 << 17
"""Of variables, to be remembered."""

_MOST_ENVIRONMENTS = 1 << 14
"""What was found in them, to be remembered."""

_PYTHON_NAME = re.compile(r"python\d*(\.\d+)?$")
_PYTHON = re.compile(r"python(\d+\.\d+)?t?$")
_PYTHON_LIBRARY = re.compile(rb"/libpython(\d+\.\d+)t?\.so")

_FIRST_PYTHON_WITH_REMOTE_DEBUGGING = (3, 14)
"""PEP 768."""

FRAMEWORKS = (
    ("multiprocessing", rb"from multiprocessing\.(?:spawn|forkserver|resource_tracker) import"),
    ("celery", rb"(?:^|[/\0])celery(?:\0|$)"),
    ("gunicorn", rb"(?:^|[/\0])gunicorn(?:\0|:|$)"),
    ("uvicorn", rb"(?:^|[/\0])uvicorn(?:\0|$)"),
)
_FRAMEWORK = re.compile(b"|".join(b"(?P<%s>%s)" % (n.encode(), p) for n, p in FRAMEWORKS))


class NoSuchProcessError(CommandError):
    """There is no process with that pid."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"{pid}: no such process")


class Posture:
    """What the kernel says of one process; None: protected from us, or unknown.

    name, ppid, exe -- as the kernel has them; uid -- the effective one
    kind -- PROCESS, KERNEL_THREAD or ZOMBIE; the latter two have no memory (has_memory)
    dumpable -- 0, 1 or 2; dumpable_source -- 'pidfd', 'owner' (of /proc/PID/status), 'probe', None
    inspectable -- whether another process of the same user may read its memory
    core_limit -- (soft, hard) in bytes; tracer_pid -- 0: none; seccomp -- 0, 1 or 2
    capabilities -- those of READING_CAPABILITIES that it has or may take
    other_user_namespace -- whether it is in another one than ours
    loader_variables -- names in its initial environment
    injected_libraries -- paths of those mapped because LD_PRELOAD, LD_AUDIT or ld.so.preload says
    secret_variables -- names of variables in its initial environment that hold secrets
    secret_arguments -- names and kinds of secrets in its arguments
    python -- the version of the Python that it runs, '' for none
    remote_debugging -- whether sys.remote_exec() of the same user reaches it
    framework -- what of FRAMEWORKS started it, if any
    protected -- the fields that are None because the kernel refused them to us
    problem -- why it could not be read, if so
    verdict -- 'hardened', 'partial', 'exposed' or 'unknown'
    """

    __slots__ = (
        "capabilities",
        "core_limit",
        "dumpable",
        "dumpable_source",
        "exe",
        "framework",
        "injected_libraries",
        "inspectable",
        "kind",
        "loader_variables",
        "name",
        "no_new_privs",
        "other_user_namespace",
        "pid",
        "ppid",
        "problem",
        "protected",
        "python",
        "remote_debugging",
        "seccomp",
        "secret_arguments",
        "secret_variables",
        "tracer_pid",
        "uid",
        "verdict",
    )

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ppid: int | None = None
        self.name = ""
        self.exe: str | None = None
        self.uid: int | None = None
        self.kind = PROCESS
        self.dumpable: int | None = None
        self.dumpable_source: str | None = None
        self.inspectable: bool | None = None
        self.core_limit: tuple[int, int] | None = None
        self.no_new_privs: bool | None = None
        self.seccomp: int | None = None
        self.tracer_pid: int | None = None
        self.capabilities: tuple[str, ...] | None = None
        self.other_user_namespace: bool | None = None
        self.loader_variables: tuple[str, ...] | None = None
        self.injected_libraries: tuple[str, ...] | None = None
        self.secret_variables: tuple[str, ...] | None = None
        self.secret_arguments: tuple[str, ...] | None = None
        self.python: str | None = None
        self.remote_debugging: bool | None = None
        self.framework: str | None = None
        self.protected: tuple[str, ...] = ()
        self.problem: str | None = None
        self.verdict = UNKNOWN

    @property
    def has_memory(self) -> bool:
        """Whether it has any: kernel threads and zombies do not."""
        return self.kind == PROCESS

    @property
    def runs_python(self) -> bool:
        """Whether it does, or calls itself so where more cannot be seen."""
        if self.python is None:
            return _PYTHON_NAME.match(self.name) is not None
        return self.python != ""


class _Ended(Exception):  # noqa: N818 -- no error, an event
    """The process is gone."""


class _Changed(Exception):  # noqa: N818 -- the same
    """The process is no longer what it was when its reading began."""


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

# As much as malloc() gives without asking the kernel each time (mallopt(3), M_MMAP_THRESHOLD).
_PIECE = 1 << 16


def _read(folder: int, name: str) -> bytes | None:
    """A file of a /proc folder; None when it is protected. Raises OSError when it is gone."""
    try:
        fd = os.open(name, _FILE, dir_fd=folder)
    except PermissionError:
        return None
    try:
        data = os.read(fd, _PIECE)
        if len(data) < _PIECE and name != "maps":  # maps comes in pieces; the others are whole
            return data
        parts = []
        while data:
            parts.append(data)
            data = os.read(fd, _PIECE)
        return b"".join(parts)
    except PermissionError:
        return None
    finally:
        os.close(fd)


def _link(folder: int, name: str) -> str | None:
    """Where a link of a /proc folder points; None when it is protected."""
    try:
        return os.readlink(name, dir_fd=folder)
    except PermissionError:
        return None


def _pidfd_info(pidfd: int) -> tuple[int, ...] | None:
    buffer = bytearray(_PIDFD_INFO.size)
    buffer[0] = _PIDFD_INFO_CREDS | _PIDFD_INFO_COREDUMP
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
    except OSError:
        return None  # an older kernel, or the process is gone
    return _PIDFD_INFO.unpack(buffer)


def _dumpable_by_pidfd(pidfd: int) -> int | None:
    info = _pidfd_info(pidfd)
    if info is None or not info[0] & _PIDFD_INFO_COREDUMP:
        return None
    return _DUMPABLE.get(info[-1] & _DUMPABLE_BITS)


class Reader:
    """Reads processes; holds what is the same for all of them.

    proc -- where the proc file system is mounted. Raises CommandError when it is not.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        try:
            self._root = os.open(proc, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise CommandError(f"{proc}: {error.strerror}: mount it to read the posture") from None
        try:
            own_pid = os.readlink("self", dir_fd=self._root)
        except OSError:
            os.close(self._root)
            raise CommandError(
                f"{proc}: no proc file system: mount it to read the posture"
            ) from None
        # With the /proc of another pid namespace, a pidfd would be of some other process.
        self._has_pidfds = own_pid == str(os.getpid()) and hasattr(os, "pidfd_open")
        self._user_namespace = self._own(_link, "self/ns/user")
        self._id_map = self._own(_read, "self/uid_map")
        self._mount_namespace = self._own(_link, "self/ns/mnt")
        self._injection = Injection(self._mount_namespace)
        self._suid_dumpable = self._number("sys/fs/suid_dumpable")
        self._ours = tuple(PRELOAD_ENTRY.split(b"=", 1))
        self._known: set[bytes] = set()
        self._meaning: dict[bytes, int] = {}
        self._environments: dict[tuple[int, int], _Environment] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor of /proc back."""
        os.close(self._root)

    def _own(self, read: Callable[[int, str], _T], name: str) -> _T | None:
        """What /proc says of ourselves; None: not in this kernel."""
        try:
            return read(self._root, name)
        except OSError:
            return None

    def _number(self, name: str) -> int | None:
        try:
            text = self._own(_read, name)
            return int(text or b"")
        except ValueError:
            return None

    def pids(self) -> list[int]:
        """All that /proc shows us, in ascending order."""
        return sorted(int(name) for name in os.listdir(self._proc) if name.isdigit())

    def read(self, pid: int) -> Posture:
        """Read the posture of a process. Raises NoSuchProcessError."""
        pidfd = self._open_pidfd(pid)
        folder = -1
        try:
            try:
                folder = self._open(str(pid))
            except PermissionError:
                posture = self._read_hidden(pid, pidfd)
            except FileNotFoundError:
                # With hidepid=2, /proc denies that there are processes which we may not trace.
                posture = self._read_hidden(pid, pidfd)
            else:
                posture = self._read_again(pid, pidfd, folder)
        except (_Ended, FileNotFoundError, ProcessLookupError):
            raise NoSuchProcessError(pid) from None
        finally:
            if folder >= 0:
                os.close(folder)
            if pidfd is not None:
                os.close(pidfd)
        return posture

    def _open(self, name: str) -> int:
        return os.open(name, _FOLDER, dir_fd=self._root)

    def _open_pidfd(self, pid: int, flags: int = 0) -> int | None:
        """A descriptor of a process, where there is such a thing."""
        if not self._has_pidfds:
            return None
        try:
            return os.pidfd_open(pid, flags)
        except OSError as error:
            if error.errno in (ESRCH, EINVAL, ENOENT) and not flags:
                raise NoSuchProcessError(pid) from None
            return None  # the system has no such call, or forbids it

    def _read_hidden(self, pid: int, pidfd: int | None) -> Posture:
        """What can be told of a process that /proc hides: its pidfd and prlimit(2) know it."""
        if pidfd is None or select.select([pidfd], [], [], 0)[0]:
            raise _Ended
        posture = Posture(pid)
        posture.problem = "/proc hides it from us (mount option hidepid)"
        info = _pidfd_info(pidfd)
        if info and info[0] & _PIDFD_INFO_CREDS:
            posture.ppid, posture.uid = info[4], info[7]
        posture.dumpable = _dumpable_by_pidfd(pidfd)
        if posture.dumpable is not None:
            posture.dumpable_source = "pidfd"
            posture.inspectable = posture.dumpable == 1
        import resource

        try:
            limits = resource.prlimit(pid, resource.RLIMIT_CORE)
        except (PermissionError, ProcessLookupError):
            pass  # not ours to ask about, or gone, which the next line tells
        else:
            soft, hard = (UNLIMITED if n == resource.RLIM_INFINITY else n for n in limits)
            posture.core_limit = soft, hard
        if select.select([pidfd], [], [], 0)[0]:
            raise _Ended
        posture.protected = ("name", *_PROTECTED_BY_HIDEPID)
        posture.verdict = verdict(posture)
        return posture

    def _read_again(self, pid: int, pidfd: int | None, folder: int) -> Posture:
        """Read until it stayed the same meanwhile: an exec puts another program in its place."""
        for _ in range(_ATTEMPTS):
            try:
                return self._read(pid, pidfd, folder)
            except _Changed:
                continue
        posture = Posture(pid)
        posture.problem = "it becomes another program all the time"
        return posture

    def _is_still(self, posture: Posture, pidfd: int | None, folder: int) -> bool:
        """Whether what made the process hardened holds after all the rest was read, too."""
        now = Posture(posture.pid)
        now.uid = posture.uid
        told = self._told_dumpable(pidfd, folder)
        fields = parse_asked(_read(folder, "status") or b"")
        if "VmSize" not in fields:
            raise _Ended
        self._take_dumpable(now, told, folder, fields)
        return now.inspectable is posture.inspectable

    def _read(self, pid: int, pidfd: int | None, folder: int) -> Posture:
        posture = Posture(pid)
        # Before status: that then shows that the process had memory to be dumpable with.
        told = self._told_dumpable(pidfd, folder)
        status = _read(folder, "status")
        if status is None:
            return self._read_hidden(pid, pidfd)
        try:
            fields = parse_asked(status)
            posture.name = parse_name(status)
            self._take_status(posture, fields)
            if "VmSize" not in fields:
                return self._read_without_memory(posture, fields, folder)
            self._take_dumpable(posture, told, folder, fields)
            limits = _read(folder, "limits")
            posture.core_limit = parse_core_limit(limits) if limits else None
            self._read_image(posture, folder)
            posture.verdict = verdict(posture)
            if posture.verdict == HARDENED:
                if (parse_number(fields, "Threads") or 0) > 1:
                    posture.tracer_pid = self._tracer_of_any_thread(pid)
                    posture.verdict = verdict(posture)
                if not self._is_still(posture, pidfd, folder):
                    raise _Changed
        except ValueError as error:
            posture.problem = f"/proc is not as expected: {error}"
            posture.verdict = UNKNOWN
        return posture

    def _threads(self, pid: int) -> list[str]:
        return os.listdir(f"{self._proc}/{pid}/task")

    def _tracer_of_any_thread(self, pid: int) -> int | None:
        """Who traces a thread of a process: the process's status tells of its first one alone."""
        tracer: int | None = 0
        for name in self._threads(pid):
            try:
                status = _read(self._root, f"{pid}/task/{name}/status")
            except (FileNotFoundError, ProcessLookupError):
                continue
            of_thread = None if status is None else parse_number(parse_asked(status), "TracerPid")
            if of_thread:
                return of_thread
            tracer = None if of_thread is None else tracer
        return tracer

    def _read_without_memory(
        self, posture: Posture, fields: dict[str, bytes], folder: int
    ) -> Posture:
        """A kernel thread, a zombie, or a process whose first thread ended before the others."""
        is_kernel = parse_number(fields, "Kthread")
        if is_kernel is None:  # before Linux 6.10: kthreadd's children, and itself
            is_kernel = posture.pid == 2 or posture.ppid == 2
        posture.kind = KERNEL_THREAD if is_kernel else ZOMBIE
        if is_kernel or (parse_number(fields, "Threads") or 0) < 2:
            return posture
        for name in self._threads(posture.pid):
            if name == str(posture.pid):
                continue
            try:
                thread = os.open(f"task/{name}", _FOLDER, dir_fd=folder)
            except (FileNotFoundError, ProcessLookupError):
                continue
            pidfd = self._open_pidfd(int(name), _PIDFD_THREAD)
            try:
                found = self._read(posture.pid, pidfd, thread)
            except (FileNotFoundError, ProcessLookupError):
                continue
            finally:
                os.close(thread)
                if pidfd is not None:
                    os.close(pidfd)
            if found.has_memory:
                return found
        return posture

    @staticmethod
    def _take_status(posture: Posture, fields: dict[str, bytes]) -> None:
        posture.ppid = parse_number(fields, "PPid")
        posture.uid = parse_number(fields, "Uid", 1)
        posture.tracer_pid = parse_number(fields, "TracerPid")
        posture.seccomp = parse_number(fields, "Seccomp")
        no_new_privs = parse_number(fields, "NoNewPrivs")
        posture.no_new_privs = None if no_new_privs is None else bool(no_new_privs)
        effective, permitted = parse_bits(fields, "CapEff"), parse_bits(fields, "CapPrm")
        if effective is not None and permitted is not None:
            held = effective | permitted
            posture.capabilities = tuple(
                name for bit, name in READING_CAPABILITIES.items() if held >> bit & 1
            )

    @staticmethod
    def _told_dumpable(pidfd: int | None, folder: int) -> tuple[int | None, int]:
        """The flag by the kernel's word, or else the owner of the process's files."""
        if pidfd is not None:
            dumpable = _dumpable_by_pidfd(pidfd)
            if dumpable is not None:
                return dumpable, -1
        return None, os.stat("status", dir_fd=folder).st_uid

    def _take_dumpable(
        self,
        posture: Posture,
        told: tuple[int | None, int],
        folder: int,
        fields: dict[str, bytes],
    ) -> None:
        """By the kernel's word; else by the owner of its files, which is root when not dumpable.

        fs/proc/base.c: task_dump_owner(). Whose files are root's anyway, a probe may tell.
        """
        dumpable, owner = told
        if dumpable is not None:
            posture.dumpable, posture.dumpable_source = dumpable, "pidfd"
            posture.inspectable = dumpable == 1
            return
        if posture.uid is None:
            return
        source = "owner"
        if owner != posture.uid:
            inspectable: bool | None = False
        elif self._is_root_somewhere(posture.uid, folder):
            inspectable, source = probe.is_inspectable(posture.pid, fields), "probe"
            # With the descriptor unmoved, the pid has been this process's all the time.
            os.stat("status", dir_fd=folder)
            same = _link(folder, "ns/user") == self._user_namespace is not None
            if inspectable is False and not same:
                inspectable = None
        else:
            inspectable = True
        posture.inspectable = inspectable
        if inspectable:
            posture.dumpable = 1
        elif inspectable is False and self._suid_dumpable in (0, 1):
            posture.dumpable = 0  # else it could be 2
        posture.dumpable_source = None if inspectable is None else source

    def _is_root_somewhere(self, uid: int, folder: int) -> bool:
        """Whether uid is the root of the process's user namespace, who owns its files anyway."""
        if uid == 0:
            return True
        rows = parse_id_map((self._id_map and _read(folder, "uid_map")) or b"")
        return any(inside == 0 and outside == uid for inside, outside, _ in rows)

    def _read_user_namespace(self, posture: Posture, folder: int) -> None:
        if self._user_namespace is None and self._id_map is None:
            posture.other_user_namespace = False  # this kernel has none
            return
        theirs = _link(folder, "ns/user")
        if theirs is not None and self._user_namespace is not None:
            posture.other_user_namespace = theirs != self._user_namespace
            return
        # The map is for everybody to read. The same text cannot be of another namespace, unless
        # root made one that maps all ids to themselves.
        id_map = _read(folder, "uid_map")
        if id_map and self._id_map:
            posture.other_user_namespace = id_map != self._id_map

    def _learn(self, names: set[bytes]) -> None:
        """Find out what names of variables are to us; there are few different ones."""
        if len(self._known) > _MOST_NAMES:
            self._known.clear()
        self._known |= names
        for name in names:
            text = decode(name)
            meaning = _LOADER * is_loader_variable(text) | _SECRET * is_secret_name(text)
            meaning |= _NO_DEBUGGING * (name == b"PYTHON_DISABLE_REMOTE_DEBUG")
            if meaning:
                self._meaning[name] = meaning

    def _judge_environment(self, environ: bytes) -> _Environment:
        """What the entries of an environment block are to us."""
        entries, is_whole = split_environ(environ)
        names = {entry.partition(b"=")[0] for entry in entries}
        new = names - self._known
        if new:
            self._learn(new)
        if names.isdisjoint(self._meaning):  # as nearly always
            return (), (), (), is_whole, False
        loader: list[str] = []
        secrets: dict[str, None] = {}
        requests: list[bytes] = []
        switched_off = False
        for entry in entries:
            name, equals, value = entry.partition(b"=")
            meaning = self._meaning.get(name, 0)
            if not equals or not meaning:
                continue
            if meaning & _LOADER and (name, value) != self._ours:
                loader.append(decode(name))
                if name in (b"LD_PRELOAD", b"LD_AUDIT"):
                    requests += requested_in(name, value)
            if value and meaning & _SECRET:
                secrets[decode(name)] = None
            if value and meaning & _NO_DEBUGGING:
                switched_off = True
        return tuple(loader), tuple(secrets), tuple(requests), is_whole, switched_off

    def _environment(self, environ: bytes) -> _Environment:
        """The same, remembered: siblings have the same block. Of the block, only a hash is kept."""
        key = hash(environ), len(environ)
        known = self._environments.get(key)
        if known is None:
            known = self._judge_environment(environ)
            if len(self._environments) < _MOST_ENVIRONMENTS:
                self._environments[key] = known
        return known

    def _read_image(self, posture: Posture, folder: int) -> None:
        """What the arguments, the environment and the mapped files say of the program."""
        command = _read(folder, "cmdline")
        if command is not None:
            posture.secret_arguments = ()
            if may_hold_secrets(command):
                posture.secret_arguments = secret_arguments(_split_arguments(command))
            framework = _FRAMEWORK.search(command)
            posture.framework = framework.lastgroup if framework else None
        self._read_user_namespace(posture, folder)

        environ = _read(folder, "environ")
        exe = _link(folder, "exe")
        maps = _read(folder, "maps")
        requests: tuple[bytes, ...] = ()
        switched_off = is_whole = False
        if environ is not None:
            (
                posture.loader_variables,
                posture.secret_variables,
                requests,
                is_whole,
                switched_off,
            ) = self._environment(environ)
        if exe is not None:
            posture.exe = exe
        if maps is not None and environ is not None and exe is not None:
            code = parse_code_files(maps)
            path = os.fsencode(exe.replace("\n", "\\012") if "\n" in exe else exe)
            posture.injected_libraries = self._injection.injected(
                folder, path, code, requests, is_whole
            )
            self._take_python(posture, exe, code, command or b"", not switched_off)
            if command is not None and posture.other_user_namespace is not None:
                return
        refused = {
            "exe": exe is None,
            "loader_variables": environ is None,
            "secret_variables": environ is None,
            "injected_libraries": maps is None or environ is None,
            "secret_arguments": command is None,
            "python": maps is None or exe is None,
            "other_user_namespace": posture.other_user_namespace is None,
        }
        posture.protected = tuple(field for field, was in refused.items() if was)

    @staticmethod
    def _take_python(
        posture: Posture,
        exe: str,
        code: list[tuple[bytes, bytes]],
        command: bytes,
        debugging: bool,
    ) -> None:
        named = _PYTHON.search(exe.removesuffix(" (deleted)"))
        version = named and named[1]
        for _, path in code:
            library = _PYTHON_LIBRARY.search(path)
            if library:
                version = library[1].decode()
        if not named and not version:
            posture.python, posture.remote_debugging = "", False
            return
        if not version:
            posture.python = None
            return
        posture.python = version
        if (
            posture.inspectable is False
            or tuple(map(int, version.split("."))) < _FIRST_PYTHON_WITH_REMOTE_DEBUGGING
            or not debugging
            or _switches_debugging_off(_split_arguments(command))
        ):
            posture.remote_debugging = False
        else:
            posture.remote_debugging = posture.inspectable


_PROTECTED_BY_HIDEPID = (
    "exe",
    "loader_variables",
    "secret_variables",
    "injected_libraries",
    "secret_arguments",
    "python",
    "other_user_namespace",
    "no_new_privs",
    "seccomp",
    "tracer_pid",
    "capabilities",
)


def _split_arguments(command: bytes) -> list[bytes]:
    return command.rstrip(b"\0").split(b"\0") if command else []


def _switches_debugging_off(arguments: list[bytes]) -> bool:
    """Whether a Python is started with -X disable-remote-debug."""
    return b"-Xdisable-remote-debug" in arguments or any(
        pair == (b"-X", b"disable-remote-debug") for pair in pairwise(arguments)
    )


def read_posture(pid: int) -> Posture:
    """Read the posture of a process. Raises NoSuchProcessError."""
    with Reader() as reader:
        return reader.read(pid)
