"""The settings that each kernel is tried with, and what is tried there. Read by host and guest."""

from __future__ import annotations

from dataclasses import dataclass

USER = "user"
ROOT = "root"
ATTACKERS = {
    USER: "an unprivileged user",
    ROOT: "root without CAP_SYS_PTRACE",
}

BEFORE_EACH = {
    "kernel/yama/ptrace_scope": "0",
    "fs/suid_dumpable": "0",
    "kernel/core_pattern": "core",  # verify sets it to a file and to a pipe for its core attacks
    "kernel/perf_event_paranoid": "2",  # Debian's 3 forbids perf_event_open to everybody
    "vm/memfd_noexec": "0",
}
"""What is set before each configuration."""

HIDEPID = "mount/hidepid"
"""Not a setting in /proc/sys but the option that /proc is mounted with."""

EXECUTE_ONLY = "execute-only"
PRELOAD = "preload"
IN_PROCESS = "in-process"

_READING_IF_ALLOWED_TO_TRACE = (
    "ptrace-attach",
    "ptrace-seize",
    "proc-mem",
    "process-vm-readv",
    "process-vm-writev",
    "pidfd-getfd",
    "child",
    "launch-window",
)
_READING = (
    *_READING_IF_ALLOWED_TO_TRACE,
    "proc-environ",
    "proc-maps",
    "proc-fd",
    "perf-event-open",
)
_ALL = (
    *_READING,
    "prlimit-core",
    "core-abort",
    "core-segv",
    "core-quit",
    "core-bus",
    "core-pipe-abort",
    "core-pipe-segv",
    "core-pipe-quit",
    "ld-preload",
    "ld-audit",
)
_SAMPLE = ("ptrace-attach", "proc-mem", "proc-environ", "core-pipe-segv", "launch-window")


@dataclass(frozen=True)
class Trial:
    """What one attacker tries: which attacks on which victims."""

    attacks: tuple[str, ...]
    victims: tuple[str, ...] = (EXECUTE_ONLY, IN_PROCESS)


@dataclass(frozen=True)
class Configuration:
    """One way to set a kernel up.

    name, settings -- the latter over BEFORE_EACH
    trials -- attacker to what he tries
    closed -- attacks that this setting takes away from everybody: the control cannot leak
    refused -- the setting for which `run --method execute-only` has to refuse, or None
    """

    name: str
    settings: dict[str, str]
    trials: dict[str, Trial]
    closed: tuple[str, ...] = ()
    refused: str | None = None


# What cannot be taken back before the next boot comes last.
CONFIGURATIONS = (
    Configuration(
        "nothing in the way",
        {},
        {
            USER: Trial(_ALL, ("pre-main", "reexec", EXECUTE_ONLY, PRELOAD, IN_PROCESS)),
            ROOT: Trial(_ALL),
        },
    ),
    Configuration(
        "fs.suid_dumpable=1",
        {"fs/suid_dumpable": "1"},
        {
            USER: Trial(_ALL, (PRELOAD, IN_PROCESS)),
            ROOT: Trial(_SAMPLE, (PRELOAD, IN_PROCESS)),
        },
        refused="fs.suid_dumpable=1",
    ),
    Configuration(
        "fs.suid_dumpable=2",
        {"fs/suid_dumpable": "2"},
        {USER: Trial(_ALL, (EXECUTE_ONLY, PRELOAD, IN_PROCESS)), ROOT: Trial(_SAMPLE)},
    ),
    Configuration(
        "hidepid=2",
        {HIDEPID: "2"},
        {USER: Trial(_READING), ROOT: Trial(_SAMPLE)},
    ),
    Configuration(
        "vm.memfd_noexec=1",
        {"vm/memfd_noexec": "1"},
        {USER: Trial(_SAMPLE), ROOT: Trial(_SAMPLE)},
    ),
    Configuration(
        "vm.memfd_noexec=2",
        {"vm/memfd_noexec": "2"},
        {
            USER: Trial(_SAMPLE, (PRELOAD, IN_PROCESS)),
            ROOT: Trial(_SAMPLE, (PRELOAD, IN_PROCESS)),
        },
        refused="vm.memfd_noexec=2",
    ),
    Configuration(
        "Yama 1",
        {"kernel/yama/ptrace_scope": "1"},
        {USER: Trial(_READING), ROOT: Trial(_SAMPLE)},
    ),
    Configuration(
        "Yama 2",
        {"kernel/yama/ptrace_scope": "2"},
        {USER: Trial(_READING), ROOT: Trial(_SAMPLE)},
        closed=_READING_IF_ALLOWED_TO_TRACE,
    ),
    Configuration(
        "Yama 3",
        {"kernel/yama/ptrace_scope": "3"},
        {USER: Trial(_READING), ROOT: Trial(_SAMPLE)},
        closed=_READING_IF_ALLOWED_TO_TRACE,
    ),
)
