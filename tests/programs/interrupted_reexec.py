"""Starts itself again while it gets signals; prints how it was started, and its image."""

import contextlib
import os
import signal
import time

import process_hardening as ph

SENDER = "TEST_SENDER_RUNS"

signal.signal(signal.SIGWINCH, lambda *_: None)
if SENDER not in os.environ:
    os.environ[SENDER] = "1"
    program = os.getpid()
    if not os.fork():
        os.closerange(0, 3)  # whoever reads the output need not wait for the sender
        end = time.monotonic() + 0.5
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < end:
                os.kill(program, signal.SIGWINCH)
        os._exit(0)
print(ph.pre_main_hardening(reexec=True).started, os.readlink("/proc/self/exe"))
