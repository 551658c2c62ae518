"""Identifies the operating system."""

import sys

IS_LINUX = sys.platform.startswith(("linux", "android"))
"""Whether the kernel is Linux (or Android's), with /proc, prctl(2), memfds and LD_PRELOAD."""
