"""Judged facts: what a posture and a host are found to have. Pure."""

from __future__ import annotations

from process_hardening.state import HARDENED, UNKNOWN
from process_hardening.audit.posture import FILE, NOWHERE, PIPE, Crash
from process_hardening.audit.rules.registry import REGISTRY, rank
from process_hardening.variables import INJECTOR, kind_of

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.audit.reader import Posture


class Finding:
    """One finding: of a kind in the registry, in words of its own.

    subject -- what it is about (names of variables, paths), which tells two of a kind apart
    fix -- the kind's, or one that fits this case
    """

    __slots__ = ("fix", "id", "message", "severity", "subject")

    def __init__(
        self, kind_id: str, message: str | None = None, subject: Iterable[str] = (), fix: str = ""
    ) -> None:
        kind = REGISTRY[kind_id]
        self.id = kind.id
        self.severity = kind.severity
        self.subject = tuple(subject)
        self.message = message or kind.title
        self.fix = fix or kind.fix

    def at_least(self, severity: str) -> bool:
        """Whether it is as severe as that, or more."""
        return rank(self.severity) >= rank(severity)


def worst(findings: Iterable[Finding]) -> str | None:
    """The highest severity among them."""
    return max((finding.severity for finding in findings), key=rank, default=None)


def _listed(names: Iterable[str]) -> str:
    names = tuple(names)
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def findings_of(posture: Posture, crash: Crash) -> list[Finding]:
    """The findings of one process, the worst first; PH014 needs its ancestors, see tree.py."""
    if not posture.has_memory:
        return []
    found: list[Finding] = []
    add = found.append
    if posture.verdict == UNKNOWN:
        add(Finding("PH015", posture.problem and f"not known: {posture.problem}"))
    if posture.inspectable:
        add(Finding("PH002" if posture.uid == 0 else "PH001"))
    if crash.destination not in (NOWHERE, None):
        to = {FILE: "a file", PIPE: "a program"}.get(str(crash.destination), "a socket")
        add(Finding("PH003", f"a crash would hand its memory to {to}: {crash.target}"))
    if posture.core_limit is not None and posture.core_limit != (0, 0):
        soft_only = posture.core_limit[0] == 0
        add(Finding("PH004", "only its soft core limit is 0, not the hard one" * soft_only))
    if posture.tracer_pid:
        add(Finding("PH005"))
    if posture.loader_variables:
        injectors = [name for name in posture.loader_variables if kind_of(name) == INJECTOR]
        others = [name for name in posture.loader_variables if name not in injectors]
        if injectors:
            add(Finding("PH006", f"its environment injects code: {_listed(injectors)}", injectors))
        if others:
            add(Finding("PH007", f"its environment directs the loader: {_listed(others)}", others))
    if posture.injected_libraries:
        paths = posture.injected_libraries
        add(Finding("PH008", f"injected: {_listed(paths)}", paths))
    if posture.secret_variables and posture.inspectable:
        names = posture.secret_variables
        add(Finding("PH009", f"readable in its environment: {_listed(names)}", names))
    if posture.secret_arguments:
        names = posture.secret_arguments
        add(Finding("PH010", f"among its arguments: {_listed(names)}", names))
    if posture.capabilities and posture.uid:
        names = posture.capabilities
        add(Finding("PH011", f"it is not root and holds {_listed(names)}", names))
    if posture.other_user_namespace:
        add(Finding("PH012"))
    if posture.remote_debugging:
        add(Finding("PH013"))
    if posture.verdict == HARDENED and "injected_libraries" in posture.protected:
        add(Finding("PH016"))
    found.sort(key=lambda finding: (-rank(finding.severity), finding.id))
    return found
