"""Rules about a process: who can read it, and what it gives away."""

from __future__ import annotations

from process_hardening.audit.core_dumps import FILE, NOWHERE, PIPE, SOCKET
from process_hardening.audit.posture import has_our_name
from process_hardening.audit.rules.model import (
    HIGH,
    INFO,
    LOW,
    MEDIUM,
    START_HARDENED,
    Match,
    ProcessCase,
    list_names,
    rule,
)
from process_hardening.audit.rules.runtime import (
    find_forkserver,
    find_lost_hardening,
    find_remote_debugging,
    find_runtime_that_opens,
)
from process_hardening.audit.unknown import find_gaps
from process_hardening.state import HARDENED, UNKNOWN
from process_hardening.variables import INJECTOR, kind_of


@rule(
    id="PH001",
    severity=HIGH,
    words="any process of the same user can read its memory",
    why="The process is dumpable (PR_GET_DUMPABLE is 1). Everything else that the user runs, such"
    " as a dependency's install script or an editor extension, can use ptrace, process_vm_readv,"
    " pidfd_getfd and /proc/PID/mem, environ and fd on it.",
    fix="Start it hardened, or call pre_main_hardening() as the first statement of main().",
    commands=START_HARDENED,
    source="prctl(2) PR_SET_DUMPABLE; ptrace(2), ptrace access mode checking",
)
def find_readable_memory(case: ProcessCase) -> Match | None:
    """The process is inspectable and does not belong to root."""
    return Match() if case.posture.inspectable and case.posture.uid != 0 else None


@rule(
    id="PH002",
    severity=LOW,
    words="any other root process can read its memory",
    why="Root with all capabilities can read every process anyway. In a container, root usually"
    " lacks CAP_SYS_PTRACE, so the dumpable flag protects root's processes too.",
    fix="Start it hardened, or run it as a dedicated user.",
    commands=START_HARDENED,
    source="ptrace(2), ptrace access mode checking; capabilities(7) CAP_SYS_PTRACE",
)
def find_readable_memory_of_root(case: ProcessCase) -> Match | None:
    """The process is inspectable and belongs to root."""
    return Match() if case.posture.inspectable and case.posture.uid == 0 else None


_DUMP_RECEIVERS = {FILE: "a file", PIPE: "a program", SOCKET: "a socket"}


@rule(
    id="PH003",
    severity=MEDIUM,
    words="a crash would dump its memory",
    why="Because of its core limit and kernel.core_pattern, a crash copies all of its memory,"
    " including secrets, to a file, a program or a socket. Any process of the user can crash it"
    " with a signal.",
    fix="Start it hardened. If kernel.core_pattern begins with | or @, a core limit of 0 does not"
    " help.",
    commands=START_HARDENED,
    source="core(5); fs/coredump.c: do_coredump()",
)
def find_core_dump(case: ProcessCase) -> Match | None:
    """A crash now would dump the memory of the process somewhere."""
    crash = case.crash
    if crash.destination in (NOWHERE, None):
        return None
    receiver = _DUMP_RECEIVERS[str(crash.destination)]
    return Match(message=f"a crash would write its memory to {receiver}: {crash.target}")


@rule(
    id="PH004",
    severity=LOW,
    words="its soft and hard core limits are not both 0",
    why="The core limit is a second barrier behind the dumpable flag. A soft limit of 0 alone is no"
    " barrier: any process of the user can raise it with prlimit(2).",
    fix="Set both limits to 0: with prlimit for the running process, by starting it hardened, with"
    " LimitCORE=0 in its systemd unit, or with `ulimit -c 0` in its start script.",
    commands=("prlimit --pid PID --core=0:0", *START_HARDENED),
    source="getrlimit(2) RLIMIT_CORE; prlimit(2)",
)
def find_core_limit(case: ProcessCase) -> Match | None:
    """The soft or the hard core limit is not 0."""
    limit = case.posture.core_limit
    if limit is None or limit == (0, 0):
        return None
    message = "" if limit[0] else "its soft core limit is 0, but its hard limit is not"
    return Match(message=message)


@rule(
    id="PH005",
    severity=HIGH,
    words="a tracer is attached",
    why="The tracer can read and change all memory and registers of the process, and stays attached"
    " through any later hardening.",
    fix="Find out why the tracer is attached, and stop it. With Policy(refuse_tracer=True), which"
    " STRICT includes, a program refuses to start under a tracer.",
    commands=("ps -o pid,user,args -p TRACER_PID",),
    source="proc_pid_status(5) TracerPid; ptrace(2)",
)
def find_tracer(case: ProcessCase) -> Match | None:
    """A tracer is attached to a thread of the process."""
    tracer = case.posture.tracer_pid
    return Match(commands=(f"ps -o pid,user,args -p {tracer}",)) if tracer else None


