"""`python -m process_hardening.tui` = `process-hardening-tui`."""

import sys

from process_hardening.tui.main import main

if __name__ == "__main__":
    sys.exit(main())
