"""Running a tool, and looking for the secret in all that it gave."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import IO

from process_hardening.verify.model import TOOL, Attack, Attempt, Target

_MAX_OUTPUT = 64 << 20
_REFUSAL = (
    re.compile(r"not permitted|permission|denied", re.I),
    re.compile(r"no such process|unable to|fail|^(\w+\.)*\w*(Error|Exception)\b", re.I),
)


def find(program: str) -> str | None:
    """The path of a program: beside this interpreter, or in PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), program)
    return beside if os.access(beside, os.X_OK) else shutil.which(program)


def needs_program(program: str, install: str) -> Callable[[], str | None]:
    """The needs() of an attack with a program."""
    return lambda: None if find(program) else f"{program} is not installed: {install}"


def needs_module(module: str, *programs: str) -> Callable[[], str | None]:
    """The needs() of an attack with a Python module, and programs that it uses in turn."""

    def needs() -> str | None:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install {module}"
        for program in programs:
            if not find(program):
                return f"{module} needs {program}: apt-get install {program}"
        return None

    return needs


def needs_python(*version: int) -> Callable[[], str | None]:
    """The needs() of an attack that came with a version of Python."""
    wanted = ".".join(map(str, version))
    return lambda: (
        None if sys.version_info >= version else f"it needs Python {wanted}, this is older"
    )


def environment(folder: str) -> dict[str, str]:
    """A tool's environment: what it keeps, it keeps in the attack's folder."""
    return {**os.environ, "HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder}


def found_in_files(target: Target) -> tuple[str, ...]:
    """The places whose secret is in a file of the attack's folder."""
    places: list[str] = []
    overlap = max(map(len, target.needles.values()))
    for folder, _, names in os.walk(target.folder):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                tail = b""
                while data := file.read(1 << 22):
                    places += target.found_in(tail + data)
                    tail = data[-overlap:]
    return tuple(dict.fromkeys(places))


def last_words(output: str, target: Target) -> tuple[str, bool]:
    """The line in which a tool says why it failed, else its last; and whether it did fail."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in _REFUSAL:
        matching = [line for line in lines if pattern.search(line)]
        if matching:
            return _for_any(matching[-1], target)[:200], True
    return _for_any(lines[-1], target)[:200] if lines else "it said nothing", False


def _for_any(text: str, target: Target) -> str:
    """Text without what differs from target to target."""
    return re.sub(rf"\b{target.pid}\b", "PID", text.replace(target.folder, "DIR"))


def show(argv: Sequence[str], target: Target) -> str:
    """A command line as a person would write it."""
    words = [_for_any(word, target) for word in argv]
    return shlex.join([os.path.basename(words[0]), *words[1:]])


def run_tool(
    target: Target,
    argv: Sequence[str],
    *,
    wait_for: str | None = None,
    seconds: float = 8.0,
    commands: bytes = b"",
    until_leak: bool = False,
    command: str | None = None,
) -> Attempt:
    """Run a tool and look for the secrets in its output and in the files it made.

    wait_for -- a file that code in the target makes, perhaps after the tool ended
    seconds -- after which the tool is interrupted; with until_leak, as soon as it got a secret
    commands -- its standard input
    command -- what to tell of it instead of argv
    """
    output = os.path.join(target.folder, "output")
    with open(output, "wb") as sink:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=target.folder,
            env=environment(target.folder),
        )
        assert process.stdin
        _feed(process.stdin, commands)
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
            if until_leak and found_in_files(target):
                break
        ended = _interrupt(process)
    if wait_for and not process.returncode:
        deadline = time.monotonic() + 1.0
        while not os.path.exists(wait_for) and time.monotonic() < deadline:
            time.sleep(0.01)
    places = found_in_files(target)
    with open(output, encoding="utf-8", errors="replace") as file:
        said, refused = last_words(file.read(_MAX_OUTPUT), target)
    if places:
        said = f"{os.path.basename(argv[0])} got it"
    elif not ended:
        said = f"it had to be killed; {said}"
    return Attempt(
        bool(places),
        said,
        command=command or show(argv, target),
        places=places,
        refused=refused and not places,
    )


def _feed(stdin: IO[bytes], commands: bytes) -> None:
    try:
        stdin.write(commands)
        stdin.close()
    except BrokenPipeError:
        pass


def _interrupt(process: subprocess.Popen[bytes]) -> bool:
    """End a tool so that it can detach; by force when it does not. Returns whether it obeyed."""
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


# What runs inside a Python process when an attacker can run code in it.
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


def payload(target: Target) -> tuple[str, str]:
    """Python code that writes all strings of its process into a file, and the file."""
    path = os.path.join(target.folder, "strings")
    return _PAYLOAD.format(path=path), path


def tool_attack(
    name: str,
    summary: str,
    effect: str,
    command: str,
    needs: Callable[[], str | None],
    run: Callable[[Target], Attempt],
    launches: int = 1,
) -> Attack:
    """An attack with a tool; launches -- how often it is tried where it works by luck only."""
    return Attack(
        name=name,
        kind=TOOL,
        summary=summary,
        effect=effect,
        command=command,
        needs=needs,
        run=run,
        launches=launches,
        timeout=25.0,
    )