@rule(
    id="PH006",
    severity=MEDIUM,
    words="its environment has a variable that injects code",
    why="LD_PRELOAD and LD_AUDIT make the dynamic loader load a library into this process and into"
    " every program that it starts.",
    fix="Remove the variable where the process is started, or start it hardened, which removes the"
    " variable.",
    commands=START_HARDENED,
    source="ld.so(8); proc_pid_environ(5)",
)
def find_injecting_variable(case: ProcessCase) -> Match | None:
    """The environment contains loader variables that load code."""
    names = _injectors(case.posture.loader_variables or ())
    if not names:
        return None
    return Match(message=f"its environment injects code: {list_names(names)}", subject=names)


@rule(
    id="PH007",
    severity=LOW,
    words="its environment has a dynamic loader variable",
    why="LD_LIBRARY_PATH and similar variables decide which libraries are loaded, or make the"
    " loader print what it does. A user who can write to a folder that such a variable names can"
    " run code in the process.",
    fix="Use RUNPATH or ld.so.conf instead of the variable, or start it hardened and use"
    " child_env() to pass the variable on to the children that need it.",
    commands=START_HARDENED,
    source="ld.so(8); proc_pid_environ(5)",
)
def find_loader_variable(case: ProcessCase) -> Match | None:
    """The environment contains loader variables that load no code themselves."""
    variables = case.posture.loader_variables or ()
    injectors = _injectors(variables)
    names = tuple(name for name in variables if name not in injectors)
    if not names:
        return None
    return Match(message=f"its environment directs the loader: {list_names(names)}", subject=names)


def _injectors(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if kind_of(name) == INJECTOR)


@rule(
    id="PH008",
    severity=HIGH,
    words="a library was injected",
    why="The process has mapped a library that the program did not ask for: LD_PRELOAD, LD_AUDIT or"
    " ld.so.preload loaded it. The library runs inside the process, sees all of its memory, and"
    " can fake the results of system calls. Hardening the process later does not remove it.",
    fix="Find out where the library comes from, and start the program hardened, so that it is never"
    " loaded. In Python, pre_main_hardening(reexec=True) does the same.",
    commands=("grep -F LIBRARY /proc/PID/maps", *START_HARDENED),
    source="ld.so(8); proc_pid_maps(5); struct r_debug in link.h",
)
def find_injected_library(case: ProcessCase) -> Match | None:
    """The process has mapped libraries that the program did not ask for."""
    paths = tuple(p for p in case.posture.injected_libraries or () if not has_our_name(p))
    return Match(message=f"injected: {list_names(paths)}", subject=paths) if paths else None


@rule(
    id="PH019",
    severity=HIGH,
    words="it runs another version of process-hardening's library, or a library with its name",
    why="The process has mapped a libprocess_hardening.so that differs from the one in"
    " the process-hardening installation that runs the audit. It may belong to another version, be"
    " damaged, or be an injected library that somebody gave this name. If it is a copy on a file"
    " system that a user can serve (FUSE), the audit does not read it.",
    fix="Audit it with the process-hardening installation that started the program. If no"
    " installation started it, the library was injected.",
    commands=("grep -F LIBRARY /proc/PID/maps", *START_HARDENED),
    source="native/preload of this package; proc_pid_maps(5)",
)
def find_other_copy(case: ProcessCase) -> Match | None:
    """The process has mapped a library that has the name of ours, but different contents."""
    paths = tuple(filter(has_our_name, case.posture.injected_libraries or ()))
    words = "another version of process-hardening, or a library with its name"
    return Match(message=f"{words}: {list_names(paths)}", subject=paths) if paths else None


@rule(
    id="PH009",
    severity=MEDIUM,
    words="other processes can read secrets in its environment",
    why="The process is dumpable, so other processes can read /proc/PID/environ, which contains"
    " variables whose names mark them as secrets. Every program that it starts inherits them.",
    fix="Start it hardened, and pass secrets in a file or a descriptor instead.",
    commands=START_HARDENED,
    source="proc_pid_environ(5); secret_names.py of this package",
)
def find_secret_variable(case: ProcessCase) -> Match | None:
    """The environment contains secrets, and other processes can read it."""
    names = case.posture.secret_variables
    if not names or not case.posture.inspectable:
        return None
    return Match(message=f"readable in its environment: {list_names(names)}", subject=names)


