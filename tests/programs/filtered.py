"""Start a program for which some system calls fail, or lie.

Usage: filtered.py CALL:ARGUMENT=VALUE:RESULT[,...]... -- PROGRAM [ARG...]

RESULT is the name of an error, or 0 for a call that claims success and does nothing, as in
`prctl:0=4:EPERM` (argument 0 of prctl is 4, PR_SET_DUMPABLE). The filter stays through exec.
Without root the program also gets no_new_privs, which the kernel wants for a filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

# From <linux/filter.h>, <linux/seccomp.h> and <linux/prctl.h>.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER_AT, ARGUMENTS_AT = 0, 16  # in struct seccomp_data
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

NUMBERS = {
    "x86_64": {
        "ioctl": 16,
        "memfd_secret": 447,
        "mlock": 149,
        "pidfd_open": 434,
        "prctl": 157,
        "prlimit64": 302,
        "seccomp": 317,
    },
    "aarch64": {
        "ioctl": 29,
        "memfd_secret": 447,
        "mlock": 228,
        "pidfd_open": 434,
        "prctl": 167,
        "prlimit64": 261,
        "seccomp": 277,
    },
}


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter; jumps count the instructions that they pass over."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def rule(text: str) -> list[bytes]:
    """The instructions for one argument of the command line."""
    call, condition, result = text.split(":")
    argument, value = map(int, condition.split("="))
    low_half = 0 if sys.byteorder == "little" else 4
    return [
        instruction(LOAD, NUMBER_AT),
        instruction(JUMP_IF_EQUAL, NUMBERS[os.uname().machine][call], if_false=3),
        instruction(LOAD, ARGUMENTS_AT + 8 * argument + low_half),
        instruction(JUMP_IF_EQUAL, value, if_false=1),
        instruction(RETURN, ERRNO | (0 if result == "0" else int(getattr(errno, result)))),
    ]


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(rules: list[str]) -> None:
    """Put the filter in force for this process and what it becomes."""
    code = [line for text in rules for one in text.split(",") for line in rule(one)] + [
        instruction(RETURN, ALLOW)
    ]
    program = Filter(len(code), b"".join(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getuid() and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


def main() -> None:
    """Install the filter and become the program."""
    end = sys.argv.index("--")
    install(sys.argv[1:end])
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
