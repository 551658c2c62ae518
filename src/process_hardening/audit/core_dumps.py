"""Where a crash puts the memory of a process, by core limit, dumpable and core_pattern. Pure."""

from __future__ import annotations

from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture

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


_CRASH_SENTENCES = {
    NOWHERE: "a crash leaves nothing",
    FILE: "a crash writes its memory to the file {target!r}",
    PIPE: "a crash hands its memory to {target!r}, whatever the core limit",
    SOCKET: "a crash sends its memory to the socket {target!r}, whatever the core limit",
    None: "it is unknown where a crash would put its memory",
}


def describe_crash(crash: Crash) -> str:
    """Describe where a crash dump goes, and who else can read or cause one."""
    sentence = _CRASH_SENTENCES[crash.destination].format(target=crash.target)
    if crash.can_be_raised:
        return sentence + ", until a process of the user raises the core limit"
    if crash.reader == "root":
        return sentence + ", which only root can read"
    return sentence