@rule(
    id="PH010",
    severity=HIGH,
    words="its arguments contain a secret",
    why="Every user can read /proc/PID/cmdline, unless /proc is mounted with hidepid. Hardening"
    " does not hide it. Shell histories and process accounting keep arguments too.",
    fix="Pass the secret in a file, through a descriptor or on standard input. Then replace the"
    " secret. Until then, hidepid prevents other users from reading it.",
    commands=("mount -o remount,hidepid=invisible /proc",),
    source="proc_pid_cmdline(5); secret_names.py of this package",
)
def find_secret_argument(case: ProcessCase) -> Match | None:
    """The arguments contain secrets, whether the process is hardened or not."""
    names = case.posture.secret_arguments
    return Match(message=f"in its arguments: {list_names(names)}", subject=names) if names else None


@rule(
    id="PH011",
    severity=MEDIUM,
    words="it is not root but can read processes of other users",
    why="One of its capabilities lets it read other users' memory or files: CAP_SYS_PTRACE,"
    " CAP_PERFMON, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_SYS_RAWIO (/proc/kcore) or"
    " CAP_SYS_MODULE. A vulnerability in this process exposes everything that it can read.",
    fix="Remove the capability from the program's file or from its systemd unit"
    " (CapabilityBoundingSet=), unless it is a debugger or profiler that needs it.",
    commands=("getpcaps PID", "setcap -r FILE"),
    source="capabilities(7)",
)
def find_reading_capability(case: ProcessCase) -> Match | None:
    """A user other than root has capabilities that allow reading other processes."""
    names = case.posture.capabilities
    if not names or not case.posture.uid:
        return None
    return Match(message=f"it is not root and has {list_names(names)}", subject=names)


@rule(
    id="PH012",
    severity=LOW,
    words="it runs in another user namespace",
    why="The owner of a user namespace has every capability in it, including CAP_SYS_PTRACE. The"
    " dumpable flag does not prevent the owner from reading processes that were started in it.",
    fix="Keep programs that hold secrets out of rootless containers and `unshare --user`.",
    commands=START_HARDENED,
    source="user_namespaces(7); kernel/ptrace.c: ptrace_has_cap()",
)
def find_user_namespace(case: ProcessCase) -> Match | None:
    """The process runs in a different user namespace from ours."""
    return Match() if case.posture.other_user_namespace else None


@rule(
    id="PH015",
    severity=INFO,
    words="it is not known whether it is hardened",
    why="A value that the verdict depends on could not be read. The finding names this value: the"
    " dumpable flag before Linux 6.16, a value that the kernel hides from other users, or a value"
    " that the process prevents the audit from reading.",
    fix="Do what the finding says. If you are not root, first repeat the audit as root. Root needs"
    " CAP_SYS_PTRACE, which it lacks in most containers.",
    commands=("sudo process-hardening audit PID",),
    source="include/uapi/linux/pidfd.h: PIDFD_GET_INFO; proc(5) hidepid",
)
def find_unknown_state(case: ProcessCase) -> Match | None:
    """The verdict on the process is unknown."""
    if case.posture.verdict != UNKNOWN:
        return None
    gaps = find_gaps(case.posture, is_root=case.for_root)
    commands = dict.fromkeys(gap.command for gap in gaps)
    return Match(
        message=f"not known: {'; '.join(gap.words for gap in gaps)}",
        fix=" ".join(dict.fromkeys(gap.fix for gap in gaps)),
        commands=tuple(commands),
    )


@rule(
    id="PH016",
    severity=INFO,
    words="it is not known whether a library was injected before it was hardened",
    why="The kernel hides the maps of a hardened process from other processes of its user, and from"
    " this audit. Root can read the maps: in root's audit, *hardened* also means that nothing shows"
    " a library that LD_PRELOAD, LD_AUDIT or ld.so.preload requested. Not even root's audit can"
    " distinguish a library that a debugger loaded with dlopen from one that the program loaded.",
    fix="Nothing has to be done. If you need to know, audit the process as root with"
    " CAP_SYS_PTRACE, which root lacks in most containers.",
    commands=("sudo process-hardening audit PID",),
    source="proc_pid_maps(5)",
)
def find_unseen_libraries(case: ProcessCase) -> Match | None:
    """The process is hardened, and the kernel therefore hides its maps."""
    posture = case.posture
    is_hidden = "injected_libraries" in posture.protected and posture.verdict == HARDENED
    return Match() if is_hidden else None


RULES = (
    find_lost_hardening,  # first, because its fix also removes the other findings
    find_readable_memory,
    find_readable_memory_of_root,
    find_core_dump,
    find_core_limit,
    find_tracer,
    find_injecting_variable,
    find_loader_variable,
    find_injected_library,
    find_other_copy,
    find_secret_variable,
    find_secret_argument,
    find_reading_capability,
    find_user_namespace,
    find_remote_debugging,
    find_forkserver,
    find_runtime_that_opens,
    find_unknown_state,
    find_unseen_libraries,
)
"""The rules, in the order in which findings of the same severity are reported."""
