"""Groups the processes of an audit: who can read which secrets, and how to prevent it. Pure.

A group contains processes of one user that run the same program and are readable for the same
reason. Either all of them have secrets in their environment or arguments, or none has, or that is
not known of any. Text, JSON, HTML, metrics and the monitor all show these groups.
"""

from __future__ import annotations

from process_hardening.audit.core_dumps import NOWHERE
from process_hardening.audit.fixes import Caller, fix_of
from process_hardening.audit.holders import secret_held_by
from process_hardening.audit.programs import command_of, program_of
from process_hardening.audit.reasons import (
    ARGUMENTS,
    CRASH,
    EVERY_USER,
    HARDENED,
    IN_ARGUMENTS,
    IN_ENVIRONMENT,
    IN_MEMORY,
    INJECTED,
    LOST,
    OPENS_ITSELF,
    OTHER_COPY,
    PARTIAL,
    READABLE,
    READABLE_BY_ROOT,
    READERS,
    ROOT,
    SAME_USER,
    TRACED,
    UNKNOWN,
    Secret,
    order_of,
)
from process_hardening.audit.rules.model import HIGH, INFO, LOW, MEDIUM, rank
from process_hardening.record import Record
from process_hardening.state import HARDENED as IS_HARDENED
from process_hardening.state import UNKNOWN as IS_UNKNOWN

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from process_hardening.audit.entries import Entry
    from process_hardening.audit.fixes import CommandFinder
    from process_hardening.audit.posture import Posture

# Findings that make a group a leak, whether or not its processes hold secrets.
_ALWAYS_SERIOUS = {
    "PH005": TRACED,
    "PH008": INJECTED,
    "PH010": ARGUMENTS,
    "PH014": LOST,
    "PH019": OTHER_COPY,
}
_SEVERITIES = {
    **dict.fromkeys((TRACED, INJECTED, OTHER_COPY, ARGUMENTS, LOST, OPENS_ITSELF), HIGH),
    READABLE: MEDIUM,
    READABLE_BY_ROOT: LOW,
    PARTIAL: LOW,
    UNKNOWN: INFO,
}
_SEVERITIES_WITH_SECRETS = {**_SEVERITIES, READABLE: HIGH, READABLE_BY_ROOT: MEDIUM}


class Group(Record):
    """Processes of one user with the same program, reason and kind of secrets.

    program -- in a word or two: 'node server.js'; names -- the comm of each process
    reason -- a key of REASONS; severity -- None: nothing is wrong
    secrets -- the secrets found in them, those in the environment first
    open_to -- keys of READERS: who can get these secrets, or the memory
    pids -- in ascending order
    is_environment_known -- whether each environment could be read, and had not been overwritten;
        if not, it may contain secrets that are not known
    finding -- the id of the finding that explains the reason, '' for none
    fix -- what to do; commands -- the shell commands that do it, one for each way that the
        program was started
    """

    user: str
    uid: int | None
    program: str
    names: tuple[str, ...]
    reason: str
    severity: str | None
    secrets: tuple[Secret, ...]
    open_to: tuple[str, ...]
    pids: tuple[int, ...]
    finding: str
    fix: str
    commands: tuple[str, ...]
    is_environment_known: bool = True

    @property
    def command(self) -> str:
        """The first of its commands; '' for none."""
        return self.commands[0] if self.commands else ""

    @property
    def is_leak(self) -> bool:
        """Whether somebody can read a known secret, or something already reads the processes.

        Also true if a process that was hardened is readable after all.
        """
        is_open = bool(self.secrets and self.is_readable)
        return is_open or order_of(self.reason) <= order_of(OPENS_ITSELF)

    @property
    def is_readable(self) -> bool:
        """Whether anyone but root with all capabilities can read its memory."""
        return SAME_USER in self.open_to or ROOT in self.open_to

    def may_hide_secrets(self, asked_by: int | None) -> bool:
        """Whether others can read secrets that are not known, although asked_by may see them."""
        is_asked = not asked_by or self.uid in (asked_by, None)
        return is_asked and self.reason == READABLE and not self.is_environment_known


class Exposure(Record):
    """Numbers to follow over time: open secrets and processes.

    user -- the user; '' for the whole host
    same_user, every_user, crash, root -- secrets that these READERS can get; a secret counts once
        per program
    readable, hardened, processes -- numbers of processes
    """

    user: str = ""
    same_user: int = 0
    every_user: int = 0
    crash: int = 0
    root: int = 0
    readable: int = 0
    hardened: int = 0
    processes: int = 0


def make_groups(
    entries: Iterable[Entry],
    find_command: CommandFinder = command_of,
    *,
    as_root: bool = False,
    becomes: str = "sudo",
) -> tuple[Group, ...]:
    """Group the entries that have memory. Leaks come first, the worst at the top.

    find_command -- returns the command of a process, in a form that may be shown
    as_root -- whether root will type the commands
    becomes -- the program with which root becomes another user: 'sudo' or 'runuser'; '' for none
    """
    caller = Caller(name_command=find_command, is_root=as_root, becomes=becomes)
    members: dict[tuple[str, str, str, str, bool | None], list[Entry]] = {}
    programs = {}
    for entry in entries:
        if not entry.posture.has_memory:
            continue
        program = program_of(entry.posture)
        holds = holds_secrets(entry.posture)
        key = (entry.user, program.words, program.script, _reason_of(entry), holds)
        members.setdefault(key, []).append(entry)
        programs[key] = program.name
    groups = [_make_group(key, programs[key], found, caller) for key, found in members.items()]
    groups.sort(key=_position)
    return tuple(groups)


