"""The list of all attacks. Each is a module of builtin/ or tools/."""

from __future__ import annotations

from importlib import import_module

from process_hardening.verify.model import BUILT_IN, TOOL, Attack
from process_hardening.errors import CommandError

# In the order of the table: reading a running process, writing, crashing it, starting it.
_MODULES = {
    BUILT_IN: (
        "ptrace_attach",
        "ptrace_seize",
        "proc_mem",
        "proc_environ",
        "proc_maps",
        "proc_fd",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_getfd",
        "perf_event_open",
        "child",
        "prlimit_core",
        "core_abort",
        "core_segv",
        "core_quit",
        "core_bus",
        "core_pipe_abort",
        "core_pipe_segv",
        "core_pipe_quit",
        "ld_preload",
        "ld_audit",
        "launch_window",
    ),
    TOOL: (
        "gdb",
        "gcore",
        "lldb",
        "strace",
        "py_spy",
        "pystack",
        "perf",
        "hypno",
        "pyinjector",
        "frida",
        "memray",
        "debugpy",
        "remote_exec",
        "pdb",
    ),
}
_FOLDERS = {BUILT_IN: "builtin", TOOL: "tools"}


def _load(kind: str, module_name: str) -> Attack:
    module = import_module(f"process_hardening.verify.attacks.{_FOLDERS[kind]}.{module_name}")
    attack: Attack = module.ATTACK
    return attack


def attacks(kinds: tuple[str, ...] = (BUILT_IN, TOOL)) -> tuple[Attack, ...]:
    """All attacks of some kinds, in the order of the table."""
    return tuple(_load(kind, name) for kind in kinds for name in _MODULES[kind])


def by_name(names: list[str]) -> tuple[Attack, ...]:
    """The attacks with these names, in the order of the table. Raises CommandError."""
    known = {attack.name: attack for attack in attacks()}
    for name in names:
        if name not in known:
            raise CommandError(
                f"{name!r} is no attack; `process-hardening verify --list` names them all"
            )
    return tuple(attack for name, attack in known.items() if name in names)
