"""Run a command of process-hardening where sys.platform names another system.

Usage: python elsewhere.py SYSTEM COMMAND [ARGUMENT...]
"""

import argparse
import sys

assert argparse  # the standard library's modules are of this system
sys.platform = sys.argv[1]

from process_hardening.cli.main import main  # noqa: E402 -- after the system is another one

sys.exit(main(sys.argv[2:]))
