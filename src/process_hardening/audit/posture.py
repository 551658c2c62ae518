"""The posture of a process: what was observed, and what follows from that. Pure."""

from __future__ import annotations

import os
import re

from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.record import Record
from process_hardening.secret_names import HIDDEN
from process_hardening.state import HARDENED, PARTIAL, judge_process

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.state import Verdict

PROCESS = "process"
KERNEL_THREAD = "kernel thread"
ZOMBIE = "zombie"

TOO_MUCH = {
    what: f"too much to read: its {what}" for what in ("threads", "environment", "mappings")
}
"""Values of Posture.problem that another audit would find again."""

READING_CAPABILITIES = {
    2: "CAP_DAC_READ_SEARCH",
    16: "CAP_SYS_MODULE",
    17: "CAP_SYS_RAWIO",
    19: "CAP_SYS_PTRACE",
    21: "CAP_SYS_ADMIN",
    38: "CAP_PERFMON",
}
"""The capabilities that let a process read others' memory or files; capabilities(7)."""

_PYTHON_NAME = re.compile(r"python\d*(\.\d+)?$")

# The kernel hides these fields of a hardened process. Any other missing field counts as unknown.
_HIDDEN_BY_HARDENING = ("loader_variables", "injected_libraries")


class Posture(Record):
    """The facts observed about one process; None: hidden from us, or unknown.

    name, ppid, exe -- as the kernel reports them; uid -- the effective one
    kind -- PROCESS, KERNEL_THREAD or ZOMBIE; only the first has memory
    dumpable -- 0, 1 or 2; dumpable_source -- 'pidfd', 'owner' (of /proc/PID/status) or 'probe'
    inspectable -- whether another process of the same user can read its memory
    core_limit -- (soft, hard) in bytes; tracer_pid -- 0: none; seccomp -- 0, 1 or 2
    confined -- False: it is not confined; None: it may be; only the process itself can find out
    capabilities -- those of READING_CAPABILITIES that it has or can acquire
    other_user_namespace -- whether its user namespace is not ours
    loader_variables -- names of loader variables in its initial environment
    injected_libraries -- mapped files that LD_PRELOAD, LD_AUDIT or ld.so.preload requested
    secret_variables -- names of variables in its initial environment that hold secrets
    secret_arguments -- names and kinds of the secrets in its arguments
    python -- the version of Python that it runs; '' for none
    remote_debugging -- whether sys.remote_exec() by the same user works on it
    framework -- the framework that started it, a key of interpreter.FRAMEWORKS
    command -- its arguments, each terminated by a NUL; what looks like a secret is replaced by
        secret_names.HIDDEN
    cwd -- its working directory, unless that was deleted
    opens_itself -- the name of a runtime (runtimes.py) that discloses its memory to any process of
        its user; '' if none was found
    unit -- the systemd service that it belongs to, with the prefix "--user " for a user service
    protected -- the fields that are None because the kernel hides them from us
    problem -- why it could not be read, in words
    """

    pid: int
    ppid: int | None = None
    name: str = ""
    exe: str | None = None
    uid: int | None = None
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
    cwd: str | None = None
    opens_itself: str = ""
    unit: str | None = None
    protected: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def verdict(self) -> Verdict:
        """'hardened', 'partial', 'exposed' or 'unknown', from state.judge_process().

        At best 'partial' if its runtime discloses its memory.
        """
        verdict, _ = self._judge()
        return PARTIAL if verdict == HARDENED and self.opens_itself else verdict

    @property
    def unseen(self) -> tuple[str, ...]:
        """The fields that leave its verdict unknown; () if it is known."""
        _, missing = self._judge()
        return missing

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


NOWHERE = "nowhere"
FILE = "file"
PIPE = "pipe"
SOCKET = "socket"

_SMALLEST_DUMP = 4096
"""The kernel writes no core file below this limit (ELF_EXEC_PAGESIZE, fs/binfmt_elf.c)."""

_DISCARDING_PROGRAMS = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true")

_FIRST_KERNEL_WITH_SOCKETS = (6, 16)


