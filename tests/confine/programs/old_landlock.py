"""Run a program on a kernel that says it has an older Landlock, by answering one system call.

Usage: old_landlock.py VERSION PROGRAM [ARG...]. Source: seccomp_unotify(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import sys

CREATE_RULESET, GET_VERSION = 444, 1
PIDFD_GETFD = 438
SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
SET_MODE_FILTER, NEW_LISTENER = 1, 8
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ASK = 0x7FFF0000, 0x7FC00000
NR, FLAGS = 0, 32  # in struct seccomp_data
NOTIFICATION = struct.Struct("=QII64x")
RECEIVE, ANSWER = 0xC0502100, 0xC0182101

libc = ctypes.CDLL(None, use_errno=True)


def install() -> int:
    """Install the filter; returns the descriptor that its questions come from."""
    code = [
        (LOAD, 0, 0, NR),
        (JUMP_IF_EQUAL, 0, 3, CREATE_RULESET),
        (LOAD, 0, 0, FLAGS),
        (JUMP_IF_EQUAL, 0, 1, GET_VERSION),
        (RETURN, 0, 0, ASK),
        (RETURN, 0, 0, ALLOW),
    ]
    text = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(text))
    libc.prctl(38, 1, 0, 0, 0)
    listener: int = libc.syscall(SECCOMP, SET_MODE_FILTER, NEW_LISTENER, program)
    if listener < 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    return listener


def answer(listener: int, version: int) -> None:
    """Answer every question with the version, until nobody is left who could ask."""
    poll = select.poll()
    poll.register(listener)
    while True:
        ((_, events),) = poll.poll()
        if events & select.POLLHUP:
            return
        question = bytearray(NOTIFICATION.size)
        fcntl.ioctl(listener, RECEIVE, question)
        identity, _, _ = NOTIFICATION.unpack(question)
        fcntl.ioctl(listener, ANSWER, struct.pack("=QqiI", identity, version, 0, 0))


def main() -> None:
    """Start the program and answer it."""
    version, argv = int(sys.argv[1]), sys.argv[2:]
    to_child, to_parent = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.write(to_parent[1], struct.pack("i", install()))
        os.read(to_child[0], 1)
        os.execv(argv[0], argv)
    (number,) = struct.unpack("i", os.read(to_parent[0], 4))
    listener = libc.syscall(PIDFD_GETFD, os.pidfd_open(child), number, 0)
    os.write(to_child[1], b"x")
    answer(listener, version)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
