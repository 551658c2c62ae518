"""Start a web server, ask it 200 times, end it: serve.py COMMAND..."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

REQUESTS = 200
SOCKET = str(Path("socket").resolve())


def ask(number: int) -> str:
    """The body of the answer, or "" when nobody listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(SOCKET)
        except OSError:
            return ""
        connection.sendall(f"GET /{number} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile() as answer:
            return answer.read().rpartition("\n")[2]


settings = {"GUNICORN_CMD_ARGS": f"--bind unix:{SOCKET}", "UVICORN_UDS": SOCKET}
with open("server.log", "w") as log:
    server = subprocess.Popen(sys.argv[1:], env={**os.environ, **settings}, stdout=log, stderr=log)
while not ask(0):
    if server.poll() is not None:
        sys.exit(Path("server.log").read_text())
    time.sleep(0.1)
right = sum(ask(number) == str(2 * number) for number in range(REQUESTS))
server.terminate()
print(f"{right} of {REQUESTS} answers right, ended with {server.wait(60)}")
