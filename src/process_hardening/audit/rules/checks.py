"""What doctor makes of a host: one check a question, each fine, a finding, or unknown. Pure."""

from __future__ import annotations

from process_hardening.audit.rules.findings import Finding
from process_hardening.audit.host import FIXED, VULNERABLE, Host
from process_hardening.audit.posture import NOWHERE, PIPE, SOCKET

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from process_hardening.audit.reader import Posture


class Check:
    """The answer to one question about the host.

    topic -- what was looked at; told -- what it is
    findings -- what is wrong with it; unknown -- it could not be told; told then says why
    """

    __slots__ = ("findings", "told", "topic", "unknown")

    def __init__(
        self, topic: str, told: str, findings: Iterable[Finding] = (), unknown: bool = False
    ) -> None:
        self.topic = topic
        self.told = told
        self.findings = tuple(findings)
        self.unknown = unknown


def _core_pattern(host: Host) -> Check:
    topic, core = "core dumps", host.core
    if core.kind is None:
        return Check(topic, "kernel.core_pattern cannot be read", unknown=True)
    if core.kind == NOWHERE:
        return Check(topic, "are discarded")
    told = f"kernel.core_pattern is {core.pattern!r}"
    findings = []
    if core.kind == PIPE:
        message = f"core dumps are handed to {core.target}, whatever the core limit"
        findings.append(Finding("PH101", message, [core.target]))
        if host.core_handler_problem:
            findings.append(Finding("PH102", host.core_handler_problem, [core.target]))
    elif core.kind == SOCKET:
        message = f"core dumps are sent to the socket {core.target}, whatever the core limit"
        findings.append(Finding("PH103", message, [core.target]))
    elif core.is_relative:
        findings.append(Finding("PH104"))
    return Check(topic, told, findings)


def _suid_dumpable(host: Host) -> Check:
    topic, value = "fs.suid_dumpable", host.suid_dumpable
    if value is None:
        return Check(topic, "cannot be read", unknown=True)
    ids = {1: "PH105", 2: "PH106"}
    return Check(topic, str(value), [Finding(ids[value])] if value in ids else ())


def _yama(host: Host) -> Check:
    topic, value = "Yama", host.ptrace_scope
    if value is None:
        hidden = "proc/sys/kernel/yama/ptrace_scope" in host.hidden
        if hidden:
            return Check(topic, "kernel.yama.ptrace_scope cannot be read", unknown=True)
        return Check(topic, "is not active in this kernel", [Finding("PH107")])
    told = f"kernel.yama.ptrace_scope is {value}"
    return Check(topic, told, [Finding("PH107")] if value == 0 else ())


def _perf(host: Host) -> Check:
    topic, value = "perf events", host.perf_event_paranoid
    if value is None:
        if "proc/sys/kernel/perf_event_paranoid" in host.hidden:
            return Check(topic, "kernel.perf_event_paranoid cannot be read", unknown=True)
        return Check(topic, "are not in this kernel")
    told = f"kernel.perf_event_paranoid is {value}"
    message = f"users may profile the kernel and the machine: {told}"
    return Check(topic, told, [Finding("PH108", message)] if value < 2 else ())


def _user_namespaces(host: Host) -> Check:
    topic = "user namespaces"
    if host.user_namespaces is None:
        return Check(topic, "it cannot be read who may make them", unknown=True)
    if host.user_namespaces:
        return Check(topic, "unprivileged users may make them", [Finding("PH109")])
    return Check(topic, "unprivileged users may not make them")


def _preload_file(host: Host) -> Check:
    topic = "/etc/ld.so.preload"
    if host.preload_file is None:
        return Check(topic, "cannot be read", unknown=True)
    findings = []
    if host.preload_file:
        names = ", ".join(host.preload_file)
        findings.append(Finding("PH110", f"injected everywhere: {names}", host.preload_file))
    if host.preload_writable:
        names = ", ".join(host.preload_writable)
        findings.append(Finding("PH111", f"others may write {names}", host.preload_writable))
    told = f"names {len(host.preload_file)} libraries" if host.preload_file else "names none"
    return Check(topic, told, findings)


