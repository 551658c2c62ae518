"""Has its children hardened, then starts the program that its arguments name."""

import subprocess
import sys

import process_hardening as ph

ph.harden_children()
sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
