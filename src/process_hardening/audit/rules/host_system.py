"""Rules about the host: what is loaded into programs, and where their memory may end up."""

from __future__ import annotations

from process_hardening.audit.rules.model import (
    HIGH,
    LOW,
    MEDIUM,
    REAL_FSTAB,
    Answer,
    HostCase,
    Match,
    Topic,
    rule,
    set_sysctl,
    sysctl_commands,
)
from process_hardening.shell import join, quote

_DISABLE_PRELOAD = "mv /etc/ld.so.preload /etc/ld.so.preload.off"
_ENABLE_PRELOAD = "mv /etc/ld.so.preload.off /etc/ld.so.preload"


@rule(
    id="PH110",
    severity=HIGH,
    words="/etc/ld.so.preload injects a library into every program",
    why="Every dynamically linked program, including set-user-ID programs, loads the libraries that"
    " this file names. Rootkits use it. An execute-only image loads them as well.",
    fix="Check each library that the file names. Remove the file if you need none of them.",
    commands=("cat /etc/ld.so.preload", _DISABLE_PRELOAD),
    source="ld.so(8), FILES",
    breaks="Anything that relies on the libraries. Find out first what they do.",
    by_hand=True,
)
def find_preloaded_libraries(case: HostCase) -> Match | None:
    """/etc/ld.so.preload names libraries."""
    names = case.host.preload_file
    if not names:
        return None
    return Match(
        message=f"injected everywhere: {', '.join(names)}",
        subject=names,
        undo=(_ENABLE_PRELOAD,),
    )


@rule(
    id="PH111",
    severity=HIGH,
    words="users other than root can change what /etc/ld.so.preload injects",
    why="A user who can change that file, a library that it names, or a directory or link on the"
    " way to one of them, can run code in every program that is started, including root's.",
    fix="Remove /etc/ld.so.preload, or have it name only libraries that root installs anew. Do not"
    " make root the owner of the files that are there: they may have been changed, and whoever can"
    " write to them may put a link in their place.",
    commands=("namei -l FILE", _DISABLE_PRELOAD),
    source="ld.so(8), FILES",
    breaks="Anything that relies on the libraries.",
    by_hand=True,
)
def find_writable_preload(case: HostCase) -> Match | None:
    """A user other than root can change or replace the file or a library that it names."""
    names = case.host.preload_writable
    if not names:
        return None
    return Match(
        message=f"users other than root can change or replace {', '.join(names)}",
        subject=names,
        commands=(f"namei -l {join(names)}", _DISABLE_PRELOAD),
        undo=(_ENABLE_PRELOAD,),
    )


def _describe_preload_file(case: HostCase) -> Answer:
    names = case.host.preload_file
    if names is None:
        return Answer(text="cannot be read", is_known=False)
    return Answer(
        text=f"names {len(names) or 'no'} {'library' if len(names) == 1 else 'libraries'}"
    )


PRELOAD_FILE = Topic(
    name="/etc/ld.so.preload",
    describe=_describe_preload_file,
    rules=(find_preloaded_libraries, find_writable_preload),
)


@rule(
    id="PH112",
    severity=LOW,
    words="programs in memory cannot be executed (vm.memfd_noexec = 2)",
    why="If `run` needs an execute-only image in a memfd, this setting forbids it. `run` then"
    " falls back to the preload library, which leaves the launch window open.",
    fix="Set vm.memfd_noexec to 1 where programs must be hardened from their first instruction.",
    commands=sysctl_commands("vm.memfd_noexec", "1"),
    source="memfd_create(2); Documentation/userspace-api/mfd_noexec.rst",
    breaks="Nothing, but programs can again execute code that exists only in memory.",
)
def find_forbidden_memfds(case: HostCase) -> Match | None:
    """vm.memfd_noexec is 2."""
    value = case.host.memfd_noexec or 0
    return set_sysctl("vm.memfd_noexec", 1, value) if value > 1 else None


def _describe_memfd(case: HostCase) -> Answer:
    value = case.host.memfd_noexec
    if "proc/sys/vm/memfd_noexec" in case.host.hidden:
        return Answer(text="cannot be read", is_known=False)
    return Answer(text="no such setting" if value is None else str(value))


