"""Start a program for which whole system calls fail, or claim to succeed without being made.

Usage: refused.py CALL=RESULT... -- PROGRAM [ARG...], where RESULT is the name of an error, or 0.
CALL(fd) means the call when its first argument is not -1.
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
FIRST_ARGUMENT = 16  # its low half, in struct seccomp_data
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

# The calls of the launchers; those from 424 on have one number everywhere.
COMMON = {
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "close_range": 436,
    "landlock_create_ruleset": 444,
    "landlock_restrict_self": 446,
}
NUMBERS = {
    "x86_64": {
        "clone": 56,
        "execveat": 322,
        "faccessat": 269,
        "fchmod": 91,
        "geteuid": 107,
        "kill": 62,
        "memfd_create": 319,
        "mkdirat": 258,
        "prctl": 157,
        "prlimit64": 302,
        "seccomp": 317,
        "sendfile": 40,
        "setns": 308,
        "socketpair": 53,
        "statx": 332,
        "unshare": 272,
    },
    "aarch64": {
        "clone": 220,
        "execveat": 281,
        "faccessat": 48,
        "fchmod": 52,
        "geteuid": 175,
        "kill": 129,
        "memfd_create": 279,
        "mkdirat": 34,
        "prctl": 167,
        "prlimit64": 261,
        "seccomp": 277,
        "sendfile": 71,
        "setns": 268,
        "socketpair": 199,
        "statx": 291,
        "unshare": 97,
    },
}


def main() -> None:
    """Install the filter and become the program."""
    end = sys.argv.index("--")
    numbers = {**COMMON, **NUMBERS[os.uname().machine]}
    code = [(LOAD, 0, 0, 0)]
    for word in sys.argv[1:end]:
        call, _, result = word.partition("=")
        answer = 0 if result == "0" else getattr(errno, result)
        number = numbers[call.removesuffix("(fd)")]
        refuse = [(RETURN, 0, 0, ERRNO | answer)]
        if call.endswith("(fd)"):
            refuse = [(LOAD, 0, 0, FIRST_ARGUMENT), (JUMP_IF_EQUAL, 1, 0, 0xFFFFFFFF), *refuse]
            refuse.append((LOAD, 0, 0, 0))
        code += [(JUMP_IF_EQUAL, 0, len(refuse), number), *refuse]
    code.append((RETURN, 0, 0, ALLOW))
    text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0
    ):
        raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
