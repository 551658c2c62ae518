"""Print this process's status, unhardened."""

import process_hardening as ph

print(ph.status())
