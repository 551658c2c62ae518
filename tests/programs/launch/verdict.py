"""Prints the verdict of status()."""

import process_hardening as ph

print(ph.status().verdict)
