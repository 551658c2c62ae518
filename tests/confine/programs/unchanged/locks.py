"""Lock files, one of which a child then tries to lock too."""

import fcntl
import subprocess
import sys

code = "import fcntl; fcntl.flock(open('lock', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
with open("lock", "w") as lock, open("lock2", "w") as lock2:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print(subprocess.run([sys.executable, "-c", code], check=False, stderr=-3).returncode)
    fcntl.lockf(lock2, fcntl.LOCK_EX)
print("locked")
