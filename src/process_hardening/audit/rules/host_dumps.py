"""Rules about the host: where core dumps go, including those of privileged programs."""

from __future__ import annotations

import os

from process_hardening.audit.core_dumps import NOWHERE, PIPE, SOCKET
from process_hardening.audit.host import CORE_SETTINGS, HANDLER_MISSING
from process_hardening.audit.rules.model import (
    HIGH,
    LOW,
    MEDIUM,
    Answer,
    HostCase,
    Match,
    Topic,
    describe_readable,
    rule,
    set_sysctl,
    sysctl_commands,
    sysctl_undo,
)

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.host import Host

_DISCARD_CORES = sysctl_commands("kernel.core_pattern", "|/bin/false")
_NO_STORAGE = "/etc/systemd/coredump.conf.d/zzz-process-hardening.conf"
_LOST_CORES = "Stack traces and core files of crashes are no longer available."


def _discard_cores(host: Host, message: str = "", subject: tuple[str, ...] = ()) -> Match:
    """Return a Match with a fix that keeps core dumps from being stored."""
    handler = os.path.basename(host.core.target)
    commands = sysctl_commands("kernel.core_pattern", "|/bin/false")
    undo = sysctl_undo("kernel.core_pattern", host.core.pattern)
    is_safe = host.core_handler is None  # otherwise, its settings would not be followed
    if handler == "systemd-coredump" and host.core_storage != "none" and is_safe:
        settings = "[Coredump]\\nStorage=none\\nProcessSizeMax=0\\n"
        commands = (
            f"mkdir -p {os.path.dirname(_NO_STORAGE)}",
            f"printf '{settings}' > {_NO_STORAGE}",
        )
        # Without the directory, there was no other file in it.
        undo = (f"rm -f {_NO_STORAGE}", f"rmdir {os.path.dirname(_NO_STORAGE)} 2>/dev/null || :")
    elif handler == "apport":  # its service sets the pattern at every boot
        commands = ("systemctl disable --now apport.service", *commands)
        undo = (*undo, "systemctl enable --now apport.service")
    return Match(message=message, subject=subject, commands=commands, undo=undo)


_SUID_NOT_DUMPABLE = sysctl_commands("fs.suid_dumpable", "0")


@rule(
    id="PH101",
    severity=MEDIUM,
    words="core dumps are piped to a program",
    why="A kernel.core_pattern that begins with | pipes the memory of every dumpable process that"
    " crashes to a program, even if the core limit is 0.",
    fix="Discard core dumps, or configure the program to keep nothing: for systemd-coredump,"
    " Storage=none in /etc/systemd/coredump.conf.",
    commands=_DISCARD_CORES,
    source="core(5), piping core dumps to a program",
    breaks=_LOST_CORES,
)
def find_core_pipe(case: HostCase) -> Match | None:
    """kernel.core_pattern begins with |."""
    core = case.host.core
    if core.kind != PIPE:
        return None
    kept = {None: "", "none": ", which keeps none (coredump.conf)"}.get(
        case.host.core_storage, f", which keeps them (Storage={case.host.core_storage})"
    )
    message = f"core dumps are piped to {core.target}{kept}, whatever the core limit"
    return _discard_cores(case.host, message, (core.target,))


@rule(
    id="PH102",
    severity=HIGH,
    words="the core dump handler is missing, or users other than root can replace it",
    why="The kernel starts the handler as root with the memory of the crashed process on its"
    " standard input.",
    fix="Discard core dumps until root has installed the program anew, where only root can change"
    " the directories and links on the way to it. Do not make root the owner of the file that is"
    " there: it may have been changed.",
    commands=_DISCARD_CORES,
    source="core(5), piping core dumps to a program",
    breaks=_LOST_CORES,
)
def find_unsafe_core_handler(case: HostCase) -> Match | None:
    """The program that gets core dumps is missing, or users other than root can replace it."""
    program, state = case.host.core.target, case.host.core_handler
    if state is None:
        return None
    problem = "is missing" if state == HANDLER_MISSING else "can be replaced by other users"
    return _discard_cores(case.host, f"{program} {problem}", (program,))


