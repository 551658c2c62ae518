"""The registry of findings: what each is, why it matters, how it is fixed, how it is known.

docs/findings.md is made of it: `process-hardening explain --markdown > docs/findings.md`.
"""

from __future__ import annotations

INFO = "info"
LOW = "low"
MEDIUM = "medium"
HIGH = "high"

SEVERITIES = (INFO, LOW, MEDIUM, HIGH)
"""In ascending order."""

OF_A_PROCESS = "process"
OF_THE_HOST = "host"


def rank(severity: str) -> int:
    """The place of a severity in SEVERITIES."""
    return SEVERITIES.index(severity)


class Kind:
    """One kind of finding.

    id -- PH001 and on for processes, PH101 and on for the host; never used again for another
    title -- what was found; why -- why it matters; fix -- what to do, command or file
    source -- where the facts come from
    """

    __slots__ = ("fix", "id", "scope", "severity", "source", "title", "why")

    def __init__(
        self, kind_id: str, scope: str, severity: str, title: str, why: str, fix: str, source: str
    ) -> None:
        self.id = kind_id
        self.scope = scope
        self.severity = severity
        self.title = title
        self.why = why
        self.fix = fix
        self.source = source


_RUN = "start it with `process-hardening run -- PROGRAM`, or call pre_main_hardening() first"

