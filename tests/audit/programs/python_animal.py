"""A Python of the zoo: does what its arguments say, then reports what it knows about itself.

Arguments: harden, reexec, import (many libraries), trace-thread, wait (for a line),
fork-exec PROGRAM...
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading

_PR_SET_PDEATHSIG, _PR_GET_DUMPABLE = 1, 3
_PTRACE_SEIZE = 0x4206

libc = ctypes.CDLL(None, use_errno=True)


def report() -> None:
    """Print pid, dumpable, core limit, tracer of any thread and mapped code, as animal.c does."""
    tracers = [0]
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/status") as status:
            tracers += [int(line.split()[1]) for line in status if line.startswith("TracerPid:")]
    with open("/proc/self/maps") as maps:
        rows = [line.rstrip("\n").split(maxsplit=5) for line in maps]
    code = [row[5] for row in rows if "x" in row[1] and len(row) == 6 and row[5].startswith("/")]
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    dumpable = libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    print("\t".join([f"{os.getpid()} {dumpable} {soft} {hard} {max(tracers)}", *code]), flush=True)


def trace_thread() -> int:
    """Start a thread and a child that traces it; return the child's pid."""
    ids, never, done = os.pipe(), os.pipe(), os.pipe()

    def wait_in_thread() -> None:
        os.write(ids[1], b"%d" % threading.get_native_id())
        os.read(never[0], 1)

    threading.Thread(target=wait_in_thread, daemon=True).start()
    thread = int(os.read(ids[0], 20))
    child = os.fork()
    if not child:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if libc.ptrace(_PTRACE_SEIZE, thread, 0, 0):
            os._exit(1)
        os.write(done[1], b"x")
        os.read(never[0], 1)
    os.read(done[0], 1)
    return child


def main() -> None:
    """Obey the arguments, in their order."""
    for position, word in enumerate(sys.argv[1:], 2):
        if word == "harden":
            import process_hardening

            process_hardening.pre_main_hardening()
        elif word == "reexec":
            import process_hardening

            process_hardening.pre_main_hardening(reexec=True)
        elif word == "import":
            import decimal
            import json
            import sqlite3
            import ssl

            assert decimal
            assert json
            assert sqlite3
            assert ssl
        elif word == "trace-thread":
            trace_thread()
        elif word == "wait":
            report()
            sys.stdin.readline()
        elif word == "fork-exec":
            if os.fork() == 0:
                os.execv(sys.argv[position], sys.argv[position:])
            os.wait()
            return
    report()
    sys.stdin.read()


if __name__ == "__main__":
    main()
