"""The settings that each kernel is tried with, and what is tried there. Read by host and guest."""

from __future__ import annotations

from dataclasses import dataclass

USER = "user"
ROOT = "root"
CONFINED = "confined"
ATTACKERS = {
    USER: "an unprivileged user",
    ROOT: "root without CAP_SYS_PTRACE",
    CONFINED: "a confined tool of that user, which attacks a victim that is not hardened",
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
FILE_LIMIT = "limit/file size"
"""Neither, but the limit that a launcher starts with: it can write no file, not even in memory."""

# Victims of `verify`.
RUN = "execute-only"
OWN_NAME = "harden-own-name"
IN_MEMORY = "harden-memfd"
ROOTS_LAUNCHER = "harden-by-root"
PRELOAD = "preload"
IN_PROCESS = "in-process"
NONE = "none"
"""No victim: `harden` starts nothing."""
BORN_HARDENED = (RUN, OWN_NAME, IN_MEMORY, ROOTS_LAUNCHER)
"""The victims that nobody could open since their first instruction."""
WITHOUT_LIMITS = (*BORN_HARDENED, CONFINED)
"""The victims that no attack may leak from, not even one that is documented to."""

METHODS = {
    OWN_NAME: "execute-only: a stand-in under the program's own path",
    IN_MEMORY: "execute-only: a stand-in in memory",
    PRELOAD: "preload: a library hardens it before its main()",
    NONE: "",
}
"""The method of `harden` in the words of its --explain."""

SIGNALS_SCOPED = 6
"""The first version of Landlock that refuses signals (Linux 6.12)."""

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
CRASHING = (
    "core-abort",
    "core-segv",
    "core-quit",
    "core-bus",
    "core-pipe-abort",
    "core-pipe-segv",
    "core-pipe-quit",
)
"""Attacks that crash their victim by a signal of their own."""
_DUMPING = ("prlimit-core", *CRASHING)
_INJECTING = ("ld-preload", "ld-audit")
_ALL = (*_READING, *_DUMPING, *_INJECTING)
_FROM_CONFINEMENT = (
    *(attack for attack in _ALL if attack != "child" and attack not in _INJECTING),
    "core-cpu-limit",
    "core-sigio",
)
_AT_LAUNCHERS = ("launch-write", "launch-seize", "launch-getfd")
_SAMPLE = ("ptrace-attach", "proc-mem", "proc-environ", "core-pipe-segv", "launch-window")
_FEW = ("ptrace-attach", "proc-mem", "core-pipe-segv")
# To the kernel, one signal that dumps a core is like another.
_SAMPLE_AND_DUMPING = (*_SAMPLE, "prlimit-core", "core-segv")
_SAMPLE_AND_READING = (*_SAMPLE, "proc-maps", "proc-fd", "perf-event-open")


@dataclass(frozen=True)
class Trial:
    """Which attacks an attacker tries on which victims."""

    attacker: str
    attacks: tuple[str, ...]
    victims: tuple[str, ...]


@dataclass(frozen=True)
class Configuration:
    """One way to set a kernel up.

    name, settings -- the latter over BEFORE_EACH
    trials -- what is tried
    method -- the one that `harden` chooses, of METHODS
    closed -- attacks that this setting takes away from everybody: the control cannot leak
    refused -- what the refusals to start a program execute-only name, or None where none is due
    searched -- whether what `harden` starts is searched for by name
    audited -- whether processes of every kind are audited
    """

    name: str
    settings: dict[str, str]
    trials: tuple[Trial, ...]
    method: str = OWN_NAME
    closed: tuple[str, ...] = ()
    refused: str | None = None
    searched: bool = False
    audited: bool = False


_BY_ROOT = Trial(ROOT, _FEW, (OWN_NAME,))

# What cannot be taken back before the next boot comes last.
CONFIGURATIONS = (
    Configuration(
        "baseline",
        {},
        (
            Trial(USER, _ALL, (OWN_NAME, IN_MEMORY, IN_PROCESS)),
            Trial(USER, _SAMPLE_AND_DUMPING, (RUN, PRELOAD)),
            Trial(USER, _AT_LAUNCHERS, (ROOTS_LAUNCHER,)),
            Trial(ROOT, (*_READING, "prlimit-core", "core-segv", "core-pipe-segv"), (OWN_NAME,)),
            Trial(CONFINED, _FROM_CONFINEMENT, (CONFINED,)),
        ),
        searched=True,
        audited=True,
    ),
    Configuration(
        "fs.suid_dumpable=1",
        {"fs/suid_dumpable": "1"},
        (
            Trial(USER, _SAMPLE_AND_DUMPING, (PRELOAD, IN_PROCESS)),
            Trial(ROOT, _FEW, (PRELOAD,)),
        ),
        method=PRELOAD,
        refused="fs.suid_dumpable=1",
        audited=True,
    ),
    Configuration(
        "fs.suid_dumpable=2",
        {"fs/suid_dumpable": "2"},
        (Trial(USER, _SAMPLE_AND_DUMPING, (OWN_NAME, IN_PROCESS)), _BY_ROOT),
        audited=True,
    ),
    Configuration(
        "hidepid=2",
        {HIDEPID: "2"},
        (Trial(USER, _READING, (OWN_NAME, IN_PROCESS)), _BY_ROOT),
        audited=True,
    ),
    Configuration(
        "vm.memfd_noexec=1",
        {"vm/memfd_noexec": "1"},
        (Trial(USER, _SAMPLE, (OWN_NAME, IN_MEMORY)),),
    ),
    Configuration(
        "vm.memfd_noexec=2",
        {"vm/memfd_noexec": "2"},
        (Trial(USER, _SAMPLE, (OWN_NAME,)),),
    ),
    Configuration(
        "user.max_user_namespaces=0",
        {"user/max_user_namespaces": "0"},
        (Trial(USER, _SAMPLE, (IN_MEMORY,)), Trial(ROOT, _FEW, (IN_MEMORY,))),
        method=IN_MEMORY,
        searched=True,
    ),
    Configuration(
        "no user namespaces, no programs in memory",
        {"user/max_user_namespaces": "0", "vm/memfd_noexec": "2"},
        (Trial(USER, _SAMPLE, (PRELOAD,)), Trial(ROOT, _FEW, (PRELOAD,))),
        method=PRELOAD,
        refused="memfd_create",
        searched=True,
    ),
    Configuration("ulimit -f 0", {FILE_LIMIT: "0"}, (), method=NONE, refused="write"),
    Configuration(
        "Yama 1",
        {"kernel/yama/ptrace_scope": "1"},
        (Trial(USER, _READING, (OWN_NAME,)), _BY_ROOT),
    ),
    Configuration(
        "Yama 2",
        {"kernel/yama/ptrace_scope": "2"},
        (Trial(USER, _SAMPLE_AND_READING, (OWN_NAME,)), _BY_ROOT),
        closed=_ATTACHING,
    ),
    Configuration(
        "Yama 3",
        {"kernel/yama/ptrace_scope": "3"},
        (Trial(USER, _SAMPLE_AND_READING, (OWN_NAME,)), _BY_ROOT),
        closed=_ATTACHING,
        audited=True,
    ),
)
