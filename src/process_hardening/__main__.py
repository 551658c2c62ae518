"""`python -m process_hardening`: the command line."""

import sys

from process_hardening.cli.main import main

sys.exit(main())
