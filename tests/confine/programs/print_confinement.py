"""Print whether this kernel confines, and why not."""

import process_hardening as ph

kernel = ph.confinement()
print(bool(kernel), kernel.reason)
