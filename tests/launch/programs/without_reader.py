"""Become a program whose standard error is a pipe without a reader, and SIGPIPE open or blocked.

Usage: without_reader.py open|blocked PROGRAM [ARG...]
"""

import os
import signal
import sys

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if sys.argv[1] == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 2)
os.close(writer)
os.execv(sys.argv[2], sys.argv[2:])
