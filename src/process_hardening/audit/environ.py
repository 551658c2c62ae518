"""Classifies the initial environment of a process for an audit: names, never values."""

from __future__ import annotations

from process_hardening.audit.injection_requests import parse_requests
from process_hardening.audit.procfs import decode, split_environ
from process_hardening.record import Record
from process_hardening.secret_names import has_password, is_secret_name, may_hold_address
from process_hardening.variables import is_loader_variable

# Classes of variable names.
_LOADER, _SECRET, _NO_DEBUGGING, _ADDRESS = 1, 2, 4, 8

_MOST_NAMES = 1 << 17
"""The number of variable names to cache, plus those of one environment block."""

_MOST_BLOCKS = 1 << 14
"""The number of environment blocks to cache."""


class EnvironmentFacts(Record):
    """What an environment block contains.

    loader_variables, secret_variables -- the names of these variables; secret_variables is None if
        none was found in a block that the process has overwritten, as for a title (setproctitle)
    requests -- the libraries that LD_PRELOAD and LD_AUDIT name
    is_whole -- whether the block looks unchanged since execve(2)
    forbids_debugging -- whether it disables Python's remote debugging
    """

    loader_variables: tuple[str, ...] = ()
    secret_variables: tuple[str, ...] | None = ()
    requests: tuple[bytes, ...] = ()
    is_whole: bool
    forbids_debugging: bool = False


class EnvironmentReader:
    """Classifies environment blocks. Caches names and blocks, since many processes share them.

    Only a hash of each block is kept.
    """

    def __init__(self) -> None:
        self._known_names: set[bytes] = set()
        self._meaning: dict[bytes, int] = {}
        self._known_blocks: dict[tuple[int, int], EnvironmentFacts] = {}

    def classify(self, block: bytes) -> EnvironmentFacts:
        """Classify the bytes of /proc/PID/environ."""
        key = hash(block), len(block)
        facts = self._known_blocks.get(key)
        if facts is None:
            facts = self._classify_new(block)
            if len(self._known_blocks) < _MOST_BLOCKS:
                self._known_blocks[key] = facts
        return facts

    def _learn(self, names: set[bytes]) -> None:
        """Cache the meaning of names; a machine has few different names."""
        if len(self._known_names) > _MOST_NAMES:
            self._known_names.clear()
            self._meaning.clear()
        new = names - self._known_names
        self._known_names |= new
        for name in new:
            text = decode(name)
            meaning = _LOADER if is_loader_variable(text) else 0
            meaning |= _SECRET if is_secret_name(text) else 0
            meaning |= _ADDRESS if may_hold_address(text) else 0
            meaning |= _NO_DEBUGGING if name == b"PYTHON_DISABLE_REMOTE_DEBUG" else 0
            if meaning:
                self._meaning[name] = meaning

    def _classify_new(self, block: bytes) -> EnvironmentFacts:
        entries, is_whole = split_environ(block)
        none_found = () if is_whole or not block else None
        names = {entry.partition(b"=")[0] for entry in entries}
        if not names <= self._known_names:
            self._learn(names)
        if names.isdisjoint(self._meaning):  # nearly always
            return EnvironmentFacts(is_whole=is_whole, secret_variables=none_found)
        loader: list[str] = []
        secrets: dict[str, None] = {}
        requests: list[bytes] = []
        forbids_debugging = False
        for entry in entries:
            name, equals, value = entry.partition(b"=")
            meaning = self._meaning.get(name, 0)
            if not equals or not meaning:
                continue
            if meaning & _LOADER:
                loader.append(decode(name))
                if name in (b"LD_PRELOAD", b"LD_AUDIT"):
                    requests += parse_requests(name, value)
            if value and (meaning & _SECRET or (meaning & _ADDRESS and has_password(value))):
                secrets[decode(name)] = None
            if value and meaning & _NO_DEBUGGING:
                forbids_debugging = True
        return EnvironmentFacts(
            loader_variables=tuple(loader),
            secret_variables=tuple(secrets) or none_found,
            requests=tuple(requests),
            is_whole=is_whole,
            forbids_debugging=forbids_debugging,
        )