def holds_secrets(posture: Posture) -> bool | None:
    """Return whether a process has secrets in its environment or arguments.

    None if none was found, but the environment is not known.
    """
    if posture.secret_variables or posture.secret_arguments:
        return True
    return None if posture.secret_variables is None else False


def _position(group: Group) -> tuple[object, ...]:
    severity = -1 if group.severity is None else rank(group.severity)
    return (
        not group.is_leak,
        -severity,
        order_of(group.reason),
        -len(group.secrets),
        -len(group.pids),
        group.user,
        group.program,
    )


def _reason_of(entry: Entry) -> str:
    posture = entry.posture
    serious = [_ALWAYS_SERIOUS[f.id] for f in entry.findings if f.id in _ALWAYS_SERIOUS]
    if serious:
        return min(serious, key=order_of)
    if posture.inspectable:
        return READABLE_BY_ROOT if posture.uid == 0 else READABLE
    if posture.opens_itself:
        return OPENS_ITSELF
    if posture.verdict == IS_HARDENED:
        return HARDENED
    return UNKNOWN if posture.verdict == IS_UNKNOWN else PARTIAL


def _make_group(
    key: tuple[str, str, str, str, bool | None],
    program: str,
    entries: Sequence[Entry],
    caller: Caller,
) -> Group:
    user, words, _, reason, _ = key
    secrets = _list_secrets(program, entries)
    severities = _SEVERITIES_WITH_SECRETS if secrets else _SEVERITIES
    first = entries[0]
    # One for each different fix, because a command takes longer to make than everything else.
    started: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        one = entry.posture
        started.setdefault((one.command, one.cwd, one.tracer_pid, one.injected_libraries), entry)
    fixes = [fix_of(entry, reason, secrets, caller) for entry in started.values()]
    return Group(
        user=user,
        uid=first.posture.uid,
        program=words,
        names=tuple(dict.fromkeys(entry.posture.name for entry in entries)),
        reason=reason,
        severity=severities.get(reason),
        secrets=secrets,
        open_to=_list_readers(entries, secrets),
        pids=tuple(sorted(entry.posture.pid for entry in entries)),
        finding=_finding_of(first, reason),
        fix=" ".join(dict.fromkeys([fixes[0][0], *(fix for fix, command in fixes if not command)])),
        commands=tuple(dict.fromkeys(command for _, command in fixes if command)),
        is_environment_known=all(e.posture.secret_variables is not None for e in entries),
    )


def _list_secrets(program: str, entries: Sequence[Entry]) -> tuple[Secret, ...]:
    found: dict[tuple[str, str], None] = {}
    for where in (IN_ENVIRONMENT, IN_ARGUMENTS):
        for entry in entries:
            posture = entry.posture
            is_environment = where == IN_ENVIRONMENT
            names = posture.secret_variables if is_environment else posture.secret_arguments
            found.update(((name, where), None) for name in names or ())
    held = secret_held_by(program, entries[0].posture.name)
    if held:
        found[held, IN_MEMORY] = None
    return tuple(Secret(name=name, where=where) for name, where in found)


def _list_readers(entries: Sequence[Entry], secrets: Sequence[Secret]) -> tuple[str, ...]:
    """Return the keys of READERS who can read at least one of the processes or its secrets."""
    readers = set()
    for entry in entries:
        if entry.posture.inspectable:
            readers.add(SAME_USER if entry.posture.uid else ROOT)
        if entry.posture.opens_itself:
            readers.add(SAME_USER)
        if entry.crash.destination not in (NOWHERE, None):
            readers.add(CRASH)
    if any(secret.where == IN_ARGUMENTS for secret in secrets):
        readers.add(EVERY_USER)
    return tuple(reader for reader in READERS if reader in readers)


_FINDINGS = {
    **{reason: finding for finding, reason in _ALWAYS_SERIOUS.items()},
    READABLE: "PH001",
    OPENS_ITSELF: "PH018",
    READABLE_BY_ROOT: "PH002",
    UNKNOWN: "PH015",
}


def _finding_of(entry: Entry, reason: str) -> str:
    found = _FINDINGS.get(reason)
    if found is None and entry.findings:
        return entry.findings[0].id
    return found or ""


def open_secrets(group: Group) -> list[tuple[str, str]]:
    """Return each secret of a group with each of its readers: (name, key of READERS)."""
    return [
        (secret.name, reader) for secret in group.secrets for reader in readers_of(secret, group)
    ]


def readers_of(secret: Secret, group: Group) -> list[str]:
    """Return the keys of READERS who can get one of the group's secrets."""
    in_arguments = secret.where == IN_ARGUMENTS
    return [reader for reader in group.open_to if reader != EVERY_USER or in_arguments]


def measure(groups: Iterable[Group], user: str = "") -> Exposure:
    """Return the exposure of one user, or of the whole host."""
    chosen = [group for group in groups if not user or group.user == user]
    opened = {
        (group.user, group.program, *found) for group in chosen for found in open_secrets(group)
    }
    counts = dict.fromkeys(READERS, 0)
    for *_, reader in opened:
        counts[reader] += 1
    return Exposure(
        user=user,
        **counts,
        readable=sum(len(group.pids) for group in chosen if group.is_readable),
        hardened=sum(len(group.pids) for group in chosen if group.reason == HARDENED),
        processes=sum(len(group.pids) for group in chosen),
    )


def measure_users(groups: Sequence[Group]) -> tuple[Exposure, ...]:
    """Return the exposure of each user, sorted by name."""
    by_user: dict[str, list[Group]] = {}
    for group in groups:
        by_user.setdefault(group.user, []).append(group)
    return tuple(measure(found, user) for user, found in sorted(by_user.items()))
