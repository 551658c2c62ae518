"""Reads the host settings that decide who can read whose memory. Never writes."""

from __future__ import annotations

import os
import re
import struct
import sys

from process_hardening.audit.core_dumps import PIPE, CoreRules, core_rules_of
from process_hardening.audit.exit_race import (
    exit_race_by_trying,
    exit_race_by_version,
    parse_release,
)
from process_hardening.audit.host_files import Files
from process_hardening.audit.injection_requests import PRELOAD_FILE, parse_requests
from process_hardening.audit.procfs import decode
from process_hardening.audit.rights import READING_CAPABILITIES
from process_hardening.changers import find_changers
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

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
PROGRAM_FOLDERS = (
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    "usr/local/bin",
    "usr/local/sbin",
    "usr/libexec",
)


def user_of(uid: int) -> str:
    """Return the name of a user, or the uid as text."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Swap(Record):
    """A swap area.

    encrypted -- None: unknown; zram counts as encrypted, because it is memory
    """

    path: str
    encrypted: bool | None


HANDLER_MISSING = "missing"
HANDLER_REPLACEABLE = "replaceable"

TRIED = "tried"
BY_VERSION = "version"


class Host(Record):
    """The settings of the system; None: no such setting, or it cannot be read.

    hidden -- the settings, files and directories that could not be read, without the first slash
    kernel -- its release; kernel_version -- (major, minor, patch)
    core -- where core dumps go
    core_storage -- Storage= of systemd's coredump.conf, if systemd gets the core dumps
    core_limits -- the lines about core in limits.conf and limits.d
    core_handler -- HANDLER_MISSING, HANDLER_REPLACEABLE (by users other than root) or None
    ptrace_scope -- Yama's; None without Yama
    user_namespaces -- whether unprivileged users can create them
    preload_file -- the libraries in ld.so.preload; preload_writable -- those of these libraries,
        and the file itself, that users other than root can change or replace
    swaps -- the swap areas; hidepid -- the mount option of /proc, '' for none
    exit_race -- exit_race.FIXED, VULNERABLE (CVE-2026-46333) or None
    exit_race_source -- TRIED, BY_VERSION or None
    landlock -- the Landlock ABI version, which confine needs; 0: none; refuses_signals -- whether
        it can also block signals of confined programs
    root_like -- groups that are equivalent to root, and their members: (group, users)
    capable_files -- programs with file capabilities to read other processes: (path, names)
    namespace_setting -- the setting that can forbid user namespaces here, and its value
    has_systemd -- whether systemd manages its services
    security_modules -- the active ones, in order; None if securityfs is not mounted
    machine_id -- identifies its installation, see machine-id(5); '' for none
    is_container -- whether this is a container, whose settings are those of its host
    """

    system: str = sys.platform
    name: str = ""
    kernel: str = ""
    kernel_version: tuple[int, int, int] = (0, 0, 0)
    core: CoreRules = CoreRules()
    core_handler: str | None = None
    core_storage: str | None = None
    core_limits: tuple[str, ...] = ()
    suid_dumpable: int | None = None
    ptrace_scope: int | None = None
    perf_event_paranoid: int | None = None
    user_namespaces: bool | None = None
    memfd_noexec: int | None = None
    randomize_va_space: int | None = None
    preload_file: tuple[str, ...] | None = None
    preload_writable: tuple[str, ...] = ()
    swaps: tuple[Swap, ...] | None = None
    hidepid: str | None = None
    exit_race: str | None = None
    exit_race_source: str | None = None
    landlock: int | None = None
    refuses_signals: bool | None = None
    root_like: tuple[tuple[str, tuple[str, ...]], ...] = ()
    capable_files: tuple[tuple[str, tuple[str, ...]], ...] = ()
    namespace_setting: tuple[str, int] | None = None
    has_systemd: bool = False
    security_modules: tuple[str, ...] | None = None
    machine_id: str = ""
    is_container: bool = False
    hidden: tuple[str, ...] = ()


_NAMESPACE_SETTINGS = (
    "kernel.unprivileged_userns_clone",  # Debian; root can still create them
    "user.max_user_namespaces",
)

_CONTAINER_SIGNS = (".dockerenv", "run/.containerenv", "run/systemd/container")
"""Files of Docker, Podman and systemd-nspawn; https://systemd.io/CONTAINER_INTERFACE/."""


def _find_namespace_setting(files: Files) -> tuple[str, int] | None:
    """Return the first of _NAMESPACE_SETTINGS that this kernel has, and its value."""
    for name in _NAMESPACE_SETTINGS:
        value = files.setting(name)
        if value is not None:
            return name, value
    return None


