"""What a posture comes to: the verdict, what an attacker gets, where a crash puts the memory.

Pure: what the kernel said goes in, words come out.
"""

from __future__ import annotations

from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from process_hardening.audit.reader import Posture

NOWHERE = "nowhere"
FILE = "file"
PIPE = "pipe"
SOCKET = "socket"

_SMALLEST_DUMP = 4096
"""A file that may not have this many bytes is not begun (ELF_EXEC_PAGESIZE, fs/binfmt_elf.c)."""

_DISCARDS = ("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true")

_FIRST_WITH_SOCKETS = (6, 16)


def verdict(posture: Posture) -> str:
    """'hardened', 'partial', 'exposed' or 'unknown'.

    Hardened: no process of the same user may read it, it leaves no core, and nothing that would
    contradict that is to be seen. What the kernel keeps from us for the very reason that the
    process is hardened does not count against it; posture.protected names it.
    """
    if posture.inspectable is None or not posture.has_memory:
        return UNKNOWN
    if posture.inspectable:
        return EXPOSED
    if (
        (posture.core_limit is not None and posture.core_limit != (0, 0))
        or posture.dumpable == 2
        or posture.tracer_pid
        or posture.loader_variables
        or posture.injected_libraries
        or posture.other_user_namespace
    ):
        return PARTIAL
    if posture.dumpable is None or posture.core_limit is None or posture.tracer_pid is None:
        return UNKNOWN
    for field in ("loader_variables", "injected_libraries", "other_user_namespace"):
        if getattr(posture, field) is None and field not in posture.protected:
            return UNKNOWN
    return HARDENED


class CoreRules:
    """Where this system puts core dumps: kernel.core_pattern, read as core(5) says.

    pattern -- None: not known; uses_pid -- kernel.core_uses_pid; kernel -- (major, minor)
    kind -- NOWHERE, FILE, PIPE, SOCKET or None; target -- the path or the program
    """

    __slots__ = ("kind", "pattern", "target")

    def __init__(self, pattern: str | None, uses_pid: bool, kernel: tuple[int, int]) -> None:
        self.pattern = pattern
        self.kind: str | None = FILE
        self.target = pattern or ""
        if pattern is None:
            self.kind = None
        elif pattern.startswith("|"):
            words = pattern[1:].split()
            self.target = words[0] if words else ""
            self.kind = PIPE if words and self.target not in _DISCARDS else NOWHERE
        elif pattern.startswith("@") and kernel >= _FIRST_WITH_SOCKETS:
            self.kind, self.target = SOCKET, pattern.lstrip("@")
        elif not pattern:
            self.kind, self.target = (FILE, ".PID") if uses_pid else (NOWHERE, "")

    @property
    def is_relative(self) -> bool:
        """Whether a core file would be put into the working directory of what crashed."""
        return self.kind == FILE and not self.target.startswith("/")


class Crash:
    """Where a crash would put the memory of a process, if it came now.

    destination -- NOWHERE, FILE, PIPE, SOCKET; None: not known; target -- as in CoreRules
    reader -- who may read it: 'owner', 'root', or None
    can_be_raised -- nowhere, as it stands, but any process of the user can raise the core limit
    """

    __slots__ = ("can_be_raised", "destination", "reader", "target")

    def __init__(
        self,
        destination: str | None,
        target: str = "",
        reader: str | None = None,
        can_be_raised: bool = False,
    ) -> None:
        self.destination = destination
        self.target = target
        self.reader = reader
        self.can_be_raised = can_be_raised


def crash_of(posture: Posture, rules: CoreRules) -> Crash:
    """Core limit, dumpable and core_pattern together, as fs/coredump.c: do_coredump() does."""
    if not posture.has_memory:
        return Crash(NOWHERE)
    dumpable = posture.dumpable
    if dumpable == 0 or rules.kind == NOWHERE:
        return Crash(NOWHERE)
    if dumpable is None or rules.kind is None:
        return Crash(None)
    reader = "owner" if dumpable == 1 else "root"
    if rules.kind == SOCKET:
        return Crash(SOCKET, rules.target, reader)
    if posture.core_limit is None:
        return Crash(None)
    soft, hard = posture.core_limit
    if rules.kind == PIPE:
        # The limit does not count, but 1 marks the handler itself, which is not to be dumped.
        return Crash(NOWHERE) if soft == 1 else Crash(PIPE, rules.target, reader)
    if dumpable == 2 and rules.is_relative:
        return Crash(NOWHERE)
    if soft < _SMALLEST_DUMP:
        return Crash(NOWHERE, can_be_raised=hard >= _SMALLEST_DUMP)
    return Crash(FILE, rules.target, reader)


def _of_the_attacker(posture: Posture) -> str:
    who = "root" if posture.uid == 0 else "the same user"
    if posture.tracer_pid:
        return f"process {posture.tracer_pid} is attached and can read and change all of it"
    if posture.inspectable is None:
        return "it is not known whether another process may read its memory"
    if not posture.inspectable:
        if posture.other_user_namespace:
            return (
                f"{who} is refused its memory, but not whoever owns the user namespace that it"
                " runs in"
            )
        return f"{who} is refused its memory, environment and open files"
    if posture.uid == 0:
        return "root reads its memory, even a root without CAP_SYS_PTRACE, as in a container"
    if posture.remote_debugging:
        return "any process of the same user can read its memory and run Python code in it"
    return "any process of the same user can read its memory, environment and open files"


_OF_A_CRASH = {
    NOWHERE: "a crash leaves nothing",
    FILE: "a crash writes its memory to the file {target!r}",
    PIPE: "a crash hands its memory to {target!r}, whatever the core limit",
    SOCKET: "a crash sends its memory to the socket {target!r}, whatever the core limit",
    None: "where a crash would put its memory is not known",
}


def sentence(posture: Posture, crash: Crash) -> str:
    """What a same-user attacker gets now, and where a crash would put the memory."""
    if not posture.has_memory:
        return f"a {posture.kind} has no memory to read"
    told = _OF_A_CRASH[crash.destination].format(target=crash.target)
    if crash.can_be_raised:
        told += ", until a process of the user raises the core limit"
    elif crash.reader == "root":
        told += ", readable by root alone"
    return f"{_of_the_attacker(posture)}; {told}"
