"""Make the dynamic loader load a library, or an auditor, that discloses the process's memory."""

from __future__ import annotations

import errno
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from functools import partial

from process_hardening.verify.attacks.reading import search_chunks
from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target

_SOURCE = os.path.join(os.path.dirname(__file__), "injected.c")
_COMPILERS = ("cc", "gcc", "clang")
_SECONDS = 4.0


def _find_compiler() -> str | None:
    return next(filter(None, map(shutil.which, _COMPILERS)), None)


def find_missing_compiler() -> str | None:
    """Return what is missing to build the library, or None."""
    if _find_compiler():
        return None
    return "no C compiler for the library: apt-get install gcc libc6-dev"


def build_library(folder: str, fifos_in_environment: bool = True) -> str:
    """Build the library, create its FIFOs and return its path. Raises OSError.

    fifos_in_environment -- the library reads the paths of its FIFOs from the environment;
        otherwise they are compiled in
    """
    library = os.path.join(folder, "injected.so")
    compiler = _find_compiler()
    assert compiler is not None
    # Without nodelete, a program that finds no agent in the library would unload it.
    argv = [compiler, "-shared", "-fPIC", "-O1", "-w", "-Wl,-z,nodelete", "-o", library, _SOURCE]
    if not fifos_in_environment:
        argv += [f'-D{name}="{path}"' for name, path in _fifos(folder).items()]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines() or ["no message"]
        raise OSError(errno.ENOEXEC, lines[-1], compiler)
    for path in _fifos(folder).values():
        os.mkfifo(path)
    return library


def _fifos(folder: str) -> dict[str, str]:
    """Return the paths of the FIFOs, by their names in injected.c."""
    return {"PH_ATTACK_IN": f"{folder}/request", "PH_ATTACK_OUT": f"{folder}/answer"}


def _prepare_environment(variable: str, folder: str) -> Mapping[str, str]:
    """Build the library and return the variables that make the loader load it."""
    return {variable: build_library(folder), **_fifos(folder)}


def _read_available(fd: int) -> Iterator[bytes]:
    """Read from a FIFO until its writers have closed it or the time is up."""
    deadline = time.monotonic() + _SECONDS
    while select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(fd, 1 << 20)
        if not data:
            return
        yield data


def wait_and_ask(target: Target) -> Attempt:
    """Wait until the target holds its secrets, then ask the injected library for the memory."""
    victim = target.victim
    assert victim is not None
    victim.wait_ready()
    return ask_library(target)


def ask_library(target: Target) -> Attempt:
    """Ask the injected library, if the target has loaded it, for the target's memory."""
    answer = os.open(f"{target.folder}/answer", os.O_RDONLY | os.O_NONBLOCK)
    try:
        request = os.open(f"{target.folder}/request", os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        os.close(answer)
        if error.errno != errno.ENXIO:
            raise
        return Attempt(False, "the library is not in the process: no answer", error.errno)
    try:
        places, size = search_chunks(target, _read_available(answer))
    finally:
        os.close(request)
        os.close(answer)
    return Attempt(bool(places), f"the library wrote {size} bytes of memory", places=places)


def _attack(name: str, variable: str, what: str, repeats: bool = False) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=f"inject {what} that discloses memory",
        type="injection",
        targets="dynamically linked programs",
        requires="control of the environment in which the target starts; a C compiler",
        refusal="the library is not in the process once it holds its secrets",
        effect=LAUNCHES,
        command=f"{variable}=injected.so PROGRAM",
        find_missing=find_missing_compiler,
        run=wait_and_ask,
        prepare_environment=partial(_prepare_environment, variable),
        repeats=repeats,
        timeout=15.0,
    )


ATTACKS = (
    _attack("ld-preload", "LD_PRELOAD", "a library"),
    # rtld-audit(7); glibc only
    _attack("ld-audit", "LD_AUDIT", "an auditor", repeats=True),
)
