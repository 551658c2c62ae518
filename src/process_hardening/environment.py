"""What each loader variable is: one table a system.

Injectors load code into a process; search paths direct what is loaded;
diagnostics make the loader print, trace or behave differently.
"""

from __future__ import annotations

import os
import sys

from process_hardening import _native

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INJECTOR = "injector"
SEARCH_PATH = "search path"
DIAGNOSTIC = "diagnostic"

# ld.so(8) of glibc and of musl.
_LINUX = {
    "LD_PRELOAD": INJECTOR,
    "LD_AUDIT": INJECTOR,
    "LD_LIBRARY_PATH": SEARCH_PATH,
    "LD_ORIGIN_PATH": SEARCH_PATH,
    "LD_ASSUME_KERNEL": DIAGNOSTIC,
    "LD_BIND_NOT": DIAGNOSTIC,
    "LD_BIND_NOW": DIAGNOSTIC,
    "LD_DEBUG": DIAGNOSTIC,
    "LD_DEBUG_OUTPUT": DIAGNOSTIC,
    "LD_DYNAMIC_WEAK": DIAGNOSTIC,
    "LD_HWCAP_MASK": DIAGNOSTIC,
    "LD_POINTER_GUARD": DIAGNOSTIC,
    "LD_PREFER_MAP_32BIT_EXEC": DIAGNOSTIC,
    "LD_PROFILE": DIAGNOSTIC,
    "LD_PROFILE_OUTPUT": DIAGNOSTIC,
    "LD_SHOW_AUXV": DIAGNOSTIC,
    "LD_TRACE_LOADED_OBJECTS": DIAGNOSTIC,
    "LD_USE_LOAD_BIAS": DIAGNOSTIC,
    "LD_VERBOSE": DIAGNOSTIC,
    "LD_WARN": DIAGNOSTIC,
}

# rtld(1); the same names exist with LD_32_ and LD_64_ in front. LD_LIBMAP
# replaces one library by another, which is as good as injecting it.
_BSD = {
    "LD_PRELOAD": INJECTOR,
    "LD_PRELOAD_FDS": INJECTOR,
    "LD_PRELOAD_PATH": INJECTOR,
    "LD_LIBMAP": INJECTOR,
    "LD_ELF_HINTS_PATH": SEARCH_PATH,
    "LD_LIBRARY_PATH": SEARCH_PATH,
    "LD_LIBRARY_PATH_RPATH": SEARCH_PATH,
    "LD_BIND_NOT": DIAGNOSTIC,
    "LD_BIND_NOW": DIAGNOSTIC,
    "LD_DEBUG": DIAGNOSTIC,
    "LD_DUMP_REL_POST": DIAGNOSTIC,
    "LD_DUMP_REL_PRE": DIAGNOSTIC,
    "LD_DYNAMIC_WEAK": DIAGNOSTIC,
    "LD_LIBMAP_DISABLE": DIAGNOSTIC,
    "LD_LOADFLTR": DIAGNOSTIC,
    "LD_TRACE_LOADED_OBJECTS": DIAGNOSTIC,
    "LD_UTRACE": DIAGNOSTIC,
}

# dyld(1).
_MACOS = {
    "DYLD_INSERT_LIBRARIES": INJECTOR,
    "DYLD_FALLBACK_FRAMEWORK_PATH": SEARCH_PATH,
    "DYLD_FALLBACK_LIBRARY_PATH": SEARCH_PATH,
    "DYLD_FRAMEWORK_PATH": SEARCH_PATH,
    "DYLD_LIBRARY_PATH": SEARCH_PATH,
    "DYLD_VERSIONED_FRAMEWORK_PATH": SEARCH_PATH,
    "DYLD_VERSIONED_LIBRARY_PATH": SEARCH_PATH,
    "DYLD_BIND_AT_LAUNCH": DIAGNOSTIC,
    "DYLD_IMAGE_SUFFIX": DIAGNOSTIC,
    "DYLD_PRINT_ENV": DIAGNOSTIC,
    "DYLD_PRINT_LIBRARIES": DIAGNOSTIC,
    "DYLD_PRINT_TO_FILE": DIAGNOSTIC,
    "DYLD_SHARED_REGION": DIAGNOSTIC,
}

