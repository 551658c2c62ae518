"""Start a program for which some system calls fail, or lie: a seccomp filter answers them.

Usage: filtered.py RULE... -- PROGRAM [ARG...]. A RULE is one of these, or several with commas:

    CALL=RESULT                 every such call
    CALL(fd)=RESULT             unless argument 0 is -1
    CALL:ARGUMENT=VALUE:RESULT  if that argument has this value: prctl:0=4:EPERM (PR_SET_DUMPABLE)

RESULT is the name of an error, or 0 for a call that claims success and does nothing. Values are
compared by their low half. The filter stays through exec. Without root the program also gets
no_new_privs, which the kernel wants for a filter.
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

# Those from 424 on have one number everywhere.
COMMON = {
    "pidfd_open": 434,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "close_range": 436,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
    "memfd_secret": 447,
}
NUMBERS = {
    "x86_64": {
        "capget": 125,
        "capset": 126,
        "clone": 56,
        "close": 3,
        "dup3": 292,
        "execveat": 322,
        "faccessat": 269,
        "fchmod": 91,
        "fcntl": 72,
        "get_robust_list": 274,
        "geteuid": 107,
        "getpid": 39,
        "getxattr": 191,
        "ioctl": 16,
        "kill": 62,
        "memfd_create": 319,
        "mkdirat": 258,
        "mlock": 149,
        "mmap": 9,
        "open_by_handle_at": 304,
        "openat": 257,
        "prctl": 157,
        "preadv": 295,
        "prlimit64": 302,
        "read": 0,
        "rt_sigpending": 127,
        "rt_sigprocmask": 14,
        "rt_sigtimedwait": 128,
        "seccomp": 317,
        "sendfile": 40,
        "setns": 308,
        "shutdown": 48,
        "socketpair": 53,
        "statx": 332,
        "unshare": 272,
        "wait4": 61,
        "write": 1,
    },
    "aarch64": {
        "capget": 90,
        "capset": 91,
        "clone": 220,
        "close": 57,
        "dup3": 24,
        "execveat": 281,
        "faccessat": 48,
        "fchmod": 52,
        "fcntl": 25,
        "get_robust_list": 100,
        "geteuid": 175,
        "getpid": 172,
        "getxattr": 8,
        "ioctl": 29,
        "kill": 129,
        "memfd_create": 279,
        "mkdirat": 34,
        "mlock": 228,
        "mmap": 222,
        "open_by_handle_at": 265,
        "openat": 56,
        "prctl": 167,
        "preadv": 69,
        "prlimit64": 261,
        "read": 63,
        "rt_sigpending": 136,
        "rt_sigprocmask": 135,
        "rt_sigtimedwait": 137,
        "seccomp": 277,
        "sendfile": 71,
        "setns": 268,
        "shutdown": 210,
        "socketpair": 199,
        "statx": 291,
        "unshare": 97,
        "wait4": 260,
        "write": 64,
    },
}


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter; jumps count the instructions that they pass over."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def load_argument(number: int) -> bytes:
    """The instruction that reads the low half of an argument."""
    low_half = 0 if sys.byteorder == "little" else 4
    return instruction(LOAD, ARGUMENTS_AT + 8 * number + low_half)


def compile_rule(text: str) -> bytes:
    """The instructions for one rule."""
    call, colon, condition = text.partition(":")
    if colon:
        argument, value, result = condition.replace(":", "=").split("=")
        check = [
            load_argument(int(argument)),
            instruction(JUMP_IF_EQUAL, int(value), if_false=1),
        ]
    else:
        call, _, result = text.partition("=")
        check = []
        if call.endswith("(fd)"):
            check = [load_argument(0), instruction(JUMP_IF_EQUAL, 0xFFFFFFFF, if_true=1)]
    number = {**COMMON, **NUMBERS[os.uname().machine]}[call.removesuffix("(fd)")]
    answer = ERRNO | (0 if result == "0" else int(getattr(errno, result)))
    body = [*check, instruction(RETURN, answer)]
    start = [
        instruction(LOAD, NUMBER_AT),
        instruction(JUMP_IF_EQUAL, number, if_false=len(body)),
    ]
    return b"".join([*start, *body])


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(rules: list[str]) -> None:
    """Put the filter in force for this process and what it becomes."""
    code = b"".join(compile_rule(one) for text in rules for one in text.split(","))
    code += instruction(RETURN, ALLOW)
    program = Filter(len(code) // 8, code)
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
