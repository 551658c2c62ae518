"""Start a command as nobody, as root's verify did: only the user changes. Kill it when it is done.

    python start_as_nobody.py FILE COMMAND...

It is done when FILE has a line. A process of nobody's is between, as the laboratory was.
"""

import os
import subprocess
import sys
import time

NOBODY = 65534

if "--between" not in sys.argv:
    words = [sys.executable, __file__, "--between", *sys.argv[1:]]
    sys.exit(subprocess.call(words, close_fds=False, user=NOBODY, group=NOBODY, extra_groups=[]))
path, command = sys.argv[2], sys.argv[3:]
with subprocess.Popen(command, close_fds=False) as process:
    while not (os.path.exists(path) and os.path.getsize(path)) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