# What STRICT removes beside the loader's own: glibc's list for set-user-ID
# programs (sysdeps/generic/unsecvars.h), and variables through which TLS
# libraries and interpreters load code, run it or write secrets to files.
STRICT_VARIABLES = {
    "BASH_ENV": INJECTOR,
    "GCONV_PATH": INJECTOR,
    "GETCONF_DIR": INJECTOR,
    "NODE_OPTIONS": INJECTOR,
    "OPENSSL_CONF": INJECTOR,
    "OPENSSL_ENGINES": INJECTOR,
    "OPENSSL_MODULES": INJECTOR,
    "PERL5OPT": INJECTOR,
    "PYTHONBREAKPOINT": INJECTOR,
    "PYTHONPYCACHEPREFIX": INJECTOR,
    "PYTHONSTARTUP": INJECTOR,
    "PYTHONWARNINGS": INJECTOR,
    "LOCPATH": SEARCH_PATH,
    "NIS_PATH": SEARCH_PATH,
    "NLSPATH": SEARCH_PATH,
    "PYTHONPATH": SEARCH_PATH,
    "PYTHONUSERBASE": SEARCH_PATH,
    "TMPDIR": SEARCH_PATH,
    "TZDIR": SEARCH_PATH,
    "GLIBC_TUNABLES": DIAGNOSTIC,
    "HOSTALIASES": DIAGNOSTIC,
    "LOCALDOMAIN": DIAGNOSTIC,
    "MALLOC_*": DIAGNOSTIC,
    "PYTHONPERFSUPPORT": DIAGNOSTIC,
    "RESOLV_HOST_CONF": DIAGNOSTIC,
    "RES_OPTIONS": DIAGNOSTIC,
    "SSLKEYLOGFILE": DIAGNOSTIC,
}


def _table(system: str) -> tuple[str, dict[str, str]]:
    if system == "darwin":
        return "DYLD_", _MACOS
    if system.startswith(("freebsd", "openbsd", "netbsd")):
        return "LD_", _BSD
    return "LD_", _LINUX


def is_loader_variable(name: str, system: str = sys.platform) -> bool:
    """Whether the dynamic loader of a system (a sys.platform) takes name for its own."""
    return system != "win32" and name.startswith(_table(system)[0])


def kind_of(name: str, system: str = sys.platform) -> str:
    """INJECTOR, SEARCH_PATH or DIAGNOSTIC; what no table knows counts as INJECTOR."""
    for prefix in ("LD_32_", "LD_64_"):
        if name.startswith(prefix):
            name = "LD_" + name[len(prefix) :]
    return _table(system)[1].get(name) or STRICT_VARIABLES.get(name, INJECTOR)


def told(name: object) -> str:
    """What may be said of something that should have been a name: no value, if it has one."""
    if isinstance(name, str):
        name, equals, _ = name.partition("=")
        return repr(name + equals + "..." if equals else name)
    return f"a {type(name).__name__}"


