"""The posture of a process: what was observed, and what an attacker gets. Pure."""

from __future__ import annotations

import os
import re

from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.record import Record
from process_hardening.secret_names import HIDDEN
from process_hardening.state import HARDENED, PARTIAL, UNKNOWN, judge_process

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.state import Verdict

PROCESS = "process"
KERNEL_THREAD = "kernel thread"
ZOMBIE = "zombie"

LAST_UID = 2**32 - 2  # to chown(2), the highest value means "unchanged": no user has it

TOO_MUCH = {
    what: f"too much to read: its {what}" for what in ("threads", "environment", "mappings")
}
"""Values of Posture.problem that another audit would find again."""

_PYTHON_NAME = re.compile(r"python\d*(\.\d+)?$")

# The kernel hides these fields of a hardened process. Any other missing field counts as unknown.
_HIDDEN_BY_HARDENING = ("loader_variables", "injected_libraries")


class Posture(Record):
    """The facts observed about one process; None: hidden from us, or unknown.

    name, ppid, exe -- as the kernel reports them; uid, gid -- the effective ones
    kind -- PROCESS, KERNEL_THREAD or ZOMBIE; only the first has memory
    dumpable -- 0, 1 or 2; dumpable_source -- 'pidfd', 'owner' (of /proc/PID/status) or 'probe'
    inspectable -- whether another process of the same user can read its memory
    core_limit -- (soft, hard) in bytes; tracer_pid -- 0: none; seccomp -- 0, 1 or 2
    confined -- False: it is not confined; None: it may be; only the process itself can find out
    capabilities -- those of rights.READING_CAPABILITIES that it has or can acquire
    other_user_namespace -- whether its user namespace is not ours
    loader_variables -- names of loader variables in its initial environment
    injected_libraries -- mapped files that LD_PRELOAD, LD_AUDIT or ld.so.preload requested
    secret_variables -- names of variables in its initial environment that hold secrets
    secret_arguments -- names and kinds of the secrets in its arguments
    python -- the version of Python that it runs; '' for none
    remote_debugging -- whether sys.remote_exec() by the same user works on it
    framework -- the framework that started it, a key of command_line.FRAMEWORKS
    command -- its arguments, each terminated by a NUL; what looks like a secret is replaced by
        secret_names.HIDDEN
    chosen_by_other -- whether its uid is 0, but another user may have chosen its arguments
    cwd -- its working directory, unless that was deleted
    opens_itself -- the name of a runtime (runtimes.py) that discloses its memory to any process of
        its user; '' if none was found; None if its program could not be read
    unit -- the systemd service that it belongs to, with the prefix "--user " for a user service
    protected -- the fields that are None because the kernel hides them from us
    problem -- why it could not be read, in words
    inode -- the inode number of its folder in /proc; see procfiles.list_pids()
    """

    pid: int
    ppid: int | None = None
    name: str = ""
    exe: str | None = None
    uid: int | None = None
    gid: int | None = None
    kind: str = PROCESS
    dumpable: int | None = None
    dumpable_source: str | None = None
    inspectable: bool | None = None
    core_limit: tuple[int, int] | None = None
    no_new_privs: bool | None = None
    seccomp: int | None = None
    confined: bool | None = None
    tracer_pid: int | None = None
    capabilities: tuple[str, ...] | None = None
    other_user_namespace: bool | None = None
    loader_variables: tuple[str, ...] | None = None
    injected_libraries: tuple[str, ...] | None = None
    secret_variables: tuple[str, ...] | None = None
    secret_arguments: tuple[str, ...] | None = None
    python: str | None = None
    remote_debugging: bool | None = None
    framework: str | None = None
    command: str | None = None
    chosen_by_other: bool = False
    cwd: str | None = None
    opens_itself: str | None = ""
    unit: str | None = None
    protected: tuple[str, ...] = ()
    problem: str | None = None
    inode: int | None = None

    @property
    def verdict(self) -> Verdict:
        """'hardened', 'partial', 'exposed' or 'unknown', from state.judge_process().

        At best 'partial' if its runtime discloses its memory, and 'unknown' if it may do so.
        """
        verdict, _ = self._judge()
        if verdict != HARDENED or self.opens_itself == "":
            return verdict
        return PARTIAL if self.opens_itself else UNKNOWN

    @property
    def unseen(self) -> tuple[str, ...]:
        """The fields that leave its verdict unknown; () if it is known."""
        verdict, missing = self._judge()
        return ("opens_itself",) if verdict == HARDENED and self.opens_itself is None else missing

    def _judge(self) -> tuple[Verdict, tuple[str, ...]]:
        return judge_process(
            inspectable=self.inspectable,
            dumpable=self.dumpable,
            core_limit=self.core_limit,
            tracer_pid=self.tracer_pid,
            loader_variables=self.loader_variables,
            injected_libraries=self.injected_libraries,
            other_user_namespace=self.other_user_namespace,
            has_memory=self.has_memory,
            excused=[name for name in self.protected if name in _HIDDEN_BY_HARDENING],
        )

    @property
    def has_memory(self) -> bool:
        """Whether it has memory; kernel threads and zombies do not."""
        return self.kind == PROCESS

    @property
    def has_overwritten_environment(self) -> bool:
        """Whether its environment could be read, but is no longer what it was started with."""
        is_known = self.secret_variables is not None or "secret_variables" in self.protected
        return self.has_memory and not is_known and not self.problem

    @property
    def is_name_hidden(self) -> bool:
        """Whether the kernel hides even its name."""
        return "name" in self.protected

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its arguments; () if they are unknown."""
        return tuple(self.command.removesuffix("\0").split("\0")) if self.command else ()

    @property
    def hides_arguments(self) -> bool:
        """Whether something in its arguments looked like a secret and was removed."""
        return HIDDEN in (self.command or "")

    @property
    def runs_python(self) -> bool:
        """Whether it runs Python, judged by its name if nothing else is known."""
        if self.python is None:
            return _PYTHON_NAME.match(self.name) is not None
        return self.python != ""

    @property
    def is_deliberately_hardened(self) -> bool:
        """Whether it was hardened deliberately; set-user-ID programs are not dumpable either."""
        return self.inspectable is False and self.core_limit == (0, 0)


def has_our_name(path: str) -> bool:
    """Return whether a mapped file has the name of our library, which may have been replaced."""
    name = os.path.basename(path).removesuffix(" (deleted)")
    return name == os.path.basename(PRELOAD_LIBRARY)


def describe_attacker(posture: Posture) -> str:
    """Describe what an attacker of the same user gets from a process that has memory."""
    who = "root" if posture.uid == 0 else "the same user"
    if posture.tracer_pid:
        return f"process {posture.tracer_pid} traces it and can read and change all of it"
    if posture.inspectable is None:
        return "it is unknown whether another process can read its memory"
    if not posture.inspectable and posture.other_user_namespace:
        return f"{who} cannot read its memory, but the owner of its user namespace can"
    if not posture.inspectable and posture.opens_itself:
        runtime = posture.opens_itself
        return f"{who} cannot read its memory, but its runtime, {runtime}, discloses it"
    if not posture.inspectable:
        return f"{who} cannot read its memory, environment or open files"
    if posture.uid == 0:
        return "root can read its memory, even without CAP_SYS_PTRACE, as in a container"
    if posture.remote_debugging:
        return "any process of the same user can read its memory and run Python code in it"
    return "any process of the same user can read its memory, environment and open files"
