"""Hold a secret (the argument), and hang in a debug window that should have shut long before."""

import ctypes
import sys

import process_hardening as ph

ph.harden()
buffer = ctypes.create_string_buffer(sys.argv[1].encode())
with ph.debuggable(0.05):
    print(ctypes.addressof(buffer), flush=True)
    ctypes.PyDLL(None).sleep(3600)  # holds the lock of the interpreter
