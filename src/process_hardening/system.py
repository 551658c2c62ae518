"""Which system this is."""

import sys

IS_LINUX = sys.platform.startswith(("linux", "android"))
"""Whether the kernel is Linux, Android's included: /proc, prctl(2), memfds and LD_PRELOAD."""
