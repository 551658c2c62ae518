#!/usr/bin/env python3
"""Wait like an idle server, which catches SIGQUIT: the first ends it, unless it is to stay."""

import signal
import sys
import time

signal.signal(signal.SIGQUIT, signal.SIG_IGN if "--stay" in sys.argv else lambda *_: sys.exit(0))
while True:
    time.sleep(1)
