"""The posture of the host: the settings that decide who reads whose memory. Reads, never writes."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys

from process_hardening.audit.injection import PRELOAD_FILE, requested_in
from process_hardening.audit.posture import PIPE, CoreRules
from process_hardening.audit.reader import READING_CAPABILITIES
from process_hardening.audit.procfs import decode

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterator

FIXED = "fixed"
VULNERABLE = "vulnerable"

# The stable releases with the fix of CVE-2026-46333, by line; mainline has it since 7.1-rc4.
# Announced together (LWN article 1073060), all of 2026-05-15.
_FIXED_IN = {
    (5, 10): 256,
    (5, 15): 207,
    (6, 1): 173,
    (6, 6): 139,
    (6, 12): 89,
    (6, 18): 31,
    (7, 0): 8,
}
_FIXED_FROM = (7, 1)
_FLAWED_FROM = (4, 10)

_ROOT_LIKE_GROUPS = (
    "admin",
    "disk",
    "docker",
    "incus-admin",
    "kmem",
    "lxd",
    "sudo",
    "wheel",
)
_PROGRAM_FOLDERS = (
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/libexec",
)

# Two children of ours end and stay zombies, one dumpable, one not. Their user namespace may be
# looked at by who may trace them: nobody may trace the second, unless the kernel forgets the
# flag of what has no memory any more. That is the flaw; nothing is taken from anybody.
_EXIT_PROBE = """
import ctypes, os
libc = ctypes.CDLL(None)
pids = []
for dumpable in (1, 0):
    pid = os.fork()
    if not pid:
        os._exit(libc.prctl(4, dumpable, 0, 0, 0))
    pids.append(pid)
seen = []
for pid in pids:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        seen.append(ended.si_status == 0 and bool(os.readlink(f"/proc/{pid}/ns/user")))
    except OSError:
        seen.append(False)
print(*map(int, seen))
"""
_NOBODY = 65534


def user_of(uid: int) -> str:
    """The name of a user, or the uid as text."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Swap:
    """A swap area. encrypted -- None: not known; zram counts as encrypted, for it is memory."""

    __slots__ = ("encrypted", "path")

    def __init__(self, path: str, encrypted: bool | None) -> None:
        self.path = path
        self.encrypted = encrypted


class Host:
    """What the system says of itself; None: no such setting here, or it may not be read.

    hidden -- the settings that exist and could not be read
    kernel -- its release; kernel_version -- (major, minor, patch)
    core -- where core dumps go; core_handler_problem -- what is wrong with the program they go to
    ptrace_scope -- Yama's, None without Yama
    user_namespaces -- whether unprivileged users may make some
    preload_file -- the libraries in ld.so.preload; preload_writable -- what of it others may write
    swaps -- the swap areas; hidepid -- of /proc, '' for none
    exit_race -- FIXED, VULNERABLE (CVE-2026-46333) or None; exit_race_source -- how that is known
    root_like -- members of groups that are as good as root: (group, users)
    capable_files -- programs that carry capabilities of reading others: (path, names)
    """

    __slots__ = (
        "capable_files",
        "core",
        "core_handler_problem",
        "exit_race",
        "exit_race_source",
        "hidden",
        "hidepid",
        "kernel",
        "kernel_version",
        "memfd_noexec",
        "name",
        "perf_event_paranoid",
        "preload_file",
        "preload_writable",
        "ptrace_scope",
        "randomize_va_space",
        "root_like",
        "suid_dumpable",
        "swaps",
        "system",
        "user_namespaces",
    )

    def __init__(self) -> None:
        self.system = sys.platform
        self.name = ""
        self.kernel = ""
        self.kernel_version = (0, 0, 0)
        self.core = CoreRules(None, False, (0, 0))
        self.core_handler_problem: str | None = None
        self.suid_dumpable: int | None = None
        self.ptrace_scope: int | None = None
        self.perf_event_paranoid: int | None = None
        self.user_namespaces: bool | None = None
        self.memfd_noexec: int | None = None
        self.randomize_va_space: int | None = None
        self.preload_file: tuple[str, ...] | None = None
        self.preload_writable: tuple[str, ...] = ()
        self.swaps: tuple[Swap, ...] | None = None
        self.hidepid: str | None = None
        self.exit_race: str | None = None
        self.exit_race_source = ""
        self.root_like: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.capable_files: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self.hidden: tuple[str, ...] = ()


