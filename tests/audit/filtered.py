"""Run a program on a kernel that lacks some calls: a seccomp filter makes them fail.

Usage: python3 filtered.py CALL... -- PROGRAM [ARG...], CALL being a row of CALLS.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_ENOTTY, _ENOSYS = 25, 38

# call: number on x86_64 and elsewhere, which argument must have which value, or None; the errno
CALLS = {
    # include/uapi/linux/pidfd.h: PIDFD_GET_INFO with a struct of 72 bytes
    "PIDFD_GET_INFO": ((16, 29), (1, 3 << 30 | 72 << 16 | 0xFF << 8 | 11), _ENOTTY),
    "pidfd_open": ((434, 434), None, _ENOSYS),
    "get_robust_list": ((274, 100), None, _ENOSYS),
}

_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000


def _rule(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def install(names: list[str]) -> None:
    """Make the calls fail for this process and for what it becomes."""
    program = b""
    for name in names:
        numbers, argument, errno = CALLS[name]
        number = numbers[0 if os.uname().machine == "x86_64" else 1]
        program += _rule(_LOAD, 0, 0, 0)
        if argument is None:
            program += _rule(_IF_EQUAL, 0, 1, number)
        else:
            position, value = argument
            program += _rule(_IF_EQUAL, 0, 3, number)
            program += _rule(_LOAD, 0, 0, 16 + 8 * position)
            program += _rule(_IF_EQUAL, 0, 1, value & 0xFFFFFFFF)
        program += _rule(_RETURN, 0, 0, _FAIL | errno)
    program += _rule(_RETURN, 0, 0, _ALLOW)
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program)
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    border = sys.argv.index("--")
    install(sys.argv[1:border])
    os.execv(sys.argv[border + 1], sys.argv[border + 1 :])
