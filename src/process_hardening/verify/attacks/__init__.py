"""All attacks, in the order of the table. Each module has a tuple ATTACKS."""

from __future__ import annotations

from collections.abc import Container
from importlib import import_module

from process_hardening.errors import CommandError, suggest
from process_hardening.verify.model import BUILT_IN, TOOL, Attack

# First the attacks that read, change or crash a running process; then those on third-party
# programs, process start and exec; then those that use runtimes and tools.
_MODULES = (
    "ptrace",
    "proc",
    "process_vm",
    "pidfd_getfd",
    "perf_event_open",
    "child",
    "core_dump",
    "kernel_signal",
    "bystanders",
    "injection",
    "becoming",
    "launch_window",
    "runtimes",
    "tools.command_line",
    "tools.code_injection",
)


def list_attacks(kinds: tuple[str, ...] = (BUILT_IN, TOOL)) -> tuple[Attack, ...]:
    """Return all attacks of these kinds, in the order of the table."""
    found: list[Attack] = []
    for name in _MODULES:
        found += import_module(f"{__name__}.{name}").ATTACKS
    return tuple(attack for attack in found if attack.kind in kinds)


def suits(attack: Attack, runtimes: Container[str]) -> bool:
    """Return whether an attack applies to a program that runs on these runtimes."""
    return attack.runtimes is None or any(name in runtimes for name in attack.runtimes)


def find_attacks(names: list[str]) -> tuple[Attack, ...]:
    """Return the attacks with these names, in the order of the table. Raises CommandError."""
    known = {attack.name: attack for attack in list_attacks()}
    for name in names:
        if name not in known:
            raise CommandError(
                f"{name!r} is not an attack{suggest(name, known)}:"
                " `process-hardening verify --list` lists them"
            )
    return tuple(attack for name, attack in known.items() if name in names)
