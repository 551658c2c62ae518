"""Wait until a program has executed another program or started workers; then read their memory.

An exec may undo what a launcher or main() did. Each row is one way to become another program.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    find_nothing_missing,
    read_memory_file,
)
from process_hardening.verify.model import BUILT_IN, LAUNCHES, Attack, Attempt, Target

_PLACES = ("/usr/bin", "/bin")
_SCRIPT = '#!/bin/sh\nexec "$@"\n'


def read_when_ready(target: Target) -> Attempt:
    """Wait until the process that holds the secrets is ready; read its memory file."""
    victim = target.victim
    assert victim is not None
    victim.wait_ready()
    return read_memory_file(victim.target(target.folder))


def _add_options(options: tuple[str, ...], program: list[str], _: str) -> list[str]:
    return [*program, *options]


def _put_before(words: tuple[str, ...], program: list[str], _: str) -> list[str]:
    return [*words, *program]


def _write_script(program: list[str], folder: str) -> list[str]:
    path = os.path.join(folder, "wrapper")
    with open(path, "w", encoding="ascii") as file:
        file.write(_SCRIPT)
    os.chmod(path, 0o755)
    return [path, *program]


def _find(name: str) -> str:
    """Return the path of a system program, regardless of PATH."""
    found = (os.path.join(place, name) for place in _PLACES)
    return next(filter(os.path.exists, found), f"/usr/bin/{name}")


def _attack(
    name: str,
    summary: str,
    wrap: Callable[[list[str], str], list[str]],
    *,
    command: str,
    type: str = "exec",  # noqa: A002 -- the name of the field
    targets: str = "a program that is protected only until it executes another",
    own_victim: bool = False,
    repeats: bool = False,
) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=summary,
        type=type,
        targets=targets,
        requires=PTRACE_ACCESS,
        refusal="EACCES from open",
        effect=LAUNCHES,
        command=f'{command}; open("/proc/PID/mem"); pread(ADDRESS)',
        find_missing=find_nothing_missing,
        run=read_when_ready,
        own_victim=own_victim,
        repeats=repeats,
        wrap=wrap,
        timeout=10.0,
    )


def _by_itself(
    name: str, summary: str, command: str, *options: str, repeats: bool = False
) -> Attack:
    wrap = partial(_add_options, options)
    return _attack(name, summary, wrap, command=command, own_victim=True, repeats=repeats)


def _worker(method: str, repeats: bool = False) -> Attack:
    return _attack(
        f"worker-{method}",
        f"read a worker that multiprocessing starts with {method}",
        partial(_add_options, ("--worker", method)),
        command=f'multiprocessing.get_context("{method}").Process(...)',
        type="children",
        targets="a program whose children are not protected",
        own_victim=True,
        repeats=repeats,
    )


ATTACKS = (
    _by_itself(
        "exec-self",
        "the program executes /proc/self/exe, as frozen programs do",
        'execve("/proc/self/exe")',
        *("--again", "/proc/self/exe"),
    ),
    _by_itself(
        "exec-path",
        "the program executes its own path again",
        "execve(PROGRAM)",
        *("--again", "SELF"),
    ),
    _by_itself(
        "exec-daemon",
        "a daemon forks and executes its own path again",
        "fork(); setsid(); execve(PROGRAM)",
        *("--daemon", "--again", "SELF"),
        repeats=True,
    ),
    _attack(
        "exec-env",
        "env(1) becomes the program",
        partial(_put_before, (_find("env"), "STARTED_BY=env")),
        command="env NAME=VALUE PROGRAM",
    ),
    _attack(
        "exec-shell",
        "a shell becomes the program",
        partial(_put_before, ("/bin/sh", "-c", 'exec "$@"', "sh")),
        command="sh -c 'exec PROGRAM'",
        repeats=True,
    ),
    _attack(
        "exec-script",
        "a wrapper script becomes the program",
        _write_script,
        command="a script: exec PROGRAM",
        repeats=True,
    ),
    _worker("fork"),
    _worker("spawn"),
    _worker("forkserver", repeats=True),
)
