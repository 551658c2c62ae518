"""Set a limit of this process; read it, and one of the parent's."""

import os
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
print(resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE))
print(resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)[1])
