"""Why a verdict is unknown, value by value, and what to do about it. Pure."""

from __future__ import annotations

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
        words="who traces it, because the status of its threads cannot be read",
        fix="Find out what keeps you from reading it, such as a security module.",
        command="grep TracerPid /proc/PID/task/*/status",
    ),
    "injected_libraries": Gap(
        words="whether a library was injected, because its environment was changed, or its loader's"
        " lists cannot be read or do not explain all that it loaded",
        fix="Start it with `harden --`, which removes the variables that inject libraries.",
        command="harden -- PROGRAM",
        is_restart=True,
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
_AS_ROOT = Gap(words="", fix="Audit it as root.", command="sudo process-hardening audit PID")
_OTHER = Gap(
    words="a value that the kernel does not report",
    fix="Audit it again.",
    command="process-hardening audit PID",
)


def find_gaps(posture: Posture) -> tuple[Gap, ...]:
    """Return why the verdict on a process is unknown, or why the process could not be read.

    Returns () if nothing is unknown.
    """
    if posture.problem:
        gaps: tuple[Gap, ...] = (_NOT_READ.replace(words=posture.problem),)
    else:
        gaps = tuple(_GAPS.get(field, _OTHER) for field in posture.unseen)
    if not posture.protected:
        return gaps
    # Root, from whom the kernel hides nothing, gets different advice. Root of a user namespace is
    # no such root.
    elsewhere = _GAPS["other_user_namespace"]
    return tuple(gap if gap is elsewhere else _AS_ROOT.replace(words=gap.words) for gap in gaps)