def parse_release(release: str) -> tuple[int, int, int]:
    """The numbers that a kernel release begins with; 0 for what is not there."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def exit_race_by_version(release: str) -> str | None:
    """Whether a kernel release has the fix of CVE-2026-46333; None: its number does not tell.

    Distributions take fixes into kernels of their own numbering: only a release without anything
    behind its number is the stable one, and can be called vulnerable by its number.
    """
    major, minor, patch = version = parse_release(release)
    candidate = re.search(r"-rc(\d+)", release)
    if version[:2] == _FIXED_FROM and candidate and int(candidate[1]) < 4:
        return None
    if version[:2] >= _FIXED_FROM:
        return FIXED
    first = _FIXED_IN.get((major, minor))
    if first is not None and patch >= first:
        return FIXED
    if version[:2] < _FLAWED_FROM or not re.fullmatch(r"\d+\.\d+(\.\d+)?", release):
        return None
    return VULNERABLE


def exit_race_by_trying() -> str | None:
    """Whether this kernel has the fix, tried on two children of our own; None: it cannot be tried.

    Raises nothing. Changes nothing.
    """
    options: dict[str, object] = {}
    if os.geteuid() == 0:
        options = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # the options' types
            [sys.executable, "-I", "-S", "-c", _EXIT_PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=20,
            **options,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return {b"1 0\n": FIXED, b"1 1\n": VULNERABLE}.get(done.stdout)


class _Files:
    """The files of the host below a root folder, another than / in tests."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.hidden: list[str] = []

    def path(self, name: str) -> str:
        return os.path.join(self.root, name)

    def text(self, name: str) -> str | None:
        """The text of a file, '' when there is none; None when it may not be read."""
        try:
            with open(self.path(name), "rb") as file:
                return decode(file.read(1 << 20))
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError:
            self.hidden.append(name)
            return None

    def number(self, name: str) -> int | None:
        try:
            return int(self.text(name) or "")
        except ValueError:
            return None

    def others_may_write(self, path: str) -> bool | None:
        """Whether another than root owns or may write a file; None: there is none."""
        try:
            found = os.stat(self.path(path.lstrip("/")))
        except (OSError, ValueError):  # the latter for a NUL, which no path has
            return None
        return (
            found.st_uid != 0
            or bool(found.st_mode & 0o002)
            or (bool(found.st_mode & 0o020) and found.st_gid != 0)
        )


def _user_namespaces(files: _Files) -> bool | None:
    if not os.path.exists(files.path("proc/self/ns/user")):
        return False
    for name in ("user/max_user_namespaces", "kernel/unprivileged_userns_clone"):
        if files.number(f"proc/sys/{name}") == 0:
            return False
    # Ubuntu: AppArmor takes the capabilities in the namespace away again.
    return files.number("proc/sys/kernel/apparmor_restrict_unprivileged_userns") != 1


def _block_is_encrypted(files: _Files, device: str) -> bool | None:
    """Whether a block device (a name in /sys/class/block) lies on dm-crypt; None: not known."""
    folder = f"sys/class/block/{device}"
    if device.startswith("zram"):
        return not (files.text(f"{folder}/backing_dev") or "none").strip().startswith("/")
    if not os.path.exists(files.path(folder)):
        return None
    if (files.text(f"{folder}/dm/uuid") or "").startswith("CRYPT-"):
        return True
    try:
        below = os.listdir(files.path(f"{folder}/slaves"))
    except OSError:
        below = []
    if not below:
        return False
    found = [_block_is_encrypted(files, name) for name in below]
    return None if None in found else all(found)


def _swaps(files: _Files) -> tuple[Swap, ...] | None:
    text = files.text("proc/swaps")
    if text is None:
        return None
    swaps = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 2:
            continue
        path = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[0])
        device: str | None = None
        if words[1] != "partition":
            device = _device_under(files, path)
        elif "\0" not in path:
            device = os.path.basename(os.path.realpath(files.path(path.lstrip("/"))))
        swaps.append(Swap(path, _block_is_encrypted(files, device) if device else None))
    return tuple(swaps)