def check_patterns(what: str, names: object) -> tuple[str, ...]:
    """The variable names in names, each NAME or PREFIX*. Raises TypeError or ValueError."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"{what} must be a sequence of variable names, not {told(names)}")
    result = tuple(names)
    for name in result:
        if not isinstance(name, str):
            raise TypeError(f"{what} must hold variable names, not {told(name)}")
        if not name or "=" in name or "\0" in name or "*" in name[:-1]:
            raise ValueError(
                f"{what}: {told(name)} is no variable name; a pattern is NAME or PREFIX*"
            )
    return result


SET_ASIDE_VARIABLE = "PROCESS_HARDENING_SET_ASIDE"
"""Carries the search paths that were set aside through an exec: entries joined by NUL, in hex."""

CHILDREN_VARIABLE = _native._children_variable
"""Its value 1 tells native/preload.c to stay in LD_PRELOAD, for the children too."""

KEEP_VARIABLE = _native._keep_variable
"""Tells native/preload.c which variables to leave alone: patterns joined by colons."""

def _set_aside() -> dict[str, str]:
    """The search paths that this process, or the one it was before an exec, took out."""
    entries: dict[bytes, bytes] = {}
    try:
        handed_over = bytes.fromhex(os.environ.get(SET_ASIDE_VARIABLE, ""))
    except ValueError:
        handed_over = b""  # not ours: whoever wrote it can set the variables themselves
    for entry in handed_over.split(b"\0"):
        name, _, value = entry.partition(b"=")
        entries[name] = value
    entries.update(_native._removed())
    decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in entries.items()}
    return {name: value for name, value in decoded.items() if kind_of(name) == SEARCH_PATH}


def hand_over() -> list[bytes]:
    """The environment entries, none or one, that carry what was set aside through an exec."""
    entries = [os.fsencode(f"{name}={value}") for name, value in _set_aside().items()]
    if not entries:
        return []
    return [f"{SET_ASIDE_VARIABLE}={bytes(1).join(entries).hex()}".encode()]


def preload_path() -> str:
    """The library that hardens a program through LD_PRELOAD."""
    return os.fsdecode(_native._preload_entry.partition(b"=")[2])


def why_not_preloaded() -> str | None:
    """Why LD_PRELOAD cannot name our library, or None."""
    path = preload_path()
    if ":" in path or " " in path:
        return f"LD_PRELOAD cannot name {path!r}: install into a path without blank and colon"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def preload_entries(keep: Iterable[str], children: bool) -> list[bytes]:
    """The environment entries that load our library into a program (native/preload.c).

    keep -- the variables (or PREFIX*) that it is to leave alone
    children -- whether it stays, for the children of the program too
    """
    entries = [_native._preload_entry, os.fsencode(f"{KEEP_VARIABLE}={':'.join(keep)}")]
    return [*entries, f"{CHILDREN_VARIABLE}=1".encode()] if children else entries


def _named_by(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns, NAME or PREFIX*, names a variable."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
    )


def _drop(
    env: dict[str, str], secrets: bool, keep: tuple[str, ...], drop: tuple[str, ...]
) -> dict[str, str]:
    """The environment without what drop names, nor, if so asked, secrets; keep is left."""
    from process_hardening.secret_names import is_secret_name

    return {
        name: value
        for name, value in env.items()
        if _named_by(name, keep)
        or not (_named_by(name, drop) or (secrets and is_secret_name(name)))
    }


def child_env(
    *,
    secrets: str = "keep",
    keep: Iterable[str] = (),
    drop: Iterable[str] = (),
    hardened: bool = True,
) -> dict[str, str]:
    """The environment for a child that needs its search paths: os.environ and what was set aside.

    Never holds an injector (LD_PRELOAD, LD_AUDIT, DYLD_INSERT_LIBRARIES, ...), not even one that
    came back into os.environ; except our own library where harden_children() or `run --children`
    put it.

    secrets -- 'drop': without the variables whose names are known for credentials
        (process_hardening/secret_names.py), for a tool that is not trusted with them
    drop -- more variables to leave out: names, or prefixes that end in '*'
    keep -- variables that stay, whatever secrets and drop say; written in the same way
    hardened -- False: without what has the child hardened, for a debugger or a CUDA tool; its
        core limit stays 0

    Raises TypeError or ValueError for an argument of the wrong kind.
    """
    if secrets not in ("keep", "drop"):
        raise ValueError(f"secrets must be 'keep' or 'drop', not {secrets!r}")
    keep, drop = check_patterns("keep", keep), check_patterns("drop", drop)
    ours = os.fsdecode(_native._preload_entry)
    env = {
        name: value
        for name, value in os.environ.items()
        if not is_loader_variable(name) or kind_of(name) == SEARCH_PATH or f"{name}={value}" == ours
    }
    for name, value in _set_aside().items():
        env.setdefault(name, value)
    env.pop(SET_ASIDE_VARIABLE, None)
    if not hardened:
        env = unhardened(env)
    return _drop(env, secrets == "drop", keep, drop) if drop or secrets == "drop" else env


def unhardened(env: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables that have a child hardened."""
    ours = os.fsdecode(_native._preload_entry)
    return {
        name: value
        for name, value in env.items()
        if name not in (CHILDREN_VARIABLE, KEEP_VARIABLE) and f"{name}={value}" != ours
    }
