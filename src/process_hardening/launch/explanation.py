"""The text of `run --explain`: how a program would be started and what that protects."""

from __future__ import annotations

from process_hardening.launch.plan import EXECUTE_ONLY, IN_PROCESS, PRELOAD
from process_hardening.terminal import printable

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from process_hardening import Report

PROTECTS = {
    EXECUTE_ONLY: "from its first instruction: no debugger, /proc/PID/mem or core dump of the"
    " same user, no descriptor opened in the launch window, no injected library",
    PRELOAD: "from before its main(): no debugger, /proc/PID/mem or core dump of the same user,"
    " no injected library",
    IN_PROCESS: "from before its first line: no debugger, /proc/PID/mem or core dump of the"
    " same user",
}
"""What each method keeps others from."""

EXPOSES = {
    EXECUTE_ONLY: "its arguments; its environment, while `run` itself starts; what root and"
    " CAP_SYS_PTRACE can read",
    PRELOAD: "its arguments; the moment between exec and the library's constructor, in which a"
    " patient attacker can open /proc/PID/mem; what root and CAP_SYS_PTRACE can read",
    IN_PROCESS: "its arguments; an attacker who attached or opened /proc/PID/mem while this"
    " interpreter started; what root and CAP_SYS_PTRACE can read",
}
"""What each method leaves open."""


def explain(
    report: Report,
    program: str,
    argv: Sequence[str],
    method: str,
    because: str | None,
    *,
    children: bool,
    strict: bool,
) -> str:
    """The lines to print, one fact each.

    report -- of hardening this process; it lists the removed variables
    program -- what would be started, in words
    method, because -- the chosen method, and why it is not a stronger one
    children, strict -- whether those options are given
    """
    rows = [("program", program), ("arguments", " ".join(map(repr, argv)))]
    if report.bypassed:
        rows.append(("protects", "nothing: the bypass variable is set"))
    else:
        reason = f" ({because})" if because else ""
        rows += [
            ("method", method + reason),
            ("core limit", "0, soft and hard, also for its children"),
            ("removed", ", ".join(report.removed) or "no variable"),
            ("protects", PROTECTS[method]),
            ("does not protect", EXPOSES[method]),
            *_explain_options(children, strict),
        ]
    return "\n".join(f"{label + ':':<18}{printable(text)}" for label, text in rows)


def _explain_options(children: bool, strict: bool) -> Iterator[tuple[str, str]]:
    if children:
        yield "children", "hardened if dynamically linked; other children are not"
    else:
        yield (
            "children",
            "not hardened, except for the core limit; nor is a program that this one becomes by"
            " exec; see --children",
        )
    if strict:
        yield "strict", "no_new_privs is set, also for its children"
