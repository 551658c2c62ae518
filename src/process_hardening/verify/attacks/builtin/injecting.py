"""What the attacks that inject a library have in common."""

from __future__ import annotations

import errno
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping

from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target

_SOURCE = os.path.join(os.path.dirname(__file__), "injected.c")
_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 4.0


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, _COMPILERS)), None)


def needs() -> str | None:
    """Whether there is a compiler for the library."""
    return None if _compiler() else "no C compiler for the library: apt-get install gcc libc6-dev"


def prepare(folder: str, told_by_environment: bool = True) -> str:
    """Build the library and make its FIFOs; returns its path. Raises OSError.

    told_by_environment -- whether the variables of _paths() tell it where they are, or the compiler
    """
    library = os.path.join(folder, "injected.so")
    compiler = _compiler()
    assert compiler is not None
    argv = [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", library, _SOURCE]
    if not told_by_environment:
        argv += [f'-D{name}="{path}"' for name, path in _paths(folder).items()]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        words = done.stdout.decode(errors="replace").strip().splitlines() or ["no message"]
        raise OSError(errno.ENOEXEC, words[-1], compiler)
    for path in _paths(folder).values():
        os.mkfifo(path)
    return library


def _paths(folder: str) -> dict[str, str]:
    return {"PH_ATTACK_IN": f"{folder}/request", "PH_ATTACK_OUT": f"{folder}/answer"}


def _prepare(variable: str) -> Callable[[str], Mapping[str, str]]:
    def environment(folder: str) -> Mapping[str, str]:
        """Build the library; what the target is started with."""
        return {variable: prepare(folder), **_paths(folder)}

    return environment


def _read_answer(target: Target, fd: int) -> tuple[tuple[str, ...], int]:
    overlap = max(map(len, target.needles.values()))
    places: list[str] = []
    count, tail = 0, b""
    deadline = time.monotonic() + _SECONDS
    while select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(fd, 1 << 20)
        if not data:
            break
        count += len(data)
        places += target.found_in(tail + data)
        tail = data[-overlap:]
    return tuple(dict.fromkeys(places)), count


def run(target: Target) -> Attempt:
    """Wait for the target to hold its secrets, then ask the library in it for its memory."""
    victim = target.victim
    assert victim is not None
    victim.wait_ready()
    return ask(target)


def ask(target: Target) -> Attempt:
    """Ask the library in the target, if it is there, for the memory."""
    answer = os.open(f"{target.folder}/answer", os.O_RDONLY | os.O_NONBLOCK)
    try:
        request = os.open(f"{target.folder}/request", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        os.close(answer)
        if error.errno != errno.ENXIO:
            raise
        return Attempt(False, "the library is not in the process: nobody answers", error.errno)
    try:
        places, count = _read_answer(target, answer)
    finally:
        os.close(request)
        os.close(answer)
    return Attempt(bool(places), f"the library gave {count} bytes of memory", places=places)


def injecting_attack(name: str, variable: str, summary: str) -> Attack:
    """The attack that has the loader take a library from a variable."""
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=summary,
        effect=LAUNCHES,
        command=f"{variable}=injected.so PROGRAM",
        needs=needs,
        run=run,
        environment=_prepare(variable),
        timeout=15.0,
    )
