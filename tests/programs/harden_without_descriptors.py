"""Harden this process while it cannot open any file: by DEFAULT, STRICT or SEAL (the argument)."""

import os
import resource
import sys

import process_hardening as ph

policy = ph.STRICT.replace(seal=True) if sys.argv[1] == "SEAL" else getattr(ph, sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
ph.pre_main_hardening(policy)
os._exit(0)
