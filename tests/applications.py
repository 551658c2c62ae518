"""The framework examples as programs that run beside a test and hold a secret."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import support

psutil = support.import_module("psutil")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "frameworks"
PROGRAMS = Path(__file__).with_name("programs")


class Application:
    """A copy of an example in a folder of its user, and the secret that its workers load.

    home -- where it runs
    programs -- the tests' own programs, for the same user
    canary -- the secret
    log -- what it writes to standard error
    """

    def __init__(self, folder: Path, example: str) -> None:
        self.home = folder / "home"
        self.programs = folder / "programs"
        self.log = folder / "log"
        self.secret = folder / "secret"
        self.canary = f"canary-{secrets.token_hex(16)}"
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
            "JUPYTER_PATH": str(self.home),
            "PYTEST_PLUGINS": "pause",
            "PAUSE": f"{self.home}/pid",
        }

    @contextmanager
    def started(self, argv: list[str], *, user: bool) -> Iterator[Popen[str]]:
        """Run it, as the unprivileged user or as the test's, and kill all of it at the end.

        Other test runs on this machine cannot change fs.suid_dumpable meanwhile.
        """
        options = support.user_options() if user else {}
        setting = Path("/proc/sys/fs/suid_dumpable")
        with setting.open() as lock, self.log.open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_SH)
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


def find_descendants(pid: int) -> list[Any]:
    """Return the children of a process and theirs, as psutil objects."""
    return list(psutil.Process(pid).children(recursive=True))
