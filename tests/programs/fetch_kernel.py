"""Fetch a kernel of Debian into the folder that is the only argument."""

from __future__ import annotations

import sys
from pathlib import Path

from tools import debian

debian.CACHE = Path(sys.argv[1])
debian.kernel("bookworm", "amd64", "amd64")