def _device_under(files: _Files, path: str) -> str | None:
    """The block device that the file system of a file is on, if it is on one."""
    try:
        number = os.stat(files.path(path.lstrip("/"))).st_dev
    except (OSError, ValueError):
        return None
    link = files.path(f"sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return os.path.basename(os.path.realpath(link)) if os.path.exists(link) else None


def _hidepid(files: _Files) -> str | None:
    text = files.text("proc/self/mountinfo")
    if text is None:
        return None
    found = ""
    for line in text.splitlines():
        fields, _, filesystem = line.partition(" - ")
        if fields.split()[4:5] == ["/proc"] and filesystem.startswith("proc "):
            option = re.search(r"\bhidepid=(\w+)", filesystem)
            found = option[1] if option and option[1] not in ("0", "off") else ""
    return found


def _root_like(files: _Files) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in (files.text("etc/group") or "").splitlines():
        group, *rest = line.split(":")
        users = tuple(user for user in "".join(rest[-1:]).split(",") if user)
        if group in _ROOT_LIKE_GROUPS and users:
            yield group, users


def parse_file_capabilities(value: bytes) -> int:
    """The permitted set of a security.capability attribute (struct vfs_cap_data)."""
    words = struct.unpack(f"<{len(value) // 4}I", value[: len(value) // 4 * 4])
    return (words[1] if len(words) > 1 else 0) | (words[3] if len(words) > 3 else 0) << 32


def _capable_files(files: _Files) -> Iterator[tuple[str, tuple[str, ...]]]:
    seen: set[str] = set()
    for name in _PROGRAM_FOLDERS:
        folder = os.path.realpath(files.path(name))
        if folder in seen or not os.path.isdir(folder):
            continue
        seen.add(folder)
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry)
            try:
                held = parse_file_capabilities(
                    os.getxattr(path, "security.capability", follow_symlinks=False)
                )
            except OSError:
                continue  # nearly all files have none
            names = [name for bit, name in READING_CAPABILITIES.items() if held >> bit & 1]
            if names:
                yield path, tuple(names)


def _handler_problem(files: _Files, core: CoreRules) -> str | None:
    if core.kind != PIPE:
        return None
    writable = files.others_may_write(core.target)
    if writable is None:
        return f"{core.target} is missing"
    return f"others than root may replace {core.target}" if writable else None


def read_rules(root: str = "/") -> Host:
    """Only what the posture of processes depends on: fast enough for every scan."""
    host = Host()
    files = _Files(root)
    names = os.uname()
    host.name, host.kernel = names.nodename, names.release
    host.kernel_version = parse_release(names.release)
    pattern = files.text("proc/sys/kernel/core_pattern")
    uses_pid = files.number("proc/sys/kernel/core_uses_pid") == 1
    if not os.path.exists(files.path("proc/sys/kernel/core_pattern")):
        pattern = None
    host.core = CoreRules(
        None if pattern is None else pattern.removesuffix("\n"), uses_pid, host.kernel_version[:2]
    )
    host.suid_dumpable = files.number("proc/sys/fs/suid_dumpable")
    host.ptrace_scope = files.number("proc/sys/kernel/yama/ptrace_scope")
    host.hidepid = _hidepid(files)
    host.hidden = tuple(files.hidden)
    return host


def read_host(root: str = "/", *, try_exit_race: bool = True) -> Host:
    """Everything that doctor looks at.

    root -- where the files of the host are; try_exit_race -- whether to try the kernel as well as
    look at its version
    """
    host = read_rules(root)
    files = _Files(root)
    host.core_handler_problem = _handler_problem(files, host.core)
    host.perf_event_paranoid = files.number("proc/sys/kernel/perf_event_paranoid")
    host.user_namespaces = _user_namespaces(files)
    host.memfd_noexec = files.number("proc/sys/vm/memfd_noexec")
    host.randomize_va_space = files.number("proc/sys/kernel/randomize_va_space")
    text = files.text(PRELOAD_FILE)
    if text is not None:
        named = requested_in(PRELOAD_FILE.encode(), text.encode("utf-8", "surrogateescape"))
        host.preload_file = tuple(decode(path) for path in named)
        suspects = [f"/{PRELOAD_FILE}", *host.preload_file]
        host.preload_writable = tuple(path for path in suspects if files.others_may_write(path))
    host.swaps = _swaps(files)
    host.root_like = tuple(_root_like(files))
    host.capable_files = tuple(_capable_files(files))
    if try_exit_race:
        host.exit_race, host.exit_race_source = exit_race_by_trying(), "tried"
    if host.exit_race is None:
        host.exit_race = exit_race_by_version(host.kernel)
        host.exit_race_source = "version" if host.exit_race else ""
    host.hidden = tuple(dict.fromkeys([*host.hidden, *files.hidden]))
    return host