MEMFD = Topic(name="vm.memfd_noexec", describe=_describe_memfd, rules=(find_forbidden_memfds,))


@rule(
    id="PH113",
    severity=MEDIUM,
    words="swap is not encrypted",
    why="Memory, including secrets, is written to disk unencrypted. It stays there after the"
    " process has exited, and goes wherever the disk goes. Hibernation writes all memory.",
    fix="Turn swap off, swap to compressed memory (zram), or encrypt it with this line in"
    " /etc/crypttab: `swap DEVICE /dev/urandom swap`.",
    commands=("swapoff -a",),
    source="proc_swaps(5); crypttab(5)",
    breaks="Hibernation, and workloads that need more memory than the machine has.",
    by_hand=True,
)
def find_plain_swap(case: HostCase) -> Match | None:
    """A swap area is known to be unencrypted."""
    plain = tuple(swap.path for swap in case.host.swaps or () if swap.encrypted is False)
    if not plain:
        return None
    commands, undo = _switch_off(plain, case.host.has_systemd)
    message = f"swap is not encrypted: {', '.join(plain)}"
    return Match(message=message, subject=plain, commands=commands, undo=undo)


_MARK = "#process-hardening# "


def _switch_off(paths: tuple[str, ...], has_systemd: bool) -> tuple[tuple[str, ...], ...]:
    """Return commands that disable swap areas now and at every boot, and commands to undo this."""
    commands: list[str] = []
    undo: list[str] = []
    for path in map(quote, paths):
        if has_systemd:
            unit = f'"$(systemd-escape --path --suffix=swap {path})"'
            commands.append(f"systemctl mask {unit}")
            undo.append(f"systemctl unmask {unit}")
        else:
            lines = "/^[^#].*[[:space:]]swap[[:space:]]/"
            commands.append(f"sed -i '{lines}s/^/{_MARK}/' {REAL_FSTAB}")
            undo.append(f"sed -i 's/^{_MARK}//' {REAL_FSTAB}")
        commands.append(f"swapoff {path}")
        undo.append(f"swapon {path}")
    return tuple(dict.fromkeys(commands)), tuple(dict.fromkeys(undo))


def _describe_swap(case: HostCase) -> Answer:
    swaps = case.host.swaps
    if swaps is None:
        return Answer(text="/proc/swaps cannot be read", is_known=False)
    if not swaps:
        return Answer(text="there is none")
    plain = [swap.path for swap in swaps if swap.encrypted is False]
    if plain:
        return Answer(text=", ".join(plain))
    unclear = [swap.path for swap in swaps if swap.encrypted is None]
    if unclear:
        return Answer(text=f"cannot tell which device holds {', '.join(unclear)}", is_known=False)
    return Answer(text="is encrypted, or in memory")


SWAP = Topic(name="swap", describe=_describe_swap, rules=(find_plain_swap,))


@rule(
    id="PH115",
    severity=MEDIUM,
    words="addresses are not randomized (kernel.randomize_va_space < 2)",
    why="Without randomization, a single vulnerability in a program is enough to find its secrets"
    " and its code.",
    fix="Set kernel.randomize_va_space to 2, and delete the line in /etc/sysctl.conf or"
    " /etc/sysctl.d that changes it.",
    commands=sysctl_commands("kernel.randomize_va_space", "2"),
    source="proc_sys_kernel(5) randomize_va_space",
    breaks="Programs that need fixed addresses: some emulators and old Lisps.",
)
def find_fixed_addresses(case: HostCase) -> Match | None:
    """kernel.randomize_va_space is below 2."""
    value = case.host.randomize_va_space
    if value is None or value >= 2:
        return None
    return set_sysctl("kernel.randomize_va_space", 2, value)


def _describe_randomization(case: HostCase) -> Answer:
    value = case.host.randomize_va_space
    if value is None:
        return Answer(text="kernel.randomize_va_space cannot be read", is_known=False)
    return Answer(text=f"kernel.randomize_va_space is {value}")


RANDOMIZATION = Topic(
    name="address randomization", describe=_describe_randomization, rules=(find_fixed_addresses,)
)
