"""Rules about the host: who can read processes, by its settings and its users."""

from __future__ import annotations

from process_hardening.audit.exit_race import FIXED, VULNERABLE
from process_hardening.audit.host import BY_VERSION, PROGRAM_FOLDERS, TRIED
from process_hardening.audit.rules.model import (
    HIGH,
    INFO,
    LOW,
    MEDIUM,
    REAL_FSTAB,
    Answer,
    HostCase,
    Match,
    Topic,
    describe_readable,
    rule,
    set_sysctl,
    sysctl_commands,
)
from process_hardening.shell import quote

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.host import Host


def _boot_with(host: Host, module: str) -> str:
    """Return how to start this host's kernel with one more security module."""
    if host.security_modules is None:
        return f"boot it with {module} in its lsm= list"
    active = [name for name in host.security_modules if name != "capability"]  # always implied
    return f"boot it with lsm={','.join((*active, module))}"


@rule(
    id="PH107",
    severity=MEDIUM,
    words="any process can attach to any other of the same user (Yama)",
    why="Without Yama, any program of a user can attach to any of the user's other dumpable"
    " programs, and read and change their memory. With ptrace_scope 1, Yama only allows attaching"
    " to descendants; 2 requires CAP_SYS_PTRACE. Yama does not prevent reading /proc/PID/environ.",
    fix="Set kernel.yama.ptrace_scope to 1, or to 2 where nobody debugs. If the setting does not"
    " exist, boot the kernel with yama in its lsm= list.",
    commands=sysctl_commands("kernel.yama.ptrace_scope", "1"),
    source="Documentation/admin-guide/LSM/Yama.rst",
    breaks="gdb -p, strace -p and py-spy on processes that they did not start, unless run as root.",
)
def find_free_attaching(case: HostCase) -> Match | None:
    """Yama is off or missing."""
    scope = case.host.ptrace_scope
    if scope is None:
        return Match(
            message="any process may attach to any other of the same user: this kernel has no Yama",
            fix=f"If the kernel was built with Yama, {_boot_with(case.host, 'yama')}, in the"
            " configuration of the boot loader. Otherwise, install a kernel with"
            " CONFIG_SECURITY_YAMA.",
            commands=None,
        )
    wanted = 2 if case.host.exit_race == VULNERABLE else 1  # as for PH114, so that there is one fix
    return set_sysctl("kernel.yama.ptrace_scope", wanted, 0) if scope == 0 else None


def _describe_yama(case: HostCase) -> Answer:
    value = case.host.ptrace_scope
    if value is not None:
        return Answer(text=f"kernel.yama.ptrace_scope is {value}")
    if "proc/sys/kernel/yama/ptrace_scope" in case.host.hidden:
        return Answer(text="kernel.yama.ptrace_scope cannot be read", is_known=False)
    return Answer(text="is not active in this kernel")


YAMA = Topic(name="Yama", describe=_describe_yama, rules=(find_free_attaching,))


@rule(
    id="PH108",
    severity=LOW,
    words="users can profile the kernel and the whole machine (kernel.perf_event_paranoid < 2)",
    why="Below 2, perf_event_open(2) shows kernel addresses to unprivileged users. Below 1, it also"
    " shows what other users' processes do, which is a side channel to secrets.",
    fix="Set kernel.perf_event_paranoid to 2. On Debian, 3 denies profiling to all"
    " users except root.",
    commands=sysctl_commands("kernel.perf_event_paranoid", "2"),
    source="perf_event_open(2); Documentation/admin-guide/perf-security.rst",
    breaks="perf on the kernel and on other users' processes, unless run as root.",
)
def find_free_profiling(case: HostCase) -> Match | None:
    """kernel.perf_event_paranoid is below 2."""
    value = case.host.perf_event_paranoid
    if value is None or value >= 2:
        return None
    message = f"users can profile the kernel and the machine: kernel.perf_event_paranoid is {value}"
    return set_sysctl("kernel.perf_event_paranoid", 2, value, message)


def _describe_perf(case: HostCase) -> Answer:
    value = case.host.perf_event_paranoid
    if value is not None:
        return Answer(text=f"kernel.perf_event_paranoid is {value}")
    if "proc/sys/kernel/perf_event_paranoid" in case.host.hidden:
        return Answer(text="kernel.perf_event_paranoid cannot be read", is_known=False)
    return Answer(text="are not in this kernel")


PERF = Topic(name="perf events", describe=_describe_perf, rules=(find_free_profiling,))