def _read_user_namespaces(files: Files) -> bool | None:
    if not os.path.exists(files.path("proc/self/ns/user")):
        return False
    if not files.shows_settings():
        return None
    if any(files.setting(name) == 0 for name in _NAMESPACE_SETTINGS):
        return False
    # On Ubuntu, AppArmor removes the capabilities inside the namespace.
    return files.number("proc/sys/kernel/apparmor_restrict_unprivileged_userns") != 1


def _is_encrypted(files: Files, device: str) -> bool | None:
    """Return whether a block device (a name in /sys/class/block) is on dm-crypt; None: unknown."""
    folder = f"sys/class/block/{device}"
    if device.startswith("zram"):
        return not (files.text(f"{folder}/backing_dev") or "none").strip().startswith("/")
    if not os.path.exists(files.path(folder)):
        return None
    if (files.text(f"{folder}/dm/uuid") or "").startswith("CRYPT-"):
        return True
    below = files.names(f"{folder}/slaves")
    found = [_is_encrypted(files, name) for name in below or ()]
    return None if below is None or None in found else bool(found) and all(found)


def _read_swaps(files: Files) -> tuple[Swap, ...] | None:
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
            device = _find_device_under(files, path)
        elif "\0" not in path:
            device = os.path.basename(os.path.realpath(files.path(path.lstrip("/"))))
        encrypted = _is_encrypted(files, device) if device else None
        swaps.append(Swap(path=path, encrypted=encrypted))
    return tuple(swaps)


def _find_device_under(files: Files, path: str) -> str | None:
    """Return the block device of a file's file system, if there is one."""
    try:
        number = os.stat(files.path(path.lstrip("/"))).st_dev
    except (OSError, ValueError):
        return None
    link = files.path(f"sys/dev/block/{os.major(number)}:{os.minor(number)}")
    return os.path.basename(os.path.realpath(link)) if os.path.exists(link) else None


def _read_hidepid(files: Files) -> str | None:
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


def _list_root_like(files: Files) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in (files.text("etc/group") or "").splitlines():
        group, *rest = line.split(":")
        users = tuple(user for user in "".join(rest[-1:]).split(",") if user)
        if group in _ROOT_LIKE_GROUPS and users:
            yield group, users


