"""The framework examples as programs that run beside a test and hold a secret."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

import support
from process_hardening.verify.attacks.tools.debugpy_client import reserve_port

psutil = support.import_module("psutil")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "frameworks"
PROGRAMS = Path(__file__).with_name("programs")
BLOCKED = {"process_vm_readv": "EPERM", "mem": "EACCES"}
"""What Application.scan() returns when the kernel refuses it."""


_reserved: list[socket.socket] = []
"""Where applications listen, or will: reserved until the tests end."""


class Application:
    """A copy of an example in a folder of its user, and the secret that its workers load.

    home -- where it runs
    programs -- the tests' own programs, for the same user
    port -- where it listens, unless it listens at home/socket
    canary -- the secret
    log -- what it writes to standard error
    """

    def __init__(self, folder: Path, example: str | Path) -> None:
        self.home = folder / "home"
        self.programs = folder / "programs"
        self.log = folder / "log"
        self.secret = folder / "secret"
        self.canary = f"canary-{secrets.token_hex(16)}"
        _reserved.append(reserve_port())
        self.port: int = _reserved[-1].getsockname()[1]
        shutil.copytree(EXAMPLES / example, self.home)
        shutil.copytree(PROGRAMS, self.programs)
        self.secret.write_text(self.canary)
        if os.getuid() == 0:
            os.chown(self.home, support.USER, support.USER)

    def environment(self) -> dict[str, str]:
        """Return its environment: the settings of its framework, nothing of the test's."""
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.home),
            "PYTHONPATH": f"{self.home}:{self.programs}",
            "SECRET_FILE": str(self.secret),
            "GUNICORN_CMD_ARGS": f"--bind unix:{self.home}/socket --no-control-socket",
            "UVICORN_UDS": f"{self.home}/socket",
            "PORT": str(self.port),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.home}/bus",
            "JUPYTER_PATH": str(self.home),
            "PYTEST_PLUGINS": "pause",
            "PYTEST_ADDOPTS": os.environ.get("PYTEST_ADDOPTS", ""),
            "PAUSE": f"{self.home}/pid",
        }

    @contextmanager
    def started(self, argv: list[str], *, user: bool) -> Iterator[Popen[str]]:
        """Run it, as the unprivileged user or as the test's, and kill all of it at the end."""
        options = support.user_options() if user else {}
        with self.log.open("w") as log:
            process = Popen(
                argv,
                cwd=self.home,
                env=self.environment(),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                text=True,
                **options,
            )
            try:
                yield process
            finally:
                children = find_descendants(process.pid) if process.poll() is None else []
                process.kill()  # first, or it would replace the workers
                for child in children:
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
                process.communicate(timeout=support.TIMEOUT)

    def until(self, process: Popen[str], attempt: Callable[[], str]) -> int:
        """Return the pid that an attempt gives, once it gives one."""
        deadline = time.monotonic() + support.TIMEOUT
        while time.monotonic() < deadline and process.poll() is None:
            answer = attempt()
            if answer:
                return int(answer)
            time.sleep(0.05)
        pytest.fail(f"no answer ({process.poll()}): {self.log.read_text()}")

    def printed(self, process: Popen[str]) -> int:
        """Return the pid that it prints when the secret is loaded."""
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, self.log.read_text()
        return int(line)

    def request(self) -> str:
        """Return the answer to a request, or "" while nobody listens."""
        path = self.home / "socket"
        kind, address = (
            (socket.AF_UNIX, str(path))
            if path.exists()
            else (socket.AF_INET, ("127.0.0.1", self.port))
        )
        with socket.socket(kind) as connection:
            try:
                connection.connect(address)
                connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                with connection.makefile() as answer:
                    return answer.read().rpartition("\n")[2]
            except OSError:
                return ""

    def requested(self, process: Popen[str]) -> int:
        """Return the pid of the worker that answers a request."""
        return self.until(process, self.request)

    def written(self, process: Popen[str], file: Path) -> int:
        """Return the pid that is written into a file."""
        return self.until(process, lambda: file.read_text().strip() if file.exists() else "")

    def scan(self, pid: int, user: int = support.USER) -> dict[str, str]:
        """Return what each way to read memory gives to another process of a user."""
        scan = [sys.executable, str(self.programs / "scan.py"), str(pid), self.canary]
        options = {"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}
        result = support.run(scan, **options)
        assert result.returncode == 0, result.stderr
        outcomes: dict[str, str] = json.loads(result.stdout)
        return outcomes


def find_descendants(pid: int) -> list[Any]:
    """Return the children of a process and theirs, as psutil objects."""
    return list(psutil.Process(pid).children(recursive=True))


def find_by_inner_pid(process: Popen[str], inner: int) -> int:
    """Return the pid here of a descendant that has another one in its own namespace."""
    for one in find_descendants(process.pid):
        if re.search(rf"^NSpid:.*\t{inner}$", Path(f"/proc/{one.pid}/status").read_text(), re.M):
            return int(one.pid)
    pytest.fail(f"no process {inner}")
