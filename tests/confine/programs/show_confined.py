"""Print what status() says of this process being confined."""

from __future__ import annotations

import process_hardening

print(process_hardening.status().confined)
