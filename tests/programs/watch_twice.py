"""Watch this process within a block, then until it ends."""

import process_hardening as ph

ph.harden()
with ph.watch(0.01) as one:
    assert one.is_running
assert not one.is_running
ph.watch(3600)
print("end")
