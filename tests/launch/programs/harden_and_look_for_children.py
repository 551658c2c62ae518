"""Harden this process by STRICT, print the outcome, then print whether that left a child."""

import os

import process_hardening as ph

WALL = 0x40000000  # __WALL of wait4(2): children of any kind

try:
    ph.harden(ph.STRICT)
    print("hardened")
except ph.HardeningError as error:
    print(error.exit_code)
try:
    print(os.waitpid(-1, os.WNOHANG | WALL))
except ChildProcessError:
    print("no children")
