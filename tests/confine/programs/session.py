"""Starts a background job, then the arguments, in a session with a terminal of its own.

Prints whether the job was stopped: by then the other program has ended, or the job has stopped.
"""

import os
import pty
import signal
import sys

leader, terminal = pty.fork()
if leader:
    output = b""
    while b"\n" not in output:
        output += os.read(terminal, 4096)
    os.kill(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    print(output.splitlines()[0].decode())
    sys.exit()

job = os.fork()
if not job:
    os.setpgid(0, 0)
    while True:
        signal.pause()
while os.getpgid(job) != job:
    pass
program = os.fork()
if not program:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.execvp(sys.argv[1], [word.replace("JOB", str(job)) for word in sys.argv[1:]])
answer = ""
while not answer:
    pid, status = os.waitpid(-1, os.WUNTRACED)
    if pid == job:
        answer = "stopped"
    elif pid == program and not os.WIFSTOPPED(status):
        answer = "runs"
os.kill(job, signal.SIGKILL)
if answer == "stopped":
    os.kill(program, signal.SIGKILL)
os.write(1, f"{answer}\n".encode())
signal.pause()
