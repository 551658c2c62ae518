"""Become nobody, by separate.py or plainly, as the argument says; print "ready" and wait."""

import os
import sys

from process_hardening.separate import become_user

NOBODY = 65534


def wait() -> None:
    """Say that we are ready, and wait until the input ends."""
    print("ready", flush=True)
    sys.stdin.read()


match sys.argv[1]:
    case "separate":
        become_user(NOBODY, NOBODY)
        wait()
    case "plain":
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os.execv(sys.executable, [sys.executable, __file__, "wait"])
    case "wait":
        wait()
