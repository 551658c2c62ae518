"""The records that describe rules and findings."""

from __future__ import annotations

from process_hardening.record import Record
from process_hardening.shell import quote

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from process_hardening.audit.core_dumps import Crash
    from process_hardening.audit.host import Host
    from process_hardening.audit.posture import Posture

INFO = "info"
LOW = "low"
MEDIUM = "medium"
HIGH = "high"

SEVERITIES = (INFO, LOW, MEDIUM, HIGH)
"""In ascending order."""

START_HARDENED = ("harden -- PROGRAM",)
"""The command that fixes most findings about a process."""


def rank(severity: str) -> int:
    """Return the position of a severity in SEVERITIES."""
    return SEVERITIES.index(severity)


class ProcessCase(Record):
    """The input of rules about processes.

    crash -- where a crash would put the process's memory
    ancestor -- the nearest hardened ancestor of the process, if it has one
    for_root -- whether root made the audit
    """

    posture: Posture
    crash: Crash
    ancestor: Posture | None = None
    for_root: bool = False


class HostCase(Record):
    """The input of rules about the host: its settings, and the processes that were read."""

    host: Host
    postures: tuple[Posture, ...] = ()


class Match(Record):
    """What a rule found in one case. If a text is '' or commands is (), the rule's own is used.

    message -- what is wrong, in this case
    subject -- the variables or paths that the finding is about
    fix, commands -- what fixes this case; commands is None if no command can fix it
    undo -- the commands that undo the fix
    """

    message: str = ""
    subject: tuple[str, ...] = ()
    fix: str = ""
    commands: tuple[str, ...] | None = ()
    undo: tuple[str, ...] = ()


class Rule(Record):
    """One kind of finding, and the check that finds it.

    id -- PH001 and up for processes, PH101 and up for the host; ids are never reused
    words -- what is wrong, in one line for a table
    why -- why it matters
    fix -- what to do about it; commands -- shell commands that do it, with PLACEHOLDERS
    breaks -- what the fix may break
    by_hand -- whether a person must decide before the fix is applied
    source -- where the facts come from
    check -- takes a ProcessCase or a HostCase; returns a Match, or None if nothing is wrong
    """

    id: str
    severity: str
    words: str
    why: str
    fix: str
    commands: tuple[str, ...]
    source: str
    check: Callable[[Any], Match | None]
    breaks: str = ""
    by_hand: bool = False

    @property
    def reason(self) -> str:
        """The first sentence of `why`, as a one-sentence explanation."""
        sentence, stop, _ = self.why.partition(". ")
        return sentence + "." if stop else sentence

    def judge(self, case: ProcessCase | HostCase) -> Finding | None:
        """Return what this rule finds in a case, or None."""
        match = self.check(case)
        if match is None:
            return None
        return Finding(
            rule=self,
            message=match.message or self.words,
            subject=match.subject,
            fix=match.fix or self.fix,
            commands=() if match.commands is None else match.commands or self.commands,
            undo=match.undo,
        )


def rule(
    *,
    id: str,  # noqa: A002 -- its name everywhere
    severity: str,
    words: str,
    why: str,
    fix: str,
    commands: tuple[str, ...],
    source: str,
    breaks: str = "",
    by_hand: bool = False,
) -> Callable[[Callable[[Any], Match | None]], Rule]:
    """Decorate a check function: make it a Rule with these fields."""

    def make(check: Callable[[Any], Match | None]) -> Rule:
        return Rule(
            id=id,
            severity=severity,
            words=words,
            why=why,
            fix=fix,
            commands=commands,
            source=source,
            check=check,
            breaks=breaks,
            by_hand=by_hand,
        )

    return make


class Finding(Record):
    """What a rule found: a Match whose empty fields were filled in from the rule."""

    rule: Rule
    message: str
    subject: tuple[str, ...]
    fix: str
    commands: tuple[str, ...]
    undo: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of its rule."""
        return self.rule.id

    @property
    def severity(self) -> str:
        """The severity of its rule."""
        return self.rule.severity

    def is_at_least(self, severity: str) -> bool:
        """Return whether it has this severity or a higher one."""
        return rank(self.severity) >= rank(severity)


def worst_of(findings: Iterable[Finding]) -> str | None:
    """Return the highest severity among findings."""
    return max((finding.severity for finding in findings), key=rank, default=None)


class Answer(Record):
    """What doctor found about a topic. If is_known is False, text says why it is unknown."""

    text: str
    is_known: bool = True


class Topic(Record):
    """One question that doctor asks about the host.

    describe -- takes a HostCase; returns the Answer
    rules -- the rules that check it
    """

    name: str
    describe: Callable[[HostCase], Answer]
    rules: tuple[Rule, ...]


class Check(Record):
    """The answer to one question about the host, and the findings about it."""

    topic: str
    answer: Answer
    findings: tuple[Finding, ...]


def describe_readable(case: HostCase, text: str, *places: str) -> Answer:
    """Return an Answer, which is unknown if a file or directory in these places is unreadable."""
    inside = tuple(f"{place}/" for place in places)
    hidden = dict.fromkeys(case.host.hidden)
    unread = [f"/{name}" for name in hidden if f"{name}/".startswith(inside)]
    if not unread:
        return Answer(text=text)
    return Answer(text=f"{text}; cannot read {list_names(tuple(unread))}", is_known=False)


def list_names(names: tuple[str, ...]) -> str:
    """Join the first eight names, and count the rest."""
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


REAL_FSTAB = '"$(readlink -f /etc/fstab)"'
"""The file behind /etc/fstab, in a shell command: `sed -i` would replace a link with a file."""


def sysctl_commands(name: str, value: object) -> tuple[str, ...]:
    """Return the commands that change a kernel setting now and at every boot.

    They write a file that is read after /etc/sysctl.conf and the other files in its directory:
    sysctl.d(5). Its name is ours, so that undoing it removes no file of the administrator's.
    """
    line = quote(f"{name} = {value}")
    return f"echo {line} > {_file_of(name)}", f"sysctl -p {_file_of(name)}"


def sysctl_undo(name: str, value: object) -> tuple[str, ...]:
    """Return the commands that undo sysctl_commands(). value -- the old value."""
    return f"rm -f {_file_of(name)}", f"sysctl -w {quote(f'{name}={value}')}"


def _file_of(name: str) -> str:
    return f"/etc/sysctl.d/zzz-process-hardening-{name}.conf"


def set_sysctl(name: str, value: object, old: object, message: str = "") -> Match:
    """Return a Match whose fix changes a kernel setting.

    value -- the recommended value; old -- the current value
    """
    return Match(
        message=message, commands=sysctl_commands(name, value), undo=sysctl_undo(name, old)
    )
