"""Start a confined child before and after a fork; the second tries to read its parent."""

import os
import subprocess

import process_hardening as ph

ph.popen_confined(["true"]).wait()
if not os.fork():
    read = ["cat", f"/proc/{os.getppid()}/environ"]
    print(ph.popen_confined(read, stderr=subprocess.DEVNULL).wait(), flush=True)
    os._exit(0)
os.wait()
