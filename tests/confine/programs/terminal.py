"""Starts a JVM on a terminal and a confined tool elsewhere that has the terminal send it SIGQUIT.

terminal.py CONFINE JVM... prints "opened" when the tool found the JVM's attach socket, or "dumped"
when the JVM printed its threads instead. It answers ESC [6n as every terminal emulator does.
"""

import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).with_name("quit_key.py")

confine, *victim = sys.argv[1:]
jvm, terminal = pty.fork()
if not jvm:
    os.execvp(victim[0], victim)
tools: list[subprocess.Popen[bytes]] = []
sources = [terminal]
output, answer = b"", ""
while not answer:
    for source in select.select(sources, [], [])[0]:
        part = os.read(source, 4096)
        if source != terminal:
            answer = part.decode().strip() or "failed"
            continue
        output += part
        if b"\x1b[6n" in part:
            os.write(terminal, b"\x1b[1;1R")
    if b"ready" in output and not tools:
        argv = [confine, "--strict", "--", sys.executable, str(TOOL)]
        path = os.readlink(f"/proc/{jvm}/fd/0")
        tools.append(subprocess.Popen([*argv, str(jvm), path], stdout=subprocess.PIPE))
        sources += [tool.stdout.fileno() for tool in tools if tool.stdout]
    if b"Full thread dump" in output:
        answer = "dumped"
os.kill(jvm, signal.SIGKILL)
os.waitpid(jvm, 0)
for tool in tools:
    tool.kill()
    tool.wait()
for path in (f"/tmp/.java_pid{jvm}", f"/tmp/.attach_pid{jvm}"):
    Path(path).unlink(missing_ok=True)
print(answer)
