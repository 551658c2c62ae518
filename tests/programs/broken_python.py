"""Run process-hardening, with the arguments, in a Python that lacks functions which it needs."""

import os
import sys

from process_hardening.cli.main import main

del os.fsdecode, os.open, os.fspath
sys.exit(main())
