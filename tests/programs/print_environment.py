"""Prints its own verdict, and the environment that a child of it gets."""

import subprocess

import process_hardening as ph

print(ph.status().verdict, flush=True)
subprocess.run(["env"], check=True)
