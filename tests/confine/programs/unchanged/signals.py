"""Send signals to a child, to this process and to its thread."""

import os
import signal
import subprocess
import threading

child = subprocess.Popen(["sleep", "60"])
child.terminate()
print(child.wait())
signal.signal(signal.SIGUSR1, lambda *_: print("caught"))
os.kill(os.getpid(), signal.SIGUSR1)
signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
