"""Odd programs, few descriptors and long names end with one line, or do not matter."""

from __future__ import annotations

import os
import resource
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import process_hardening as ph
import support

COMMANDS = ("harden", "confine", "run", "run --confine", "run --method in-process")
READERS = (
    "audit",
    "status",
    "doctor",
    "hook status",
    "confine --explain -- true",
    "verify --attack proc-mem",
)
PT_DYNAMIC = 2
TEBIBYTE = 1 << 40


def words_of(command: str) -> list[str]:
    """The command line of a command: `harden` and `confine`, or one of `process-hardening`."""
    name, *options = command.split()
    if name in ("harden", "confine"):
        return [support.find_tool(name), *options]
    return [support.find_tool("process-hardening"), name, *options]


def limit_descriptors(count: int) -> Callable[[], None]:
    """What a child does before it executes a program: lower its limit of descriptors."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def check_one_line(argv: list[str], statuses: tuple[int, ...], **options: object) -> None:
    """It ends well, or with one of these statuses and one line; never with a traceback."""
    result = support.run_as_user(argv, **options)
    assert "Traceback" not in result.stderr, result.stderr
    if result.returncode:
        assert result.returncode in statuses, f"{result.returncode}: {result.stderr}"
        assert result.stderr.count("\n") == 1, result.stderr


@pytest.fixture(scope="session")
def least() -> int:
    """How many descriptors the interpreter needs to start in this environment."""
    for count in range(4, 20):
        argv = [sys.executable, "-c", ""]
        started = support.run_as_user(argv, preexec_fn=limit_descriptors(count))
        if (started.returncode, started.stderr) == (0, ""):
            return count
    raise AssertionError("Python does not start")


@pytest.mark.parametrize("more", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_program_is_started_or_refused_with_few_descriptors(
    command: str, more: int, least: int
) -> None:
    """The three standard ones and one more, or as many as Python needs to start."""
    count = (4 if command in ("harden", "confine") else least) + more
    argv = [*words_of(command), "--", "/bin/true"]
    if command == "run --method in-process":
        argv = [*words_of(command), "-m", "this"]
    check_one_line(argv, (2, 5, 6, 7, 8, 126), preexec_fn=limit_descriptors(count))


@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("command", READERS)
def test_what_is_read_is_told_or_refused_with_few_descriptors(
    command: str, more: int, least: int, user_tmp: Path
) -> None:
    """Each ends with its documented statuses."""
    argv = [support.find_tool("process-hardening"), *command.split()]
    limit, env = limit_descriptors(least + more), {**os.environ, "TMPDIR": str(user_tmp)}
    result = support.run_as_user(argv, preexec_fn=limit, env=env, timeout=150)
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode in (0, 1, 2, 3, 126), result.stderr


def test_an_error_that_concerns_no_file_names_the_command(
    command: str, least: int, user_tmp: Path
) -> None:
    """Not in the place of a file."""
    argv = [command, "verify", "--attack", "proc-mem"]
    env = {**os.environ, "TMPDIR": str(user_tmp)}
    result = support.run_as_user(argv, preexec_fn=limit_descriptors(least), env=env)
    assert result.stderr == "process-hardening: `verify` failed: Too many open files\n"


@pytest.mark.parametrize("policy", ["DEFAULT", "STRICT", "SEAL"])
def test_a_program_hardens_itself_with_few_descriptors(programs: Path, policy: str) -> None:
    """Or ends with one line and the status of the step."""
    program = str(programs / "harden_without_descriptors.py")
    check_one_line([sys.executable, program, policy], (5, 6, 7, 8))


@pytest.fixture
def sparse(user_tmp: Path) -> str:
    """A program whose dynamic section claims a tebibyte, in a sparse file that has it."""
    path = user_tmp / "program"
    image = bytearray(Path("/bin/true").read_bytes())
    table, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    for at in range(table, table + 56 * count, 56):
        if struct.unpack_from("<I", image, at)[0] == PT_DYNAMIC:
            struct.pack_into("<QQ", image, at + 32, TEBIBYTE, TEBIBYTE)
    path.write_bytes(image)
    path.chmod(0o755)
    try:
        os.truncate(path, TEBIBYTE)
    except OSError:
        support.fail_or_skip("a file system with files of 1 TiB")
    return str(path)


@pytest.mark.parametrize("command", COMMANDS[:4])
def test_a_dynamic_section_of_a_tebibyte_is_not_read(command: str, sparse: str) -> None:
    """The program ends as it does without us: it is the kernel and the loader that judge."""
    plain = support.run_as_user([sparse])
    result = support.run_as_user([*words_of(command), "--", sparse])
    if result.returncode != plain.returncode:
        assert (result.returncode, result.stderr.count("\n")) == (126, 1), result.stderr


def test_check_child_reads_no_tebibyte(sparse: str) -> None:
    """It says whether the program would be hardened."""
    assert not ph.check_child([sparse])


@pytest.mark.parametrize("size", [254, 255])
@pytest.mark.parametrize("command", COMMANDS[:4])
def test_a_name_may_be_as_long_as_the_file_system_allows(
    command: str, size: int, user_tmp: Path
) -> None:
    """Of a program and of a script; a memfd's name is shorter, which the launcher knows."""
    path = user_tmp / ("x" * size)
    shutil.copy("/bin/echo", path)
    path.chmod(0o755)
    script = user_tmp / ("s" * size)
    script.write_text("#!/bin/sh\necho $1\n")
    script.chmod(0o755)
    for program in (path, script):
        result = support.run_as_user([*words_of(command), "--", str(program), "said"])
        assert (result.returncode, result.stdout, result.stderr) == (0, "said\n", "")


def test_a_script_of_python_may_have_a_long_name(user_tmp: Path) -> None:
    """`run SCRIPT.py` and -m, with a name that is too long for a file: one line."""
    script = user_tmp / ("m" * 251 + ".py")
    script.write_text("print('said')\n")
    run = words_of("run")
    assert support.run_as_user([*run, str(script)]).stdout == "said\n"
    found = support.run_as_user([*run, "-m", "m" * 251], cwd=user_tmp)
    assert (found.returncode, found.stdout) == (0, "said\n"), found.stderr
    for words in (["--", "x" * 256], [f"{'x' * 256}.py"], ["--", "x" * 5000]):
        check_one_line([*run, *words], (126, 127))
