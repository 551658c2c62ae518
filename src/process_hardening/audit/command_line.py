"""Reads the arguments of a process: its Python or other runtime, its framework and its secrets."""

from __future__ import annotations

import os
import re
from itertools import pairwise

from process_hardening.audit.procfiles import read_file
from process_hardening.audit.procfs import parse_bits
from process_hardening.audit.programs import program_of
from process_hardening.audit.runtime_files import UnknownRuntimeError
from process_hardening.audit.script_argument import find_script, read_options
from process_hardening.runtimes import is_open, runtime_of
from process_hardening.secret_names import hide_arguments, may_hold_secrets, secret_arguments

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Any

    from process_hardening.audit.mapped import Mapped
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.runtime_files import RuntimeReader

    Facts = dict[str, Any]  # fields of a Posture, by name

_PYTHON = re.compile(r"python(\d+\.\d+)?t?$")
_PYTHON_LIBRARY = re.compile(rb"/libpython(\d+\.\d+)t?\.so")

# SIGQUIT and SIGUSR1: the files of a readable process that catches neither are not worth reading.
# A hardened one may be a JVM with -Xrs, or a Node.js with --disable-sigusr1.
_CAUGHT_BY_RUNTIMES = 1 << 2 | 1 << 9

LONGEST_BLOCK = 1 << 18
"""How many bytes of the arguments or the environment of a process to read."""

_FIRST_PYTHON_WITH_REMOTE_DEBUGGING = (3, 14)
"""PEP 768."""

FRAMEWORKS = {
    "multiprocessing": rb"from multiprocessing\.(?:spawn|resource_tracker) import",
    "forkserver": rb"from multiprocessing\.forkserver import",
    "celery": rb"(?:^|[/\0])celery(?:\0|$)",
    "gunicorn": rb"(?:^|[/\0])gunicorn(?:\0|:|$)",
    "uvicorn": rb"(?:^|[/\0])uvicorn(?:\0|$)",
}
"""Frameworks that start workers, and the patterns of their command lines."""


def split_arguments(command: bytes) -> list[bytes]:
    """Split a /proc/PID/cmdline into arguments."""
    return command.rstrip(b"\0").split(b"\0") if command else []


def framework_of(command: bytes) -> str | None:
    """Return the key of FRAMEWORKS that matches a command line (/proc/PID/cmdline)."""
    for name, look in FRAMEWORKS.items():
        # Check the name first: compiling all patterns takes as long as reading ten processes.
        if name.encode() in command and re.search(look, command):
            return name
    return None


def python_version_of(exe: str, code: list[tuple[bytes, bytes]]) -> str | None:
    """Return the version of Python that a program runs; '' for none, None if unknown.

    exe -- the target of its exe link; code -- its mapped files, from procfs.parse_code_files()
    """
    program = _PYTHON.search(exe.removesuffix(" (deleted)"))
    version = program and program[1]
    for _, path in code:
        library = b"/libpython" in path and _PYTHON_LIBRARY.search(path)
        if library:
            version = library[1].decode()
    if version:
        return version
    return None if program else ""


def can_debug_remotely(version: str, arguments: list[bytes]) -> bool:
    """Return whether sys.remote_exec() works on a Python of this version with these arguments."""
    if tuple(map(int, version.split("."))) < _FIRST_PYTHON_WITH_REMOTE_DEBUGGING:
        return False
    words = tuple(map(os.fsdecode, arguments[1:]))
    before = words[: find_script("python", words)[1]]  # the others are the script's own
    return "-Xdisable-remote-debug" not in read_options("python", words) and (
        ("-X", "disable-remote-debug") not in pairwise(before)
    )


def facts_of_command(command: bytes) -> Facts:
    """Return a command line's secrets, the command line without them, and its framework."""
    is_suspect = may_hold_secrets(command)
    return {
        "secret_arguments": secret_arguments(split_arguments(command)) if is_suspect else (),
        "framework": framework_of(command),
        "command": os.fsdecode(hide_arguments(command, is_suspect)),
    }


def facts_of_python(
    exe: str, code: list[tuple[bytes, bytes]], command: bytes, reachable: bool | None
) -> Facts:
    """Return the version of Python, and whether sys.remote_exec() works on it.

    reachable -- whether it works, apart from the version and the arguments; None: unknown
    """
    version = python_version_of(exe, code)
    if version is None:
        return {}
    if not version or not can_debug_remotely(version, split_arguments(command)):
        reachable = False
    return {"python": version, "remote_debugging": reachable}


def with_runtime(
    posture: Posture,
    fields: dict[str, bytes],
    folder: int,
    mapped: Mapped | None,
    runtimes: RuntimeReader,
) -> Posture:
    """Return the posture, with opens_itself set if the runtime discloses the process's memory.

    It is None if the runtime is unknown.

    fields -- those of its /proc/PID/status; folder -- a descriptor of /proc/PID
    mapped -- what it has mapped; None: unknown or hidden
    runtimes -- recognizes runtimes by more than their names

    Raises ValueError if they are malformed.
    """
    program = program_of(posture)
    caught, blocked = parse_bits(fields, "SigCgt") or 0, parse_bits(fields, "SigBlk") or 0
    is_suspect = bool(caught & _CAUGHT_BY_RUNTIMES)
    if not is_suspect and posture.inspectable is not False and runtime_of(program.name) is None:
        return posture
    called = posture.arguments[0].rsplit("/", 1)[-1] if posture.arguments else ""
    try:
        found = runtimes.find((program.name, called), mapped)
    except UnknownRuntimeError:
        is_hidden = mapped is None and "python" in posture.protected
        return posture.replace(opens_itself=None) if is_suspect and not is_hidden else posture
    if found is None:
        return posture
    runtime, name = found
    options = read_options(name, posture.arguments[1:]) if name else ()
    environment = _read_environment(folder)
    if environment is not None:
        first = _options_in(environment, runtime.variables)
        options = (*first, *options, *_options_in(environment, runtime.last_variables))
    has_variable = None if environment is None else runtime.variable.encode() in environment
    opens = is_open(runtime, options, caught, blocked, has_variable)
    if opens is None:
        return posture.replace(opens_itself=None)
    return posture.replace(opens_itself=runtime.name) if opens else posture


def _read_environment(folder: int) -> list[bytes] | None:
    """Return the entries of a process's initial environment; None: hidden, or too much to read."""
    block = read_file(folder, "environ", LONGEST_BLOCK)
    return None if block is None or len(block) >= LONGEST_BLOCK else block.split(b"\0")


def _options_in(environment: list[bytes], variables: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words in the values of these variables, without quotes.

    A quoted value with blanks becomes several words: it may be taken for options.
    """
    values = {name: value for name, _, value in (entry.partition(b"=") for entry in environment)}
    text = b" ".join(values.get(name.encode(), b"") for name in variables)
    return tuple(map(os.fsdecode, text.translate(None, b"\"'\\").split()))
