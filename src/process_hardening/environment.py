"""The environment of this process and of its children.

The variables that harden() removed are set aside here. child_env() restores the search paths among
them for children that need them, but never injectors. Every process that removes a variable at
start-up loads this module, so it imports the tables of variables.py only when needed.
"""

from __future__ import annotations

import os

from process_hardening import _native

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
    from typing import Any, Literal, Protocol

    from process_hardening.policy import Policy, Request

    class Names(Protocol):
        """A list, tuple or set of names, but not a str, which is also an Iterable[str]."""

        def __contains__(self, name: object, /) -> bool: ...
        def __iter__(self) -> Iterator[str]: ...


PRELOAD_LIBRARY = os.path.join(
    os.path.realpath(os.path.dirname(__file__)), "libprocess_hardening.so"
)
"""The library that hardens a program through LD_PRELOAD (native/preload/): its real path, by which
`harden` names it too."""

PRELOAD_ENTRY = b"LD_PRELOAD=" + os.fsencode(PRELOAD_LIBRARY)
"""The LD_PRELOAD entry that names only this library. It is kept because it hardens the children."""

_removed: dict[bytes, bytes] = {}
_was_called = False

_MOST_DELETIONS = 100  # other threads, or the maps of a ChainMap, may restore a variable


def encode(words: Iterable[str]) -> tuple[bytes, ...]:
    """Encode words as the kernel expects them."""
    return tuple(map(os.fsencode, words))


def read_initial_entries() -> list[bytes]:
    """Return the entries that this process was started with, except those removed since.

    They are not read from os.environ, to which Python adds LC_CTYPE in the C locale (PEP 538).
    Raises HardeningError if the entries cannot be read.
    """
    entries, failure = _native.initial_environment(False)
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)
    return entries


def set_aside(removed: list[tuple[bytes, bytes, int]]) -> tuple[str, ...]:
    """Remember variables that were removed from this process, and return their unique names.

    Only variables that were set at the start come from the user. Variables that were added later,
    for example by load_dotenv(), are remembered only on systems that cannot tell the two kinds
    apart, and only by the first call.
    """
    global _was_called
    for name, value, initial in reversed(removed):  # getenv(3) finds the first of any duplicates
        if initial > 0 or (initial < 0 and not _was_called):
            _removed[name] = value
    _was_called = True
    return tuple(dict.fromkeys(os.fsdecode(name) for name, _, _ in removed))


def finish(
    fields: dict[str, Any],
    policy: Policy | None,
    request: Request,
    removed: list[tuple[bytes, bytes, int]],
) -> None:
    """Do the part of harden() that only a few calls need.

    fields -- the fields of the Report, which are changed in place
    request -- what native_form() returned for the policy
    removed -- the removed variables, as _native.harden() returned them

    Raises HardeningError.
    """
    try:
        if fields["environment"] != "skipped":
            fields["removed"] = set_aside(removed)
            clean_mappings(*request[2:4])
        if policy is not None and policy.children == "harden" and not fields["bypassed"]:
            from process_hardening.preload import harden_children_by_environment

            fields["children"] = harden_children_by_environment(
                PRELOAD_LIBRARY, policy.keep, bypass_of(policy)
            )
    except OSError as error:  # HardeningError, which is imported only on failure
        error.bypass_variable = bypass_of(policy)  # type: ignore[attr-defined]
        raise


def removed_names() -> tuple[str, ...]:
    """Return the names of all variables that were removed from this process."""
    return tuple(map(os.fsdecode, _removed))


def was_injected(keep: Iterable[str]) -> bool:
    """Return whether this process was started with a variable that injects a library into it.

    keep -- variables to ignore, as in Policy
    """
    injectors = (b"LD_PRELOAD", b"LD_AUDIT")
    spared = (*encode(keep), PRELOAD_ENTRY)
    return bool(_native.matching(None, injectors, spared) or {*injectors} & {*_removed})


def wipe_variable(name: bytes) -> None:
    """Remove a variable from the C environment, and wipe it. Raises HardeningError.

    clean_mappings() removes Python's copy.
    """
    # The bit of a step is its position in STEPS, which has the order of enum ph_step.
    only_environment = 1 << [*_native.STEPS].index("environment")
    *_, failure = _native.harden(only_environment, False, (name,), (), None, False, False, True)
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)


def clean_mappings(
    remove: tuple[bytes, ...] | None,
    keep: tuple[bytes, ...],
    only: Collection[bytes] | None = None,
) -> None:
    """Remove variables from os.environb and os.environ, the copies that subprocess passes on.

    remove, keep -- as in _native.matching()
    only -- remove only those of the variables that have one of these names

    Raises HardeningError if the program replaced os.environ with something that cannot be cleaned.
    """
    for name in ("environb", "environ"):  # Windows has no environb
        mapping = getattr(os, name, None)
        if mapping is not None or name == "environ":
            _clean(mapping, name, remove, keep, only)


def _clean(
    mapping: Any,
    name: str,
    remove: tuple[bytes, ...] | None,
    keep: tuple[bytes, ...],
    only: Collection[bytes] | None,
) -> None:
    problem = f"os.{name} was replaced by something that is not a mapping of strings"
    try:
        keys = {os.fsencode(key): key for key in list(mapping)}
        if only is not None:
            keys = {name: keys[name] for name in only if name in keys}
        for found in _native.matching(list(keys), remove, keep):
            kept, _, _ = os.fsdecode(found).partition("=")  # never show a value
            problem = f"os.{name} was replaced by a mapping that keeps {kept}"
            _delete(mapping, keys[found], found, remove, keep)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        from process_hardening.errors import ENVIRONMENT_ERROR, HardeningError

        problem += ": call harden() before replacing it"
        raise HardeningError(0, problem, "environment", ENVIRONMENT_ERROR) from None


