"""Raise the core limit of a process (the argument), as an attacker who wants it to leave a core."""

import resource
import sys

pid = int(sys.argv[1])
hard = resource.prlimit(pid, resource.RLIMIT_CORE)[1] or resource.RLIM_INFINITY
resource.prlimit(pid, resource.RLIMIT_CORE, (hard, hard))