def parse_file_capabilities(value: bytes) -> int:
    """Return the permitted set of a security.capability attribute (struct vfs_cap_data)."""
    words = struct.unpack(f"<{len(value) // 4}I", value[: len(value) // 4 * 4])
    return (words[1] if len(words) > 1 else 0) | (words[3] if len(words) > 3 else 0) << 32


def _list_capable_files(files: Files) -> Iterator[tuple[str, tuple[str, ...]]]:
    seen: set[str] = set()
    for name in PROGRAM_FOLDERS:
        folder = os.path.realpath(files.path(name))
        if folder in seen:
            continue
        seen.add(folder)
        for entry in files.names(name) or ():
            path = os.path.join(folder, entry)
            try:
                held = parse_file_capabilities(
                    os.getxattr(path, "security.capability", follow_symlinks=False)
                )
            except PermissionError:
                files.hidden.append(name)
                continue
            except OSError:
                continue  # nearly all files have none
            names = [name for bit, name in READING_CAPABILITIES.items() if held >> bit & 1]
            if names:
                yield path, tuple(names)


def _check_handler(files: Files, core: CoreRules) -> str | None:
    """Return what is wrong with the program that receives core dumps."""
    if core.kind != PIPE:
        return None
    target = core.target.lstrip("/")
    if find_changers(files.path(target)):
        return HANDLER_REPLACEABLE
    return HANDLER_MISSING if files.is_missing(target) else None


_COREDUMP_FILE = "etc/systemd/coredump.conf"
_COREDUMP_FOLDERS = tuple(
    f"{top}/systemd/coredump.conf.d" for top in ("usr/lib", "usr/local/lib", "run", "etc")
)
"""Later folders win (coredump.conf(5))."""
_LIMITS_FILE, _LIMITS_FOLDER = "etc/security/limits.conf", "etc/security/limits.d"
CORE_SETTINGS = (_COREDUMP_FILE, *_COREDUMP_FOLDERS, _LIMITS_FILE, _LIMITS_FOLDER)


def _read_parts(files: Files, main: str, folders: Iterable[str]) -> Iterator[str]:
    """Return the lines of a file and of the *.conf files in directories, in order of precedence."""
    parts: dict[str, str] = {}
    for folder in folders:
        names = files.names(folder) or ()
        parts.update((name, f"{folder}/{name}") for name in names if name.endswith(".conf"))
    for path in (main, *(parts[name] for name in sorted(parts))):
        for line in (files.text(path) or "").splitlines():
            yield line.strip()


def _read_core_storage(files: Files, core: CoreRules) -> str | None:
    """Return what systemd-coredump does with core dumps that it gets. Source: coredump.conf(5)."""
    if core.kind != PIPE or os.path.basename(core.target) != "systemd-coredump":
        return None
    storage = "external"
    for line in _read_parts(files, _COREDUMP_FILE, _COREDUMP_FOLDERS):
        name, equals, value = line.partition("=")
        if equals and name.strip() == "Storage" and value.strip():
            storage = value.strip()
    return storage


def _list_core_limits(files: Files) -> Iterator[str]:
    """Return the core limits that pam_limits sets at login. Source: limits.conf(5)."""
    for line in _read_parts(files, _LIMITS_FILE, [_LIMITS_FOLDER]):
        words = line.partition("#")[0].split()
        if len(words) == 4 and words[2] == "core":
            yield " ".join(words)


def _read_preload_file(files: Files) -> dict[str, Any]:
    text = files.text(PRELOAD_FILE)
    if text is None:
        return {}
    named = parse_requests(PRELOAD_FILE.encode(), text.encode("utf-8", "surrogateescape"))
    libraries = tuple(decode(path) for path in named)
    is_there = os.path.lexists(files.path(PRELOAD_FILE))
    suspects = (f"/{PRELOAD_FILE}", *libraries) if is_there else ()
    writable = tuple(path for path in suspects if find_changers(files.path(path.lstrip("/"))))
    return {"preload_file": libraries, "preload_writable": writable}


def _learn_exit_race(kernel: str, may_try: bool) -> dict[str, str | None]:
    tried = exit_race_by_trying() if may_try else None
    if tried is not None:
        return {"exit_race": tried, "exit_race_source": TRIED}
    by_version = exit_race_by_version(kernel)
    return {"exit_race": by_version, "exit_race_source": by_version and BY_VERSION}


def _learn_confinement() -> dict[str, Any]:
    from process_hardening.domain import confinement

    kernel = confinement()
    return {"landlock": kernel.landlock, "refuses_signals": kernel.refuses_signals}


def _read_security_modules(files: Files) -> tuple[str, ...] | None:
    text = files.text("sys/kernel/security/lsm")
    return tuple(text.strip().split(",")) if text else None


def _read_machine_id(files: Files) -> str:
    """Return the machine's id, which systemd, D-Bus and the image's maker set; '' for none."""
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        found = (files.text(name) or "").strip()
        if re.fullmatch("[0-9a-f]{32}", found):
            return found
    return ""


def read_rules(root: str = "/") -> Host:
    """Read only the settings that affect verdicts, which is fast enough for every audit."""
    files = Files(root)
    names = os.uname()
    version = parse_release(names.release)
    pattern = files.text("proc/sys/kernel/core_pattern")
    if not os.path.exists(files.path("proc/sys/kernel/core_pattern")):
        pattern = None
    uses_pid = files.number("proc/sys/kernel/core_uses_pid") == 1
    return Host(
        name=names.nodename,
        machine_id=_read_machine_id(files),
        kernel=names.release,
        kernel_version=version,
        core=core_rules_of(pattern and pattern.removesuffix("\n"), uses_pid, version[:2]),
        suid_dumpable=files.number("proc/sys/fs/suid_dumpable"),
        ptrace_scope=files.number("proc/sys/kernel/yama/ptrace_scope"),
        hidepid=_read_hidepid(files),
        hidden=tuple(files.hidden),
    )


def read_host(root: str = "/", *, try_exit_race: bool = True) -> Host:
    """Read all settings that doctor checks.

    root -- where the files of the host are
    try_exit_race -- whether to test the kernel itself instead of trusting its version
    """
    rules = read_rules(root)
    files = Files(root)
    settings = {
        "core_handler": _check_handler(files, rules.core),
        "core_storage": _read_core_storage(files, rules.core),
        "core_limits": tuple(_list_core_limits(files)),
        "perf_event_paranoid": files.number("proc/sys/kernel/perf_event_paranoid"),
        "user_namespaces": _read_user_namespaces(files),
        "memfd_noexec": files.number("proc/sys/vm/memfd_noexec"),
        "randomize_va_space": files.number("proc/sys/kernel/randomize_va_space"),
        "swaps": _read_swaps(files),
        "root_like": tuple(_list_root_like(files)),
        "capable_files": tuple(_list_capable_files(files)),
        "namespace_setting": _find_namespace_setting(files),
        "security_modules": _read_security_modules(files),
        "has_systemd": os.path.isdir(files.path("run/systemd/system")),
        "is_container": any(os.path.exists(files.path(name)) for name in _CONTAINER_SIGNS),
        **_learn_confinement(),
        **_read_preload_file(files),
        **_learn_exit_race(rules.kernel, try_exit_race),
    }
    return rules.replace(**settings, hidden=rules.hidden + tuple(files.hidden))