def _memfd(host: Host) -> Check:
    value = host.memfd_noexec
    told = "no such setting" if value is None else str(value)
    return Check("vm.memfd_noexec", told, [Finding("PH112")] if value and value > 1 else ())


def _swap(host: Host) -> Check:
    topic = "swap"
    if host.swaps is None:
        return Check(topic, "/proc/swaps cannot be read", unknown=True)
    if not host.swaps:
        return Check(topic, "there is none")
    plain = [swap.path for swap in host.swaps if swap.encrypted is False]
    if plain:
        message = f"swap is not encrypted: {', '.join(plain)}"
        return Check(topic, ", ".join(plain), [Finding("PH113", message, plain)])
    unclear = [swap.path for swap in host.swaps if swap.encrypted is None]
    if unclear:
        return Check(topic, f"what {', '.join(unclear)} lies on cannot be told", unknown=True)
    return Check(topic, "is encrypted, or in memory")


def _exit_race(host: Host) -> Check:
    topic = "CVE-2026-46333"
    how = {"tried": "tried on two processes of our own", "version": "by its version"}.get(
        host.exit_race_source, ""
    )
    if host.exit_race == FIXED:
        return Check(topic, f"the kernel, {host.kernel}, has the fix ({how})")
    if host.exit_race == VULNERABLE:
        message = f"the kernel, {host.kernel}, is before the fix of CVE-2026-46333 ({how})"
        return Check(topic, message, [Finding("PH114", message)])
    told = (
        f"it could not be tried, and {host.kernel} does not tell: distributions take fixes into"
        " kernels of their own numbering; ask yours for CVE-2026-46333"
    )
    return Check(topic, told, unknown=True)


def _aslr(host: Host) -> Check:
    topic, value = "address randomisation", host.randomize_va_space
    if value is None:
        return Check(topic, "kernel.randomize_va_space cannot be read", unknown=True)
    told = f"kernel.randomize_va_space is {value}"
    return Check(topic, told, [Finding("PH115")] if value < 2 else ())


def _readers(host: Host, postures: Iterable[Posture]) -> Check:
    subjects = [f"group {group} ({', '.join(users)})" for group, users in host.root_like]
    subjects += [f"{path} ({', '.join(names)})" for path, names in host.capable_files]
    subjects += sorted(
        {
            f"process {p.name} of uid {p.uid} ({', '.join(p.capabilities)})"
            for p in postures
            if p.capabilities and p.uid and not p.other_user_namespace
        }
    )
    told = "root"
    if not subjects:
        return Check("who reads others' memory", told)
    message = f"besides root, others' memory can be read by {'; '.join(subjects)}"
    return Check(
        "who reads others' memory",
        f"{told}; {'; '.join(subjects)}",
        [Finding("PH116", message, subjects)],
    )


def _hidepid(host: Host) -> Check:
    topic = "arguments of others"
    if host.hidepid is None:
        return Check(topic, "how /proc is mounted cannot be read", unknown=True)
    if host.hidepid:
        return Check(topic, f"/proc is mounted with hidepid={host.hidepid}")
    return Check(topic, "everybody sees everybody's", [Finding("PH117")])


_CHECKS = (
    _core_pattern,
    _suid_dumpable,
    _yama,
    _perf,
    _user_namespaces,
    _preload_file,
    _memfd,
    _swap,
    _exit_race,
    _aslr,
    _hidepid,
)


def checks_of(host: Host, postures: Iterable[Posture] = ()) -> Iterator[Check]:
    """Every check of a host; postures -- of its processes, some of which may read others."""
    for check in _CHECKS:
        yield check(host)
    yield _readers(host, postures)