@rule(
    id="PH103",
    severity=MEDIUM,
    words="core dumps are sent to a socket",
    why="A kernel.core_pattern that begins with @ sends the memory of every dumpable process that"
    " crashes to a socket, whatever the core limit.",
    fix="Discard core dumps, unless a coredump service reads that socket.",
    commands=_DISCARD_CORES,
    source="core(5); Documentation/admin-guide/sysctl/kernel.rst",
    breaks=_LOST_CORES,
)
def find_core_socket(case: HostCase) -> Match | None:
    """kernel.core_pattern begins with @."""
    core = case.host.core
    if core.kind != SOCKET:
        return None
    message = f"core dumps are sent to the socket {core.target}, whatever the core limit"
    return _discard_cores(case.host, message, (core.target,))


@rule(
    id="PH104",
    severity=LOW,
    words="core files are written into working directories",
    why="A relative kernel.core_pattern leaves the memory of a crashed process wherever it"
    " happened to run: in a shared folder, a repository or a web root.",
    fix="Discard core dumps, or name an absolute path in a folder that only root can enter.",
    commands=_DISCARD_CORES,
    source="core(5), naming of core dump files",
    breaks=_LOST_CORES,
)
def find_relative_core_files(case: HostCase) -> Match | None:
    """kernel.core_pattern is a relative path."""
    return _discard_cores(case.host) if case.host.core.is_relative else None


def _describe_core_dumps(case: HostCase) -> Answer:
    core = case.host.core
    if core.kind is None:
        return Answer(text="kernel.core_pattern cannot be read", is_known=False)
    if core.kind == NOWHERE:
        return Answer(text="are discarded")
    words = [f"kernel.core_pattern is {core.pattern!r}"]
    if case.host.core_storage:
        words.append(f"coredump.conf sets Storage={case.host.core_storage}")
    if case.host.core_limits:
        words.append(f"limits.conf sets {', '.join(case.host.core_limits)}")
    handler = core.target.lstrip("/") or "/"
    return describe_readable(case, "; ".join(words), handler, *CORE_SETTINGS)


CORE_DUMPS = Topic(
    name="core dumps",
    describe=_describe_core_dumps,
    rules=(find_core_pipe, find_unsafe_core_handler, find_core_socket, find_relative_core_files),
)


@rule(
    id="PH105",
    severity=HIGH,
    words="programs with raised privileges are dumpable (fs.suid_dumpable = 1)",
    why="If it is 1, a process that changes its uid or executes a file that it cannot read becomes"
    " dumpable. Set-user-ID programs leave readable cores, setuid(2) undoes hardening, and an"
    " execute-only image does not protect a process.",
    fix="Set fs.suid_dumpable to 0.",
    commands=_SUID_NOT_DUMPABLE,
    source="proc_sys_fs(5) suid_dumpable",
    breaks="Core files of set-user-ID programs.",
)
def find_dumpable_suid(case: HostCase) -> Match | None:
    """fs.suid_dumpable is 1."""
    found = case.host.suid_dumpable == 1
    return set_sysctl("fs.suid_dumpable", 0, 1) if found else None


@rule(
    id="PH106",
    severity=MEDIUM,
    words="programs with raised privileges leave cores for root (fs.suid_dumpable = 2)",
    why="If it is 2, a process that changes its uid or executes a file that it cannot read still"
    " dumps core. The core is readable by root and goes to an absolute path or a program.",
    fix="Set fs.suid_dumpable to 0.",
    commands=_SUID_NOT_DUMPABLE,
    source="proc_sys_fs(5) suid_dumpable",
    breaks="Core files of set-user-ID programs.",
)
def find_suid_dumps_for_root(case: HostCase) -> Match | None:
    """fs.suid_dumpable is 2."""
    found = case.host.suid_dumpable == 2
    return set_sysctl("fs.suid_dumpable", 0, 2) if found else None


def _describe_suid_dumpable(case: HostCase) -> Answer:
    value = case.host.suid_dumpable
    if value is None:
        return Answer(text="cannot be read", is_known=False)
    return Answer(text=str(value))


SUID_DUMPABLE = Topic(
    name="fs.suid_dumpable",
    describe=_describe_suid_dumpable,
    rules=(find_dumpable_suid, find_suid_dumps_for_root),
)
