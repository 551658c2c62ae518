"""Why a verdict is unknown, value by value, and what to do about it. Pure."""

from __future__ import annotations

from process_hardening.audit.posture import TOO_MUCH
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture


class Gap(Record):
    """A fact about a process that is not known.

    words -- what is not known and why, as printed after 'not known: '
    fix -- what to do; command -- the shell command that does it, with PLACEHOLDERS
    is_restart -- whether the command restarts the process, hardened
    """

    words: str
    fix: str
    command: str
    is_restart: bool = False


_NEWER_KERNEL = "Audit it on Linux 6.16 or later, with the /proc of the same pid namespace."
_GAPS = {
    "inspectable": Gap(
        words="whether others can read it, because the kernel does not report its dumpable flag",
        fix=_NEWER_KERNEL,
        command="uname -r",
    ),
    "dumpable": Gap(
        words="whether its dumpable flag is 0 or 2, because the kernel does not report it and"
        " fs.suid_dumpable is not 0 or 1",
        fix=_NEWER_KERNEL,
        command="uname -r",
    ),
    "core_limit": Gap(
        words="its core limit, because /proc/PID/limits cannot be read",
        fix="Find out what keeps you from reading it, such as a security module.",
        command="cat /proc/PID/limits",
    ),
    "tracer_pid": Gap(
        words="who traces it, because the status of its threads cannot be read, or it starts"
        " threads faster than they can be read",
        fix="Audit it again. If that changes nothing, find out what keeps you from reading it, such"
        " as a security module.",
        command="grep TracerPid /proc/PID/task/*/status",
    ),
    "injected_libraries": Gap(
        words="whether a library was injected, because its environment was changed, or its loader's"
        " lists cannot be read or do not explain all that it loaded",
        fix="Start it with `harden --`, which removes the variables that inject libraries.",
        command="harden -- PROGRAM",
        is_restart=True,
    ),
    "opens_itself": Gap(
        words="whether its runtime discloses its memory, because its program is damaged, or on a"
        " file system that may not answer",
        fix="Find out which program it is, and reinstall it.",
        command="ls -l /proc/PID/exe",
    ),
    "other_user_namespace": Gap(
        words="whether it is in another user namespace, because this one maps ids to themselves,"
        " and the kernel shows no more of a hardened process",
        fix="Audit it from outside of this user namespace.",
        command="process-hardening audit PID",
    ),
}
"""The gap for each field of Posture that can be unknown."""

_NOT_READ = Gap(
    words="it was not read",
    fix="Audit it again. If it still cannot be read, find out what prevents that.",
    command="process-hardening audit PID",
)
_TOO_MUCH = {
    TOO_MUCH["threads"]: Gap(
        words=TOO_MUCH["threads"],
        fix="An audit does not read that many threads. Look for a tracer yourself.",
        command="grep TracerPid /proc/PID/task/*/status",
    ),
    TOO_MUCH["environment"]: Gap(
        words=TOO_MUCH["environment"],
        fix="An audit does not read that many variables. Look at their names yourself.",
        command="cut -z -d= -f1 /proc/PID/environ | tr '\\0' '\\n'",
    ),
    TOO_MUCH["mappings"]: Gap(
        words=TOO_MUCH["mappings"],
        fix="An audit does not read that many mappings. Look for injected libraries yourself.",
        command="cat /proc/PID/maps",
    ),
}
_AS_ROOT = Gap(
    words="",
    fix="Audit it as root. If you are root, you lack CAP_SYS_PTRACE, as in most containers:"
    " audit it as its user, or with that capability.",
    command="sudo process-hardening audit PID",
)
_AS_ITS_USER = Gap(
    words="",
    fix="You lack CAP_SYS_PTRACE, as root does in most containers: audit it as its user, or with"
    " that capability.",
    command="setpriv --reuid=UID --regid=GID --clear-groups process-hardening audit PID",
)
_WITH_CAPABILITY = Gap(
    words="",
    fix="You lack CAP_SYS_PTRACE, as root does in most containers: audit it from outside of the"
    " container, or add the capability, as with `docker run --cap-add SYS_PTRACE`.",
    command="process-hardening audit PID",
)
_OTHER = Gap(
    words="a value that the kernel does not report",
    fix="Audit it again.",
    command="process-hardening audit PID",
)

_SEEN_BY_ROOT = frozenset({"inspectable", "injected_libraries"})
"""The fields that root with CAP_SYS_PTRACE can find out if the kernel hides others from us."""


def find_gaps(posture: Posture, *, is_root: bool = False) -> tuple[Gap, ...]:
    """Return why the verdict on a process is unknown, or why the process could not be read.

    is_root -- whether root made the audit; False if that is not known

    Returns () if nothing is unknown.
    """
    if posture.problem:
        gap = _TOO_MUCH.get(posture.problem, _NOT_READ.replace(words=posture.problem))
        return (_ask_root(gap, posture, is_root) if posture.is_name_hidden else gap,)
    gaps = []
    for field in posture.unseen:
        gap = _GAPS.get(field, _OTHER)
        is_hidden = field in posture.protected
        # Root of a user namespace is no such root.
        if field != "other_user_namespace" and (
            is_hidden or (posture.protected and field in _SEEN_BY_ROOT)
        ):
            gap = _ask_root(gap, posture, is_root)
        gaps.append(gap)
    return tuple(gaps)


def _ask_root(gap: Gap, posture: Posture, is_root: bool) -> Gap:
    """Return the gap with the advice for what the kernel hides from the audit."""
    advice = _AS_ROOT
    if is_root:
        advice = _AS_ITS_USER if posture.uid else _WITH_CAPABILITY
    gid = f'"$(id -g {posture.uid})"' if posture.gid is None else str(posture.gid)
    command = advice.command.replace("UID", str(posture.uid)).replace("GID", gid)
    return advice.replace(words=gap.words, command=command)
