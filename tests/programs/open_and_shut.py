"""Open a debug window and shut it; with an argument, logging goes to standard output."""

import logging
import sys

import process_hardening as ph

if sys.argv[1:]:
    logging.basicConfig(format="%(name)s:%(levelname)s:%(message)s", stream=sys.stdout)
ph.harden()
with ph.debuggable(30):
    pass