def _delete(
    mapping: MutableMapping[Any, Any],
    key: Any,
    name: bytes,
    remove: tuple[bytes, ...] | None,
    keep: tuple[bytes, ...],
) -> None:
    """Delete a key unless keep matches its value. Raises KeyError if it cannot be deleted."""
    for _ in range(_MOST_DELETIONS):
        value = mapping.get(key)
        if value is None or not _native.matching([name + b"=" + os.fsencode(value)], remove, keep):
            return
        try:
            del mapping[key]
        except KeyError:  # another thread was faster, or a later map of a ChainMap has it
            if key in mapping:
                raise
    raise KeyError(key)


def _search_paths() -> dict[str, str]:
    """Return the search paths that this program, or the one that executed it, has removed."""
    from process_hardening.variables import SEARCH_PATH, kind_of

    entries: dict[bytes, bytes] = {}
    came_later = _native.added((_native.SET_ASIDE_VARIABLE.encode(),))  # such as from load_dotenv()
    try:
        handed_over = (
            b"" if came_later else bytes.fromhex(os.environ.get(_native.SET_ASIDE_VARIABLE, ""))
        )
    except ValueError:
        handed_over = b""  # not written by us, so ignored
    for entry in handed_over.split(b"\0"):
        name, _, value = entry.partition(b"=")
        entries[name] = value
    entries.update(_removed)
    decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in entries.items()}
    return {name: value for name, value in decoded.items() if kind_of(name) == SEARCH_PATH}


def hand_over() -> list[bytes]:
    """Return the entry, if any, that carries set-aside search paths across an exec."""
    entries = [os.fsencode(f"{name}={value}") for name, value in _search_paths().items()]
    if not entries:
        return []
    joined = b"\0".join(entries).hex()
    return [f"{_native.SET_ASIDE_VARIABLE}={joined}".encode()]


def split_libraries(value: str) -> list[str]:
    """Split a value of LD_PRELOAD at colons and blanks, as ld.so does."""
    return value.replace(" ", ":").split(":")


def bypass_of(policy: Policy | None) -> str | None:
    """Return the name of the bypass variable under a policy, or None if there is none."""
    if policy is None:
        return _native.BYPASS_VARIABLE
    return None if policy.refuse_bypass else policy.bypass_variable


def _is_named(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether one of the patterns, NAME or PREFIX*, matches a variable."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
    )


def _drop(
    env: dict[str, str], secrets: bool, keep: tuple[str, ...], drop: tuple[str, ...]
) -> dict[str, str]:
    """Remove variables in drop and, on request, secrets, but never variables in keep."""
    from process_hardening.secret_names import is_secret_variable

    return {
        name: value
        for name, value in env.items()
        if _is_named(name, keep)
        or not (_is_named(name, drop) or (secrets and is_secret_variable(name, value)))
    }


def child_env(
    *,
    secrets: Literal["keep", "drop"] = "keep",
    keep: Names = (),
    drop: Names = (),
    hardened: bool = True,
) -> dict[str, str]:
    """Return the environment for a child: os.environ plus the search paths that were set aside.

    It never contains the loader's injectors (LD_PRELOAD, LD_AUDIT, DYLD_INSERT_LIBRARIES, ...),
    not even if they were added to os.environ again. The only exception is our own library, if
    harden_children() or `run --children` added it; other libraries in LD_PRELOAD are left out.
    It contains variables with which other programs run code, such as BASH_ENV and NODE_OPTIONS,
    unless they were removed: by the policy STRICT, rescrub() or drop.

    secrets -- 'drop', for an untrusted tool: remove variables whose names mark them as credentials
        (process_hardening/secret_names.py) and URLs that contain a password
    drop -- more variables to remove: names, or prefixes that end in '*'
    keep -- variables to keep even if secrets or drop match them; same syntax
    hardened -- False, for a debugger or a CUDA tool: remove the variables that harden the child;
        its core limit stays 0

    Raises TypeError or ValueError for an invalid argument.
    """
    from process_hardening.variables import (
        SEARCH_PATH,
        check_flag,
        check_patterns,
        is_loader_variable,
        kind_of,
    )

    check_flag("hardened", hardened)
    if secrets not in ("keep", "drop"):
        raise ValueError(f"secrets must be 'keep' or 'drop', not {secrets!r}")
    keep, drop = check_patterns("keep", keep), check_patterns("drop", drop)
    env = {
        name: value
        for name, value in os.environ.items()
        if not is_loader_variable(name) or kind_of(name) == SEARCH_PATH
    }
    if PRELOAD_LIBRARY in split_libraries(os.environ.get("LD_PRELOAD", "")):
        env["LD_PRELOAD"] = PRELOAD_LIBRARY
    for name, value in _search_paths().items():
        env.setdefault(name, value)
    env.pop(_native.SET_ASIDE_VARIABLE, None)
    if not hardened:
        env = unhardened(env)
    return _drop(env, secrets == "drop", keep, drop) if drop or secrets == "drop" else env


def unhardened(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that harden a child."""
    ours = (
        _native.CHILDREN_VARIABLE,
        _native.KEEP_VARIABLE,
        _native.EXCEPT_VARIABLE,
        _native.BYPASS_NAME_VARIABLE,
    )
    rest = {name: value for name, value in env.items() if name not in ours}
    libraries = split_libraries(rest.get("LD_PRELOAD", ""))
    if PRELOAD_LIBRARY in libraries:
        rest["LD_PRELOAD"] = ":".join(path for path in libraries if path != PRELOAD_LIBRARY)
    return {name: value for name, value in rest.items() if value or name != "LD_PRELOAD"}
