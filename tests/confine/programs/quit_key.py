"""Has a terminal send SIGQUIT to a JVM there, and waits for the socket that the JVM then opens.

quit_key.py PID TERMINAL: the last character of the emulator's own answer becomes the quit key.
"""

import os
import sys
import termios
import time
from pathlib import Path

pid, path = sys.argv[1:]
try:
    os.kill(int(pid), 3)
    sys.exit("the signal was not refused")
except PermissionError:
    pass
Path(f"/tmp/.attach_pid{pid}").touch()
terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
settings = termios.tcgetattr(terminal)
settings[3] |= termios.ISIG
settings[6][termios.VQUIT] = b"R"
termios.tcsetattr(terminal, termios.TCSANOW, settings)
os.write(terminal, b"\x1b[6n")
while not Path(f"/tmp/.java_pid{pid}").exists():
    time.sleep(0.02)
print("opened", flush=True)