@rule(
    id="PH109",
    severity=LOW,
    words="unprivileged users can create user namespaces",
    why="In its own user namespace, an unprivileged process has every capability. It can reach"
    " vulnerable kernel code, and read processes that are started in that namespace, hardened or"
    " not. Browser sandboxes and rootless containers need such namespaces.",
    fix="Disable them if nothing needs them.",
    commands=sysctl_commands("user.max_user_namespaces", "0"),
    source="user_namespaces(7)",
    breaks="Rootless containers, Flatpak, bubblewrap and the sandboxes of Chromium and Electron."
    " A program that a user starts with `harden` runs from a memfd instead: Go and static programs"
    " then see /memfd:NAME as their own path.",
)
def find_free_user_namespaces(case: HostCase) -> Match | None:
    """Unprivileged users can create user namespaces."""
    if not case.host.user_namespaces:
        return None
    setting = case.host.namespace_setting
    return set_sysctl(setting[0], 0, setting[1]) if setting else Match(commands=None)


def _describe_user_namespaces(case: HostCase) -> Answer:
    allowed = case.host.user_namespaces
    if allowed is None:
        return Answer(text="it is not known who can create them", is_known=False)
    return Answer(text=f"unprivileged users {'can' if allowed else 'cannot'} create them")


USER_NAMESPACES = Topic(
    name="user namespaces", describe=_describe_user_namespaces, rules=(find_free_user_namespaces,)
)


@rule(
    id="PH114",
    severity=HIGH,
    words="the kernel lets users steal open files from exiting processes (CVE-2026-46333)",
    why="Without the fix, __ptrace_may_access() skips the dumpable check after a process has"
    " released its memory, while its files are still open. pidfd_getfd(2) can take these files,"
    " from hardened processes and from set-user-ID programs.",
    fix="Boot a kernel with commit 31e62c2ebbfd \"ptrace: slightly saner 'get_dumpable()'"
    ' logic": 5.10.256, 5.15.207, 6.1.173, 6.6.139, 6.12.89, 6.18.31, 7.0.8, 7.1, or your'
    " distribution's update. Until then, set kernel.yama.ptrace_scope to 2.",
    commands=sysctl_commands("kernel.yama.ptrace_scope", "2"),
    source="CVE-2026-46333; announcement of the seven stable kernels, LWN article 1073060",
    breaks="Until the new kernel runs: gdb, strace and py-spy, unless run as root.",
)
def find_exit_race(case: HostCase) -> Match | None:
    """The kernel does not have the fix."""
    if case.host.exit_race != VULNERABLE:
        return None
    text, scope = _describe_exit_race(case).text, case.host.ptrace_scope
    if scope is None or scope >= 2:
        return Match(message=text, commands=None)
    return set_sysctl("kernel.yama.ptrace_scope", 2, scope, text)


_EXIT_RACE_SOURCES = {
    TRIED: " (tried on two processes of our own)",
    BY_VERSION: " (by its version)",
    None: "",
}


def _describe_exit_race(case: HostCase) -> Answer:
    host = case.host
    source = _EXIT_RACE_SOURCES[host.exit_race_source]
    if host.exit_race == FIXED:
        return Answer(text=f"the kernel, {host.kernel}, has the fix{source}")
    if host.exit_race == VULNERABLE:
        return Answer(text=f"the kernel, {host.kernel}, does not have the fix{source}")
    return Answer(
        text=f"it could not be tried, and the version {host.kernel} does not settle it:"
        " distributions backport fixes without changing it; ask yours about CVE-2026-46333",
        is_known=False,
    )


EXIT_RACE = Topic(name="CVE-2026-46333", describe=_describe_exit_race, rules=(find_exit_race,))


@rule(
    id="PH116",
    severity=LOW,
    words="users other than root can read all memory",
    why="Members of a root-equivalent group, and programs and processes with certain capabilities,"
    " can read hardened processes.",
    fix="Remove users from the group, and capabilities from the files. For processes, see PH011.",
    commands=("gpasswd -d USER GROUP", "setcap -r FILE"),
    source="capabilities(7); the documentation of Docker, LXD and Incus on their groups",
    breaks="Whatever needs this access, such as sudo, docker or a profiler. Keep one"
    " administrator.",
    by_hand=True,
)
def find_other_readers(case: HostCase) -> Match | None:
    """Groups, programs and processes that can read everything."""
    readers = _list_readers(case)
    if not readers:
        return None
    message = f"others' memory can be read not only by root, but also by {'; '.join(readers)}"
    members = [(user, group) for group, users in case.host.root_like for user in users]
    files = [path for path, _ in case.host.capable_files]
    return Match(
        message=message,
        subject=readers,
        commands=(
            *(f"gpasswd -d {quote(user)} {quote(group)}" for user, group in members),
            *(f"setcap -r {quote(path)}" for path in files),
        )
        or None,
        undo=tuple(f"gpasswd -a {quote(user)} {quote(group)}" for user, group in members),
    )


