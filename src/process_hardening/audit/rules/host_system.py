"""Rules about the host: what is loaded into programs, and where their memory may end up."""

from __future__ import annotations

from process_hardening.audit.rules.model import (
    HIGH,
    LOW,
    MEDIUM,
    Answer,
    HostCase,
    Match,
    Topic,
    rule,
    sysctl_commands,
)


@rule(
    id="PH110",
    severity=HIGH,
    words="/etc/ld.so.preload injects a library into every program",
    why="Every dynamically linked program, set-user-ID ones too, loads the libraries that this"
    " file names. Rootkits use it. An execute-only image loads them as well.",
    fix="Check each library that it names. Remove the file when none is yours.",
    commands=("cat /etc/ld.so.preload", "rm /etc/ld.so.preload"),
    source="ld.so(8), FILES",
)
def find_preloaded_libraries(case: HostCase) -> Match | None:
    """/etc/ld.so.preload names libraries."""
    names = case.host.preload_file
    if not names:
        return None
    return Match(message=f"injected everywhere: {', '.join(names)}", subject=names)


@rule(
    id="PH111",
    severity=HIGH,
    words="others than root can change what /etc/ld.so.preload injects",
    why="Whoever can write that file, or a library that it names, runs code in every program that"
    " is started, root's too.",
    fix="Give the files to root, and let nobody else write them.",
    commands=("chown root:root FILE", "chmod go-w FILE"),
    source="ld.so(8), FILES",
)
def find_writable_preload(case: HostCase) -> Match | None:
    """The file or a library in it belongs to, or can be written by, others than root."""
    names = case.host.preload_writable
    if not names:
        return None
    return Match(message=f"others than root can write {', '.join(names)}", subject=names)


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
    why="Where `run` needs an execute-only image in a memfd, this setting forbids it. It then falls"
    " back to its preload library, which leaves the launch window open.",
    fix="Set vm.memfd_noexec to 1 where programs must be hardened from their first instruction.",
    commands=sysctl_commands("vm.memfd_noexec", "1"),
    source="memfd_create(2); Documentation/userspace-api/mfd_noexec.rst",
)
def find_forbidden_memfds(case: HostCase) -> Match | None:
    """vm.memfd_noexec is 2."""
    return Match() if (case.host.memfd_noexec or 0) > 1 else None


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
    why="Memory, secrets included, is written to disk as it is. It stays there after the process"
    " has ended, and goes wherever the disk goes. Hibernation writes all of it.",
    fix="Switch swap off, swap to compressed memory (zram), or encrypt it: in /etc/crypttab, a line"
    " `swap DEVICE /dev/urandom swap`.",
    commands=("swapoff -a",),
    source="proc_swaps(5); crypttab(5)",
)
def find_plain_swap(case: HostCase) -> Match | None:
    """A swap area is known not to be encrypted."""
    plain = tuple(swap.path for swap in case.host.swaps or () if swap.encrypted is False)
    return (
        Match(message=f"swap is not encrypted: {', '.join(plain)}", subject=plain)
        if plain
        else None
    )


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
        return Answer(text=f"it is not known what {', '.join(unclear)} is on", is_known=False)
    return Answer(text="is encrypted, or in memory")


SWAP = Topic(name="swap", describe=_describe_swap, rules=(find_plain_swap,))


@rule(
    id="PH115",
    severity=MEDIUM,
    words="addresses are not randomised (kernel.randomize_va_space < 2)",
    why="Without it, a single flaw in a program is enough to find its secrets and its code.",
    fix="Set kernel.randomize_va_space to 2, and remove the line that changes it from"
    " /etc/sysctl.conf or /etc/sysctl.d.",
    commands=sysctl_commands("kernel.randomize_va_space", "2"),
    source="proc_sys_kernel(5) randomize_va_space",
)
def find_fixed_addresses(case: HostCase) -> Match | None:
    """kernel.randomize_va_space is below 2."""
    value = case.host.randomize_va_space
    return Match() if value is not None and value < 2 else None


def _describe_randomisation(case: HostCase) -> Answer:
    value = case.host.randomize_va_space
    if value is None:
        return Answer(text="kernel.randomize_va_space cannot be read", is_known=False)
    return Answer(text=f"kernel.randomize_va_space is {value}")


RANDOMISATION = Topic(
    name="address randomisation", describe=_describe_randomisation, rules=(find_fixed_addresses,)
)
