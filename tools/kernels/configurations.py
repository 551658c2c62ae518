"""The settings that each kernel is tried with, and what is tried there. Read by host and guest."""

from __future__ import annotations

from dataclasses import dataclass

USER = "user"
ROOT = "root"
CONFINED = "confined"
ATTACKERS = {
    USER: "an unprivileged user",
    ROOT: "root without CAP_SYS_PTRACE",
    CONFINED: "a tool of that user below `confine`, and its victim is not hardened",
}

BEFORE_EACH = {
    "kernel/yama/ptrace_scope": "0",
    "fs/suid_dumpable": "0",
    "kernel/core_pattern": "core",  # verify sets it to a file and to a pipe for its core attacks
    "kernel/perf_event_paranoid": "2",  # Debian's 3 forbids perf_event_open to everybody
    "vm/memfd_noexec": "0",
    "user/max_user_namespaces": "1000",
}
"""What is set before each configuration."""

HIDEPID = "mount/hidepid"
"""Not a setting in /proc/sys but the option that /proc is mounted with."""

EXECUTE_ONLY = "execute-only"
OWN_NAME = "harden-own-name"
IN_MEMORY = "harden-memfd"
PRELOAD = "preload"
IN_PROCESS = "in-process"
BORN_HARDENED = (EXECUTE_ONLY, OWN_NAME, IN_MEMORY)
"""The victims that nobody could open since their first instruction."""
WITHOUT_LIMITS = (*BORN_HARDENED, CONFINED)
"""The victims that no attack may leak from, not even one that is documented to."""

# What each setting can make a difference to. Yama decides who may attach, and nothing else.
_ATTACHING = (
    "ptrace-attach",
    "ptrace-seize",
    "proc-mem",
    "process-vm-readv",
    "process-vm-writev",
    "pidfd-getfd",
    "child",
    "launch-window",
)
_READING = (*_ATTACHING, "proc-environ", "proc-maps", "proc-fd", "perf-event-open")
_DUMPING = (
    "prlimit-core",
    "core-abort",
    "core-segv",
    "core-quit",
    "core-bus",
    "core-pipe-abort",
    "core-pipe-segv",
    "core-pipe-quit",
)
_ALL = (*_READING, *_DUMPING, "core-cpu-limit", "core-sigio", "ld-preload", "ld-audit")
_SAMPLE = ("ptrace-attach", "proc-mem", "proc-environ", "core-pipe-segv", "launch-window")
_FROM_CONFINEMENT = (
    "ptrace-attach",
    "ptrace-seize",
    "proc-mem",
    "process-vm-readv",
    "process-vm-writev",
    "pidfd-getfd",
    "proc-environ",
    "proc-maps",
    "proc-fd",
)
_FEW = ("ptrace-attach", "proc-mem", "core-pipe-segv")
_SAMPLE_AND_DUMPING = ("ptrace-attach", "proc-mem", "proc-environ", "launch-window", *_DUMPING)
_SAMPLE_AND_READING = (*_SAMPLE, "proc-maps", "proc-fd", "perf-event-open")


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


_INSIDE = (PRELOAD, IN_PROCESS)
_FROM_ROOT = Trial(_FEW, (EXECUTE_ONLY,))
_REFUSED_FROM_ROOT = Trial(_FEW, (PRELOAD,))

# What cannot be taken back before the next boot comes last.
CONFIGURATIONS = (
    Configuration(
        "nothing in the way",
        {},
        {
            USER: Trial(_ALL, (*BORN_HARDENED, *_INSIDE)),
            ROOT: Trial(_ALL, (EXECUTE_ONLY,)),
            CONFINED: Trial(_FROM_CONFINEMENT, (CONFINED,)),
        },
    ),
    Configuration(
        "fs.suid_dumpable=1",
        {"fs/suid_dumpable": "1"},
        {USER: Trial(_SAMPLE_AND_DUMPING, _INSIDE), ROOT: _REFUSED_FROM_ROOT},
        refused="fs.suid_dumpable=1",
    ),
    Configuration(
        "fs.suid_dumpable=2",
        {"fs/suid_dumpable": "2"},
        {USER: Trial(_SAMPLE_AND_DUMPING, (EXECUTE_ONLY, *_INSIDE)), ROOT: _FROM_ROOT},
    ),
    Configuration(
        "hidepid=2",
        {HIDEPID: "2"},
        {USER: Trial(_READING), ROOT: _FROM_ROOT},
    ),
    Configuration(
        "vm.memfd_noexec=1",
        {"vm/memfd_noexec": "1"},
        {USER: Trial(_SAMPLE), ROOT: _FROM_ROOT},
    ),
    Configuration(
        "vm.memfd_noexec=2",
        {"vm/memfd_noexec": "2"},
        {USER: Trial(_SAMPLE, (EXECUTE_ONLY, OWN_NAME, IN_PROCESS))},
    ),
    Configuration(
        "user.max_user_namespaces=0",
        {"user/max_user_namespaces": "0"},
        {USER: Trial(_SAMPLE, (EXECUTE_ONLY, IN_MEMORY, IN_PROCESS)), ROOT: _FROM_ROOT},
    ),
    Configuration(
        "no user namespaces, no programs in memory",
        {"user/max_user_namespaces": "0", "vm/memfd_noexec": "2"},
        {USER: Trial(_SAMPLE, _INSIDE), ROOT: _REFUSED_FROM_ROOT},
        refused="memfd_create",
    ),
    Configuration(
        "Yama 1",
        {"kernel/yama/ptrace_scope": "1"},
        {USER: Trial(_READING), ROOT: _FROM_ROOT},
    ),
    Configuration(
        "Yama 2",
        {"kernel/yama/ptrace_scope": "2"},
        {USER: Trial(_SAMPLE_AND_READING), ROOT: _FROM_ROOT},
        closed=_ATTACHING,
    ),
    Configuration(
        "Yama 3",
        {"kernel/yama/ptrace_scope": "3"},
        {USER: Trial(_SAMPLE_AND_READING), ROOT: _FROM_ROOT},
        closed=_ATTACHING,
    ),
)