class CoreRules(Record):
    """Where this system puts core dumps, according to kernel.core_pattern (core(5)).

    pattern -- the setting, None if it cannot be read
    kind -- NOWHERE, FILE, PIPE, SOCKET or None; target -- the path or the program
    """

    pattern: str | None = None
    kind: str | None = None
    target: str = ""

    @property
    def is_relative(self) -> bool:
        """Whether a core file is written into the working directory of the crashed process."""
        return self.kind == FILE and not self.target.startswith("/")


def core_rules_of(pattern: str | None, uses_pid: bool, kernel: tuple[int, int]) -> CoreRules:
    """Parse kernel.core_pattern.

    uses_pid -- kernel.core_uses_pid
    kernel -- (major, minor), which decides what the pattern can express
    """
    kind: str | None = FILE
    target = pattern or ""
    if pattern is None:
        kind = None
    elif pattern.startswith("|"):
        words = pattern[1:].split()
        target = words[0] if words else ""
        kind = NOWHERE if target in ("", *_DISCARDING_PROGRAMS) else PIPE
    elif pattern.startswith("@") and kernel >= _FIRST_KERNEL_WITH_SOCKETS:
        kind, target = SOCKET, pattern.lstrip("@")
    elif not pattern:
        kind, target = (FILE, ".PID") if uses_pid else (NOWHERE, "")
    return CoreRules(pattern=pattern, kind=kind, target=target)


class Crash(Record):
    """Where the memory of a process would go if it crashed now.

    destination -- NOWHERE, FILE, PIPE, SOCKET; None: unknown; target -- as in CoreRules
    reader -- who can read the dump: 'owner', 'root', or None
    can_be_raised -- the destination is NOWHERE, but any process of the user can raise the core
        limit
    """

    destination: str | None
    target: str = ""
    reader: str | None = None
    can_be_raised: bool = False


_LEAVES_NOTHING = Crash(destination=NOWHERE)
_IS_NOT_KNOWN = Crash(destination=None)


def crash_of(posture: Posture, rules: CoreRules) -> Crash:
    """Combine core limit, dumpable and core_pattern as do_coredump() in fs/coredump.c does."""
    dumpable = posture.dumpable
    if not posture.has_memory or dumpable == 0 or rules.kind == NOWHERE:
        return _LEAVES_NOTHING
    if dumpable is None or rules.kind is None:
        return _IS_NOT_KNOWN
    dump = Crash(
        destination=rules.kind, target=rules.target, reader="owner" if dumpable == 1 else "root"
    )
    if rules.kind == SOCKET:
        return dump
    if posture.core_limit is None:
        return _IS_NOT_KNOWN
    soft, hard = posture.core_limit
    if rules.kind == PIPE:
        # The limit is ignored, except that 1 marks the handler itself, which is not dumped.
        return _LEAVES_NOTHING if soft == 1 else dump
    if dumpable == 2 and rules.is_relative:
        return _LEAVES_NOTHING
    if soft < _SMALLEST_DUMP:
        return Crash(destination=NOWHERE, can_be_raised=hard >= _SMALLEST_DUMP)
    return dump


def _describe_attacker(posture: Posture) -> str:
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


_CRASH_SENTENCES = {
    NOWHERE: "a crash leaves nothing",
    FILE: "a crash writes its memory to the file {target!r}",
    PIPE: "a crash hands its memory to {target!r}, whatever the core limit",
    SOCKET: "a crash sends its memory to the socket {target!r}, whatever the core limit",
    None: "it is unknown where a crash would put its memory",
}


def describe_outcome(posture: Posture, crash: Crash) -> str:
    """Describe in one line what an attacker of the same user gets, and where a crash dump goes."""
    if not posture.has_memory:
        return f"a {posture.kind} has no memory to read"
    sentence = _CRASH_SENTENCES[crash.destination].format(target=crash.target)
    if crash.can_be_raised:
        sentence += ", until a process of the user raises the core limit"
    elif crash.reader == "root":
        sentence += ", which only root can read"
    return f"{_describe_attacker(posture)}; {sentence}"
