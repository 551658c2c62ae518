"""How programs start on the machine under test, and who finds them."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

NOBODY = 65534
SECONDS = 900
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin", "LANG": "C.UTF-8"}
COMMAND = [sys.executable, "-m", "process_hardening"]

_STARTED = "started"
_ECHO = ["/usr/bin/echo", _STARTED]

SLEEPER = "/zoo/sleeper"
_NAME = os.path.basename(SLEEPER)
# How people find a program: each prints the pid.
FINDERS: dict[str, list[str]] = {
    "pgrep -x": ["pgrep", "-x", _NAME],
    "pidof": ["pidof", _NAME],
    "killall": ["killall", "--verbose", "--signal", "0", _NAME],
    "ps -C": ["ps", "-o", "pid=", "-C", _NAME],
    "start-stop-daemon --exec": ["start-stop-daemon", "--stop", "--test", "--exec", SLEEPER],
    "audit --name": [*COMMAND, "audit", "--json", "--fail-on", "never", "--name", _NAME],
}


def run_as(
    uid: int, argv: Sequence[str], limited: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program. limited -- it can write no file, wherever that is."""

    def limit() -> None:
        if limited:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    return subprocess.run(
        argv,
        env=ENVIRONMENT,
        user=uid,
        group=uid,
        extra_groups=[],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _start(argv: Sequence[str], limited: bool = False) -> dict[str, Any]:
    """How a launcher ends that a user gives a program, and whether the program started."""
    done = run_as(NOBODY, argv, limited)
    started = _STARTED in done.stdout.split()
    return {"status": done.returncode, "started": started, "said": done.stderr.strip()}


def try_refusals(limited: bool) -> dict[str, Any]:
    """How a program that cannot be started execute-only is refused."""
    options = ["--method", "execute-only", "--", *_ECHO]
    again = (
        f"import process_hardening as ph; ph.pre_main_hardening(reexec=True); print({_STARTED!r})"
    )
    return {
        "harden": _start(["harden", *options], limited),
        "run": _start([*COMMAND, "run", *options], limited),
        "reexec": _start([sys.executable, "-c", again], limited),
    }


def try_confining() -> dict[str, Any]:
    """The version of Landlock here, and how `confine` starts a program."""
    from process_hardening import confinement

    return {
        "landlock": confinement().landlock,
        "confine": _start(["confine", "--", *_ECHO]),
        "strict": _start(["confine", "--strict", "--", *_ECHO]),
    }


def find_method(limited: bool) -> str:
    """The method that `harden` chooses for a user's program; "" where it refuses."""
    done = run_as(NOBODY, ["harden", "--explain", "--", SLEEPER], limited)
    lines = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    return lines.get("method", "").strip()


def search() -> dict[str, list[str]]:
    """Who does not find a program that `harden` started: the user who asks to the tools."""
    process = subprocess.Popen(
        ["harden", "--", SLEEPER, "infinity"],
        env=ENVIRONMENT,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
    )
    pid = re.compile(rf"\b{process.pid}\b")
    try:
        while not _is_named(process.pid):
            if process.poll() is not None:
                raise RuntimeError(f"harden {SLEEPER} ended with {process.returncode}")
            time.sleep(0.01)
        missed: dict[str, list[str]] = {}
        for name, uid in (("root", 0), ("user", NOBODY)):
            for tool, argv in FINDERS.items():
                done = run_as(uid, argv)
                if not pid.search(done.stdout + done.stderr):
                    missed.setdefault(name, []).append(tool)
        return missed
    finally:
        process.kill()
        process.wait()


def _is_named(pid: int) -> bool:
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip() == _NAME
