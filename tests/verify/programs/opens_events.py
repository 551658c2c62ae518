"""Call open_inherited_events() with room for one descriptor, then twice with room for all.

Prints how many descriptors are open and not in the caller's hands.
"""

import os
import resource
from contextlib import suppress

from process_hardening.verify.attacks.perf_event_open import open_inherited_events

LIMIT = resource.RLIMIT_NOFILE


def list_descriptors() -> set[int]:
    """Return what is open here."""
    return {int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/dev/fd/{name}")}


before = list_descriptors()
soft, hard = resource.getrlimit(LIMIT)
events: dict[int, int] = {}
resource.setrlimit(LIMIT, (max(before) + 2, hard))
with suppress(OSError):
    open_inherited_events(os.getpid(), events)
resource.setrlimit(LIMIT, (soft, hard))
for _ in range(2):
    open_inherited_events(os.getpid(), events)
print(len(list_descriptors() - before - {*events.values()}))
