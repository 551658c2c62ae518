"""Run a tool and look for the secrets in its output and in the files it made."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from process_hardening.verify.attacks.reading import search_chunks
from process_hardening.verify.model import Attempt, Target

OUTPUT = "output"
"""The name of the file that receives a tool's output."""

_MAX_OUTPUT = 64 << 20
_LONGEST_MESSAGE = 200
TIMEOUT = 25.0
"""Seconds after which an attack with a tool is stopped."""

# Tools report a refusal only in their output. The clearest pattern comes first.
_REFUSAL = (
    re.compile(r"not permitted|permission|denied|is limited", re.I),
    re.compile(r"no such process|unable to|fail|^(\w+\.)*\w*(Error|Exception)\b", re.I),
)


def find_program(name: str) -> str | None:
    """Find a program next to this interpreter, or else in PATH, and return its path."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.access(beside, os.X_OK) else shutil.which(name)


def find_missing_program(name: str, install: str) -> str | None:
    """Return why a program cannot be used and how to install it, or None."""
    return None if find_program(name) else f"{name} is not installed: {install}"


def find_missing_module(name: str) -> str | None:
    """Return why a Python module cannot be used and how to install it, or None."""
    if importlib.util.find_spec(name):
        return None
    return f"{name} is not installed: pip install {name}"


def find_missing_python(*version: int) -> str | None:
    """Return why this Python is too old, or None."""
    if sys.version_info >= version:
        return None
    return f"needs Python {'.'.join(map(str, version))} or later"


def make_environment(folder: str) -> dict[str, str]:
    """Return an environment in which a tool writes its own files into the attack's directory."""
    return {**os.environ, "HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder}


def _read_chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while data := file.read(1 << 22):
            yield data


def search_files(target: Target) -> tuple[str, ...]:
    """Return the places of the secrets found in files of the attack's directory."""
    places: list[str] = []
    for folder, _, names in os.walk(target.folder):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                places += search_chunks(target, _read_chunks(path))[0]
    return tuple(dict.fromkeys(places))


def summarize_output(output: str, target: Target) -> tuple[str, bool]:
    """Return the line that says why a tool failed, and True; or else the last line, and False.

    The line may quote the target's memory.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in _REFUSAL:
        matching = [line for line in lines if pattern.search(line)]
        if matching:
            return _generalize(matching[-1], target), True
    return _generalize(lines[-1], target) if lines else "no output", False


def _generalize(text: str, target: Target) -> str:
    """Remove from a text everything that differs between targets."""
    text = text.replace(target.folder, "DIR")
    return re.sub(rf"\b{target.pid}\b", "PID", text)[:_LONGEST_MESSAGE]


def run_tool(
    target: Target,
    argv: Sequence[str],
    *,
    makes: str | None = None,
    wait_for: str | None = None,
    seconds: float = 8.0,
    commands: bytes = b"",
    until_leak: bool = False,
) -> Attempt:
    """Run a tool and look for the secrets in its output and in the files it made.

    makes -- a pattern for the files into which the tool writes the target's data; OUTPUT: the tool
        prints the data if it succeeds; None: no files
    wait_for -- a file that code in the target creates, perhaps after the tool has exited
    seconds -- the time after which the tool is interrupted; with until_leak, it is interrupted as
        soon as it has a secret
    commands -- the tool's standard input
    """
    output = os.path.join(target.folder, OUTPUT)
    with open(output, "wb") as sink:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=target.folder,
            env=make_environment(target.folder),
        )
        assert process.stdin
        with suppress(BrokenPipeError):
            process.stdin.write(commands)
            process.stdin.close()
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
            if until_leak and search_files(target):
                break
        ended = _interrupt(process)
    if wait_for and not process.returncode:
        deadline = time.monotonic() + 1.0
        while not os.path.exists(wait_for) and time.monotonic() < deadline:
            time.sleep(0.01)
    places = search_files(target)
    with open(output, encoding="utf-8", errors="replace") as file:
        line, refused = summarize_output(file.read(_MAX_OUTPUT), target)
    if places:
        return Attempt(True, f"{os.path.basename(argv[0])} got the secret", places=places)
    size = _measure(target.folder, makes) if makes != OUTPUT or not process.returncode else 0
    words = [f"it got {size} bytes"] if size else []
    if not ended:
        words.append("it had to be killed")
    return Attempt(
        message="; ".join(words),
        output=line,
        refused=refused and not size,
        empty=not refused and not size,
    )


def _measure(folder: str, pattern: str | None) -> int:
    """Return the total size of the files in a folder whose names match."""
    if pattern is None:
        return 0
    return sum(path.stat().st_size for path in Path(folder).glob(pattern))


def _interrupt(process: subprocess.Popen[bytes]) -> bool:
    """Interrupt a tool so that it can detach; if necessary, kill it. Returns False if killed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if process.poll() is not None:
            return True
        process.send_signal(number)
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
        process.wait()
        return False
    return True


# Runs inside the target.
_PAYLOAD = """\
import gc, os
texts = {{value for value in os.environ.values()}}
for thing in gc.get_objects():
    for value in gc.get_referents(thing):
        if type(value) is str or type(value) is bytes:
            texts.add(value)
with open({path!r} + ".part", "w", errors="surrogateescape") as file:
    for text in texts:
        file.write(repr(text) + "\\n")
os.rename({path!r} + ".part", {path!r})
"""


def make_payload(target: Target) -> tuple[str, str]:
    """Return Python code that writes all strings of its process to a file, and the file's path."""
    path = os.path.join(target.folder, "strings")
    return _PAYLOAD.format(path=path), path
