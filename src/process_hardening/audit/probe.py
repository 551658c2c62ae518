"""Checks whether a root process can be inspected, on kernels that do not report the dumpable flag.

The probe is get_robust_list(2) on the process. The kernel applies the same rule to this call as to
reading memory (PTRACE_MODE_READ_REALCREDS), but the call only returns an address: it neither
attaches nor reads memory.
Without an effective CAP_SYS_PTRACE, and with equal ids and capabilities, only the dumpable flag
decides (__ptrace_may_access() in kernel/ptrace.c).
"""

from __future__ import annotations

import os

from process_hardening.audit.procfs import parse_bits, parse_numbers, parse_status

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable

# arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h
_GET_ROBUST_LIST = {"x86_64": 274, "aarch64": 100, "riscv64": 100, "loongarch64": 100}

_CAP_SYS_PTRACE = 1 << 19
_VERSION_3 = 0x20080522  # capget(2)


def _same_rights(theirs: dict[str, bytes], ours: dict[str, bytes]) -> bool:
    """Return whether only the dumpable flag can make the kernel refuse us."""
    for name in ("Uid", "Gid"):
        them, us = parse_numbers(theirs, name), parse_numbers(ours, name)
        if not them or not us or len({*them[:3], us[0]}) != 1:
            return False
    them_bits, us_bits = parse_bits(theirs, "CapPrm"), parse_bits(ours, "CapPrm")
    return them_bits is not None and us_bits is not None and not them_bits & ~us_bits


def is_inspectable(pid: int, status: dict[str, bytes]) -> bool | None:
    """Return whether another process with the same rights can read a root process; None: unknown.

    status -- the fields of its /proc/PID/status

    False is reliable only for a process in our user namespace.
    """
    number = _GET_ROBUST_LIST.get(os.uname().machine)
    if os.geteuid() or number is None:
        return None
    with open("/proc/thread-self/status", "rb") as file:
        own = parse_status(file.read())
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def may_read() -> bool:
        address, size = ctypes.c_void_p(), ctypes.c_size_t()
        return not libc.syscall(number, pid, ctypes.byref(address), ctypes.byref(size))

    effective = parse_bits(own, "CapEff") or 0
    if not effective & _CAP_SYS_PTRACE:
        # Success proves that the process can be inspected. A refusal proves nothing: it may come
        # from a security module.
        return True if may_read() else None
    allowed_at_all = may_read()
    readable = _without_ptrace(libc, may_read)
    if readable:
        return True
    return False if allowed_at_all and readable is False and _same_rights(status, own) else None


def _without_ptrace(libc: object, call: Callable[[], bool]) -> bool | None:
    """Call a function without an effective CAP_SYS_PTRACE; None if it cannot be dropped."""
    import ctypes

    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data):  # type: ignore[attr-defined]  # a ctypes library
        return None
    data[0] &= ~_CAP_SYS_PTRACE & 0xFFFFFFFF  # effective, permitted, inheritable; the low halves
    if libc.capset(header, data):  # type: ignore[attr-defined]
        return None
    try:
        return call()
    finally:
        data[0] |= _CAP_SYS_PTRACE
        if libc.capset(header, data):  # type: ignore[attr-defined]
            raise OSError(ctypes.get_errno(), "capset: cannot restore CAP_SYS_PTRACE")
