"""The kind of each loader variable: one table per system.

Injectors load code into a process; search paths direct what is loaded; diagnostics make the loader
print, trace or behave differently.

The build reads _LINUX and STRICT_VARIABLES too (native/launch/launch.cmake): one row per line, and
only capital letters, digits, "_" and "*" in a name. It fails on any other row.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Any

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

# rtld(1); the same names exist with the prefixes LD_32_ and LD_64_. LD_LIBMAP
# replaces one library with another, which amounts to injection.
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

# STRICT removes these variables in addition to the loader's. rescrub() removes those of them that
# were added after the start. They are glibc's list for set-user-ID programs
# (sysdeps/generic/unsecvars.h), and the variables that make shells, git, less, TLS libraries and
# interpreters load or run code, or write secrets.
STRICT_VARIABLES = {
    "BASH_ENV": INJECTOR,
    "BASH_FUNC_*": INJECTOR,
    "DOTNET_STARTUP_HOOKS": INJECTOR,
    "GCONV_PATH": INJECTOR,
    "GETCONF_DIR": INJECTOR,
    "GIT_ASKPASS": INJECTOR,
    "GIT_CONFIG_*": INJECTOR,
    "GIT_EXEC_PATH": INJECTOR,
    "GIT_EXTERNAL_DIFF": INJECTOR,
    "GIT_PROXY_COMMAND": INJECTOR,
    "GIT_SSH": INJECTOR,
    "GIT_SSH_COMMAND": INJECTOR,
    "JAVA_TOOL_OPTIONS": INJECTOR,
    "JDK_JAVA_OPTIONS": INJECTOR,
    "LESSCLOSE": INJECTOR,
    "LESSOPEN": INJECTOR,
    "LUA_INIT": INJECTOR,
    "NODE_OPTIONS": INJECTOR,
    "OPENSSL_CONF": INJECTOR,
    "OPENSSL_ENGINES": INJECTOR,
    "OPENSSL_MODULES": INJECTOR,
    "PERL5DB": INJECTOR,
    "PERL5OPT": INJECTOR,
    "PHP_INI_SCAN_DIR": INJECTOR,
    "PROMPT_COMMAND": INJECTOR,
    "PYTHONBREAKPOINT": INJECTOR,
    "PYTHONPYCACHEPREFIX": INJECTOR,
    "PYTHONSTARTUP": INJECTOR,
    "PYTHONWARNINGS": INJECTOR,
    "RUBYOPT": INJECTOR,
    "_JAVA_OPTIONS": INJECTOR,
    "CLASSPATH": SEARCH_PATH,
    "LOCPATH": SEARCH_PATH,
    "LUA_CPATH": SEARCH_PATH,
    "LUA_PATH": SEARCH_PATH,
    "NIS_PATH": SEARCH_PATH,
    "NLSPATH": SEARCH_PATH,
    "NODE_PATH": SEARCH_PATH,
    "PERL5LIB": SEARCH_PATH,
    "PERLLIB": SEARCH_PATH,
    "PYTHONHOME": SEARCH_PATH,
    "PYTHONPATH": SEARCH_PATH,
    "PYTHONUSERBASE": SEARCH_PATH,
    "RUBYLIB": SEARCH_PATH,
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
    """Return whether the dynamic loader of a system (as in sys.platform) reads the variable."""
    return system != "win32" and name.startswith(_table(system)[0])


def kind_of(name: str, system: str = sys.platform) -> str:
    """Return INJECTOR, SEARCH_PATH or DIAGNOSTIC; an unknown name counts as INJECTOR."""
    for prefix in ("LD_32_", "LD_64_"):
        if name.startswith(prefix):
            name = "LD_" + name[len(prefix) :]
    return _table(system)[1].get(name) or STRICT_VARIABLES.get(name, INJECTOR)


def describe_name(name: object) -> str:
    """Describe an object that should have been a variable name, without disclosing any value."""
    if isinstance(name, str):
        name, equals, _ = name.partition("=")
        return repr(name + equals + "..." if equals else name)
    return f"a {type(name).__name__}"


def check_flag(name: str, value: Any) -> None:
    """Raise TypeError unless the value of an argument or a field is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")


def check_patterns(what: str, names: Any) -> tuple[str, ...]:
    """Return names as a tuple. Raises TypeError or ValueError unless each is NAME or PREFIX*."""
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"{what} must be a sequence of variable names, not {describe_name(names)}")
    result = tuple(names)
    for name in result:
        if not isinstance(name, str):
            raise TypeError(f"{what} must contain variable names, not {describe_name(name)}")
        if not name or "=" in name or "\0" in name or "*" in name[:-1]:
            raise ValueError(
                f"{what}: {describe_name(name)} is not a variable name: write NAME or PREFIX*"
            )
    return result