def _list_readers(case: HostCase) -> tuple[str, ...]:
    groups = [f"group {group} ({', '.join(users)})" for group, users in case.host.root_like]
    files = [f"{path} ({', '.join(names)})" for path, names in case.host.capable_files]
    processes = {
        f"process {p.name} of uid {p.uid} ({', '.join(p.capabilities)})"
        for p in case.postures
        if p.capabilities and p.uid and not p.other_user_namespace
    }
    return (*groups, *files, *sorted(processes))


def _describe_readers(case: HostCase) -> Answer:
    text = "; ".join(("root", *_list_readers(case)))
    return describe_readable(case, text, "etc/group", *PROGRAM_FOLDERS)


READERS = Topic(
    name="who reads others' memory", describe=_describe_readers, rules=(find_other_readers,)
)


@rule(
    id="PH118",
    severity=INFO,
    words="this kernel cannot confine programs (Landlock)",
    why="`confine` and `harden --confine` prevent an untrusted program from reading any other"
    " process. They need Landlock, and refuse to start anything without it.",
    fix="Boot Linux 5.13 or later with landlock in its lsm= list. On Linux 6.12 and later,"
    " Landlock also prevents a confined program from making other processes dump core with a"
    " signal.",
    commands=(),
    source="Documentation/userspace-api/landlock.rst",
)
def find_missing_landlock(case: HostCase) -> Match | None:
    """The kernel has no Landlock, or its Landlock cannot block signals."""
    version = case.host.landlock
    if version is None or case.host.refuses_signals:
        return None
    if version:
        return Match(
            message=f"confined programs can send signals: Landlock's version is {version}",
            fix="Boot Linux 6.12 or later.",
        )
    return Match(
        fix=f"If the kernel, {case.host.kernel}, was built with Landlock (5.13 or later),"
        f" {_boot_with(case.host, 'landlock')}. Otherwise, install a kernel with"
        " CONFIG_SECURITY_LANDLOCK."
    )


def _describe_landlock(case: HostCase) -> Answer:
    version = case.host.landlock
    if version is None:
        return Answer(text="it is not known whether the kernel has it", is_known=False)
    return Answer(text=f"its version is {version}" if version else "is not active in this kernel")


LANDLOCK = Topic(name="Landlock", describe=_describe_landlock, rules=(find_missing_landlock,))


_PROC_LINE = "proc /proc proc hidepid=invisible 0 0"
_MARK = "# added by process-hardening doctor:"
_NEW_FILE = "# /etc/fstab was created by process-hardening doctor"

# Inserted at the top, never appended: the last line may lack its newline, and would be joined to
# ours. The kernel would then not find its root file system. sed -i would replace a link.
_ADD_LINE = (
    "grep -qs '^[^#]*hidepid=' /etc/fstab || if [ -s /etc/fstab ];"
    f" then sed -i -e '1i {_MARK}' -e '1i {_PROC_LINE}' {REAL_FSTAB};"
    f" elif [ -e /etc/fstab ]; then printf '{_MARK}\\n{_PROC_LINE}\\n' > /etc/fstab;"
    f" else printf '{_NEW_FILE}\\n{_MARK}\\n{_PROC_LINE}\\n' > /etc/fstab; fi"
)
# Removes our line only behind our mark: the administrator may have the same line.
_REMOVE_LINE = (
    f"[ ! -e /etc/fstab ] || sed -i '\\|^{_MARK}$|{{N;\\|\\n{_PROC_LINE}$|d;}}' {REAL_FSTAB}"
)
_REMOVE_FILE = f"[ \"$(cat /etc/fstab 2>/dev/null)\" != '{_NEW_FILE}' ] || rm -f {REAL_FSTAB}"


@rule(
    id="PH117",
    severity=INFO,
    words="every user can see the arguments of every process",
    why="Without hidepid, /proc shows the command lines of all users to all users.",
    fix="Mount /proc with hidepid=invisible. Services such as systemd-logind and polkit then need"
    " the gid= option as well.",
    commands=(
        _ADD_LINE,
        "mount -o remount,hidepid=invisible /proc",
    ),
    source="proc(5), mount options",
    breaks="ps and top for other users' processes; systemd-logind and polkit, unless /proc is"
    " mounted with the gid= of a group that they are in.",
)
def find_visible_arguments(case: HostCase) -> Match | None:
    """/proc is mounted without hidepid."""
    undo = (_REMOVE_LINE, _REMOVE_FILE, "mount -o remount,hidepid=off /proc")
    return Match(undo=undo) if not case.host.hidepid else None


def _describe_hidepid(case: HostCase) -> Answer:
    hidepid = case.host.hidepid
    if hidepid is None:
        return Answer(text="the mount options of /proc cannot be read", is_known=False)
    if hidepid:
        return Answer(text=f"/proc is mounted with hidepid={hidepid}")
    return Answer(text="everybody can see them")


HIDEPID = Topic(
    name="arguments of others", describe=_describe_hidepid, rules=(find_visible_arguments,)
)