_KINDS = (
    # id, scope, severity, title, why, fix, source
    Kind(
        "PH001",
        OF_A_PROCESS,
        HIGH,
        "any process of the same user can read its memory",
        "The process is dumpable (PR_GET_DUMPABLE is 1): ptrace, process_vm_readv, pidfd_getfd and"
        " /proc/PID/mem, environ and fd are open to everything else that the user runs, such as a"
        " dependency's install script or an editor extension.",
        _RUN + ".",
        "prctl(2) PR_SET_DUMPABLE; ptrace(2), ptrace access mode checking",
    ),
    Kind(
        "PH002",
        OF_A_PROCESS,
        LOW,
        "a process of root can be read by any other process of root",
        "Root with all its capabilities reads everything anyway. But in a container root usually"
        " lacks CAP_SYS_PTRACE, and then the dumpable flag decides, for root's processes too.",
        _RUN + "; or give the program a user of its own.",
        "ptrace(2), ptrace access mode checking; capabilities(7) CAP_SYS_PTRACE",
    ),
    Kind(
        "PH003",
        OF_A_PROCESS,
        MEDIUM,
        "a crash would store its memory",
        "With its core limit and kernel.core_pattern as they are, a crash copies all of its memory,"
        " secrets included, to a file, a program or a socket. Any process of the user can cause the"
        " crash with a signal.",
        _RUN + "; for a pattern that begins with | or @ a core limit of 0 is not enough.",
        "core(5); fs/coredump.c: do_coredump()",
    ),
    Kind(
        "PH004",
        OF_A_PROCESS,
        LOW,
        "its core limit is not 0, soft and hard",
        "The core limit is the second lock behind the dumpable flag. A soft limit of 0 alone is"
        " none: any process of the user raises it again with prlimit(2).",
        "set both limits to 0: `process-hardening run`, pre_main_hardening(), `LimitCORE=0` in the"
        " systemd unit, or `ulimit -c 0` in the script that starts it.",
        "getrlimit(2) RLIMIT_CORE; prlimit(2)",
    ),
    Kind(
        "PH005",
        OF_A_PROCESS,
        HIGH,
        "a tracer is attached",
        "A process that is attached with ptrace reads and changes all of its memory and registers,"
        " and keeps that hold through any later hardening.",
        "find out what the tracer is for, and end it; Policy(refuse_tracer=True), which STRICT"
        " includes, makes a program refuse to start under one.",
        "proc_pid_status(5) TracerPid; ptrace(2)",
    ),
    Kind(
        "PH006",
        OF_A_PROCESS,
        MEDIUM,
        "a variable that injects code is in its environment",
        "LD_PRELOAD and LD_AUDIT make the dynamic loader load a library into this process and into"
        " every program that it starts.",
        "remove the variable where the process is started; `process-hardening run` does.",
        "ld.so(8); proc_pid_environ(5)",
    ),
    Kind(
        "PH007",
        OF_A_PROCESS,
        LOW,
        "a variable of the dynamic loader is in its environment",
        "LD_LIBRARY_PATH and its kin decide which libraries are loaded, or make the loader print"
        " and trace. Whoever can write to a folder named there can run code in the process.",
        "use RUNPATH or ld.so.conf in place of the variable; `process-hardening run` removes it"
        " and child_env() gives it to the children that need it.",
        "ld.so(8); proc_pid_environ(5)",
    ),
    Kind(
        "PH008",
        OF_A_PROCESS,
        HIGH,
        "a library was injected",
        "A library is mapped that the program did not ask for: LD_PRELOAD, LD_AUDIT or"
        " ld.so.preload did. It runs inside the process, sees all of its memory, and can make"
        " system calls lie. Hardening that begins later does not remove it.",
        "check where the library comes from; start the program with `process-hardening run`, which"
        " never loads it, or use pre_main_hardening(reexec=True).",
        "ld.so(8); proc_pid_maps(5); struct r_debug in link.h",
    ),
    Kind(
        "PH009",
        OF_A_PROCESS,
        MEDIUM,
        "secrets in its environment can be read",
        "Variables with well-known names of secrets are in /proc/PID/environ of a dumpable process"
        " and are handed on to everything that it starts.",
        _RUN + "; hand secrets over in a file or a descriptor rather than in the environment.",
        "proc_pid_environ(5); secret_names.py of this package",
    ),
    Kind(
        "PH010",
        OF_A_PROCESS,
        HIGH,
        "a secret is among its arguments",
        "/proc/PID/cmdline is readable by every user, always, unless /proc is mounted with hidepid."
        " No hardening hides it. Shell histories and process accounting keep it too.",
        "hand the secret over in a file, a descriptor or standard input; then change the secret.",
        "proc_pid_cmdline(5); secret_names.py of this package",
    ),
    Kind(
        "PH011",
        OF_A_PROCESS,
        MEDIUM,
        "it may read other users' processes without being root",
        "CAP_SYS_PTRACE, CAP_PERFMON, CAP_DAC_READ_SEARCH or CAP_SYS_ADMIN lets it read the memory"
        " or files of others; a flaw in it becomes a flaw of them all.",
        "take the capability from the program's file (setcap -r FILE) or from its systemd unit"
        " (CapabilityBoundingSet=), unless it is a debugger or profiler that needs it.",
        "capabilities(7)",
    ),
    Kind(
        "PH012",
        OF_A_PROCESS,
        LOW,
        "it runs in another user namespace",
        "Whoever owns a user namespace has every capability in it, CAP_SYS_PTRACE included: the"
        " dumpable flag keeps them out of nothing that was started there.",
        "start what holds secrets outside of rootless containers and `unshare --user`.",
        "user_namespaces(7); kernel/ptrace.c: ptrace_has_cap()",
    ),
    Kind(
        "PH013",
        OF_A_PROCESS,
        MEDIUM,
        "any process of the same user can run Python code in it",
        "From Python 3.14 on, sys.remote_exec(PID, SCRIPT) makes a running interpreter execute a"
        " script, unless remote debugging was switched off before it started.",
        "harden the process; or start it with PYTHON_DISABLE_REMOTE_DEBUG=1 or"
        " `-X disable-remote-debug` (with hyphens).",
        "PEP 768; sys.remote_exec() in Python's documentation",
    ),
    Kind(
        "PH014",
        OF_A_PROCESS,
        HIGH,
        "a descendant of a hardened process lost the hardening",
        "execve(2) makes a process dumpable again. Workers that are started as new programs (spawn,"
        " forkserver, subprocess) therefore hold the parent's secrets without its protection;"
        " forked ones keep it.",
        "start the parent with `process-hardening run --children`, or, in Python, give it"
        " Policy(children='harden'); or call pre_main_hardening() in the hook that the framework"
        " runs in each worker.",
        "prctl(2) PR_SET_DUMPABLE; execve(2)",
    ),
    Kind(
        "PH015",
        OF_A_PROCESS,
        INFO,
        "it cannot be told whether it is hardened",
        "The kernel keeps what is needed from us, or does not have it: before Linux 6.16 the"
        " dumpable flag of root's processes is not shown.",
        "look again as root, or on a newer kernel.",
        "include/uapi/linux/pidfd.h: PIDFD_GET_INFO; proc(5) hidepid",
    ),
    Kind(
        "PH016",
        OF_A_PROCESS,
        INFO,
        "whether a library was injected before it was hardened cannot be seen from here",
        "The maps of a hardened process are closed to other processes of its user, to us too.",
        "look again as root.",
        "proc_pid_maps(5)",
    ),
    Kind(
        "PH101",
        OF_THE_HOST,
        MEDIUM,
        "core dumps are handed to a program",
        "A kernel.core_pattern that begins with | gives the memory of every dumpable process that"
        " crashes to a program, even where the core limit is 0.",
        "`sysctl -w kernel.core_pattern='|/bin/false'`, and the same line without `sysctl -w` in"
        " /etc/sysctl.d/60-core.conf; or tell the handler to keep nothing.",
        "core(5), piping core dumps to a program",
    ),
    Kind(
        "PH102",
        OF_THE_HOST,
        HIGH,
        "the program that gets core dumps is missing, or others than root may replace it",
        "The kernel starts it as root with the memory of what crashed on its standard input.",
        "`chown root:root PROGRAM; chmod go-w PROGRAM`, or install the missing one, or set"
        " kernel.core_pattern to '|/bin/false'.",
        "core(5), piping core dumps to a program",
    ),
    Kind(
        "PH103",
        OF_THE_HOST,
        MEDIUM,
        "core dumps are sent to a socket",
        "A kernel.core_pattern that begins with @ sends the memory of every dumpable process that"
        " crashes to a socket, whatever the core limit.",
        "`sysctl -w kernel.core_pattern='|/bin/false'`, unless a coredump service wants it so.",
        "core(5); Documentation/admin-guide/sysctl/kernel.rst",
    ),
    Kind(
        "PH104",
        OF_THE_HOST,
        LOW,
        "core files are written into working directories",
        "A relative kernel.core_pattern leaves the memory of what crashed wherever it happened to"
        " run: in a shared folder, a repository, a web root.",
        "`sysctl -w kernel.core_pattern='|/bin/false'`, or an absolute path in a folder of root's.",
        "core(5), naming of core dump files",
    ),
    Kind(
        "PH105",
        OF_THE_HOST,
        HIGH,
        "programs with raised privileges are dumpable (fs.suid_dumpable = 1)",
        "With 1, a process that changes its uid or runs a file that it may not read becomes"
        " dumpable: set-user-ID programs leave readable cores, hardening is undone by setuid(2),"
        " and an execute-only image does not protect.",
        "`sysctl -w fs.suid_dumpable=0`, and the same line without `sysctl -w` in"
        " /etc/sysctl.d/60-core.conf.",
        "proc_sys_fs(5) suid_dumpable",
    ),
    Kind(
        "PH106",
        OF_THE_HOST,
        MEDIUM,
        "programs with raised privileges leave cores for root (fs.suid_dumpable = 2)",
        "With 2, what changes its uid or runs a file that it may not read still dumps, readable by"
        " root, to an absolute path or a handler.",
        "`sysctl -w fs.suid_dumpable=0`, and the same line without `sysctl -w` in"
        " /etc/sysctl.d/60-core.conf.",
        "proc_sys_fs(5) suid_dumpable",
    ),
    Kind(
        "PH107",
        OF_THE_HOST,
        MEDIUM,
        "any process may attach to any other of the same user (Yama)",
        "Yama's ptrace_scope of 1 limits attaching to descendants, 2 to CAP_SYS_PTRACE. Without it,"
        " the dumpable flag of each process is all there is. It does not stop reading through"
        " /proc/PID/environ.",
        "`sysctl -w kernel.yama.ptrace_scope=1` (2 where nobody debugs), and the same line without"
        " `sysctl -w` in /etc/sysctl.d/60-ptrace.conf; without that file, boot a kernel with"
        " `lsm=...,yama`.",
        "Documentation/admin-guide/LSM/Yama.rst",
    ),
    Kind(
        "PH108",
        OF_THE_HOST,
        LOW,
        "users may profile the kernel and the whole machine (kernel.perf_event_paranoid < 2)",
        "Below 2, perf_event_open(2) shows unprivileged users kernel addresses and, below 1, what"
        " other users' processes do: a side channel to secrets.",
        "`sysctl -w kernel.perf_event_paranoid=2` (3 on Debian: not at all), and the same line"
        " without `sysctl -w` in /etc/sysctl.d/60-perf.conf.",
        "perf_event_open(2); Documentation/admin-guide/perf-security.rst",
    ),
    Kind(
        "PH109",
        OF_THE_HOST,
        LOW,
        "unprivileged users may make user namespaces",
        "In a namespace of its own, an unprivileged process has every capability: kernel flaws come"
        " within reach, and what is started there can be read by its owner, hardened or not."
        " Browsers' sandboxes and rootless containers need it.",
        "where nothing needs it: `sysctl -w user.max_user_namespaces=0`, and the same line without"
        " `sysctl -w` in /etc/sysctl.d/60-userns.conf.",
        "user_namespaces(7)",
    ),
    Kind(
        "PH110",
        OF_THE_HOST,
        HIGH,
        "/etc/ld.so.preload injects a library into every program",
        "Each dynamically linked program, set-user-ID ones too, loads what this file names. Root"
        " kits use it. An execute-only image loads it as well.",
        "check each library named there; remove the file when none is yours.",
        "ld.so(8), FILES",
    ),
    Kind(
        "PH111",
        OF_THE_HOST,
        HIGH,
        "others than root may change what /etc/ld.so.preload injects",
        "Whoever can write that file, or a library that it names, runs code in every program that"
        " is started, root's too.",
        "`chown root:root FILE; chmod go-w FILE`.",
        "ld.so(8), FILES",
    ),
    Kind(
        "PH112",
        OF_THE_HOST,
        LOW,
        "memfds may not be executed (vm.memfd_noexec = 2)",
        "An execute-only image is executed from a memfd. With 2 that is impossible: `run` falls"
        " back to its preload library and leaves the launch window open.",
        "`sysctl -w vm.memfd_noexec=1` where born-hardened programs are wanted.",
        "memfd_create(2); Documentation/userspace-api/mfd_noexec.rst",
    ),
    Kind(
        "PH113",
        OF_THE_HOST,
        MEDIUM,
        "swap is not encrypted",
        "Memory, secrets included, is written to disk as it is, stays there after the process ended"
        " and leaves the house with the disk. Hibernation writes all of it.",
        "`swapoff -a`, or encrypted swap: a line `swap DEVICE /dev/urandom swap` in /etc/crypttab;"
        " or swap to compressed memory (zram).",
        "proc_swaps(5); crypttab(5)",
    ),
    Kind(
        "PH114",
        OF_THE_HOST,
        HIGH,
        "the kernel lets users steal open files from processes that exit (CVE-2026-46333)",
        "Before the fix, __ptrace_may_access() skips the dumpable check once a process has given up"
        " its memory, while its files are still open: pidfd_getfd(2) takes them, from hardened"
        " processes and from set-user-ID programs.",
        "boot a kernel with commit 31e62c2ebbfd \"ptrace: slightly saner 'get_dumpable()' logic\":"
        " 5.10.256, 5.15.207, 6.1.173, 6.6.139, 6.12.89, 6.18.31, 7.0.8, 7.1, or your"
        " distribution's update. Until then `sysctl -w kernel.yama.ptrace_scope=2`.",
        "CVE-2026-46333; announcement of the seven stable kernels, LWN article 1073060",
    ),
    Kind(
        "PH115",
        OF_THE_HOST,
        MEDIUM,
        "addresses are not randomised (kernel.randomize_va_space < 2)",
        "Without it, a single flaw in a program is enough to find its secrets and its code.",
        "`sysctl -w kernel.randomize_va_space=2`, and remove the line that sets it from"
        " /etc/sysctl.conf or /etc/sysctl.d.",
        "proc_sys_kernel(5) randomize_va_space",
    ),
    Kind(
        "PH116",
        OF_THE_HOST,
        LOW,
        "others than root can read everybody's memory",
        "Members of a group that is as good as root, a program whose file carries a capability, or"
        " a process that holds one can read hardened processes.",
        "`gpasswd -d USER GROUP`; `setcap -r FILE`; see PH011 for processes.",
        "capabilities(7); Documentation of docker, lxd and incus on their groups",
    ),
    Kind(
        "PH117",
        OF_THE_HOST,
        INFO,
        "every user sees every process's arguments",
        "/proc without hidepid shows the command lines of all users to all users.",
        "mount /proc with `hidepid=invisible`, in /etc/fstab: `proc /proc proc hidepid=invisible"
        " 0 0`; services such as systemd-logind and polkit need `gid=` then.",
        "proc(5), mount options",
    ),
)

REGISTRY = {kind.id: kind for kind in _KINDS}
"""Every kind of finding, by its id."""
