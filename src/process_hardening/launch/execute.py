"""Becoming the program: what a plan says is done here, and does not return."""

from __future__ import annotations

import os
import sys

from process_hardening import _native
from process_hardening.environment import encode, hand_over, preload_entries
from process_hardening.errors import CannotProtectError, HardeningError
from process_hardening.launch.plan import EXECUTE_ONLY, Plan
from process_hardening.launch.program import Program, open_executable
from process_hardening.variables import INJECTOR, is_loader_variable, kind_of

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import NoReturn


def environment_for(program: Program, added: list[bytes]) -> tuple[bytes, ...]:
    """What this process was started with, less what harden() took out, and more entries.

    Not os.environ: Python adds LC_CTYPE to that in the C locale (PEP 538).
    """
    from_line = (item for item in program.env.items() if not is_loader_variable(item[0]))
    added = [*(os.fsencode(f"{name}={value}") for name, value in from_line), *added]
    return overlay(_initial_environment(), added)


def _initial_environment() -> list[bytes]:
    entries, failure = _native.initial_environment(False)
    if failure:
        raise HardeningError(*failure)
    return entries


def overlay(entries: list[bytes], added: list[bytes]) -> tuple[bytes, ...]:
    """Environment entries, and those that replace or follow them."""
    replaced = {entry.partition(b"=")[0] for entry in added}
    return (*(entry for entry in entries if entry.partition(b"=")[0] not in replaced), *added)


def become(plan: Plan, keep: tuple[str, ...]) -> NoReturn:
    """Replace this process, hardened already, by the program. Raises CannotProtectError.

    keep -- the variables (or PREFIX*) that our library is to leave alone too
    """
    program = plan.program
    added = hand_over()
    if plan.library:
        added += preload_entries(keep, plan.children)
    env = environment_for(program, added)
    if plan.method == EXECUTE_ONLY:
        execute_only(program, env)
    become_plain(program, env)


def become_unprotected(program: Program) -> NoReturn:
    """Replace this process by the program, as its bypass variable demands."""
    env = environment_for(program, [])
    become_plain(program, env)


def execute_only(program: Program, env: tuple[bytes, ...]) -> NoReturn:
    """Become an image of the program that nobody may read. Raises CannotProtectError."""
    fd, argv = program.fd, program.argv
    if program.copied != program.path:
        fd = open_executable(program.copied)
        path = os.path.realpath(program.path)
        argv = [program.copied, "--argv0", argv[0], path, *argv[1:]]
    name = os.fsencode(os.path.basename(program.path))
    failure = _native.execute(name, fd, encode(argv), env)
    raise CannotProtectError(
        f"{program.path}: cannot be started execute-only: {HardeningError(*failure)}"
    )


def become_plain(program: Program, env: tuple[bytes, ...]) -> NoReturn:
    """Become the program by an ordinary exec. Raises CannotProtectError."""
    errno, *_ = _native.execute(os.fsencode(program.path), -1, encode(program.argv), env)
    raise CannotProtectError(f"{program.path}: cannot be started: {os.strerror(errno)}")


def leave_injected(removed: tuple[str, ...]) -> None:
    """Start this command again if a library was injected into it: the next one is free of it.

    removed -- the variables that harden() took out. Returns when there was no injector among them.
    """
    injectors = (name for name in removed if is_loader_variable(name) and kind_of(name) == INJECTOR)
    if next(injectors, None) is None:
        return
    env = overlay(_initial_environment(), hand_over())
    argv = encode([sys.executable, *sys.orig_argv[1:]])
    errno, *_ = _native.execute(os.fsencode(sys.executable), -1, argv, env)
    raise CannotProtectError(
        "a library was injected into this process, and it cannot be started again without it:"
        f" {sys.executable}: {os.strerror(errno)}"
    )
