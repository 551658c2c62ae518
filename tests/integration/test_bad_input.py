"""Bad input: the documented status, one line on standard error, and nothing that half started."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import elf_files
import starts
import support
from process_hardening import _confine, _launcher, _native
from process_hardening.elf import LARGEST_DYNAMIC_SECTION

USAGE, CANNOT, NOT_FOUND = 2, 126, 127


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["user", "root"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a program as the unprivileged user, or as root."""
    if request.param == "user":
        return support.run_as_user
    support.require_root()
    return support.run


def refused(
    result: subprocess.CompletedProcess[str],
    status: int,
    text: str | tuple[str, ...],
    started: Path | None = None,
) -> None:
    """It ended with this status and said one line with (one of) this text, and no more."""
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    texts = (text,) if isinstance(text, str) else text
    assert any(one in result.stderr for one in texts), result.stderr
    assert result.stderr.startswith("process-hardening: ")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]*", result.stderr)
    assert started is None or not started.exists()


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["nosuch"], USAGE, "unknown command 'nosuch'; see `process-hardening --help`"),
        (["--nosuch"], USAGE, "required: COMMAND"),
        (["help", "nosuch"], USAGE, "unknown command 'nosuch'"),
        (["adit"], USAGE, "unknown command 'adit' (did you mean audit?); see"),
        (["audit", "--jsn"], USAGE, "--jsn (did you mean --json?); see `process-hardening audit"),
        (["audit", "--jsn=A=B"], USAGE, "--jsn=... (did you mean --json?)"),
        (["run", "--strct", "touch"], USAGE, "unknown option --strct (did you mean --strict?)"),
        (["a\nb"], USAGE, r"unknown command 'a\nb'"),
        (["\udcff"], USAGE, r"unknown command '\udcff'"),
        (["run"], USAGE, "no program given; see `process-hardening run --help`"),
        (["run", "--"], USAGE, "no program given"),
        (["run", "--strict"], USAGE, "no program given"),
        (["run", "--explain", "--"], USAGE, "no program given"),
        (["run", "--json", "true"], USAGE, "run: --json requires --explain; see"),
        (["run", "--json", "--method", "in-process", "-m", "this"], USAGE, "requires --explain"),
        (["confine", "--json", "--", "true"], USAGE, "confine: --json requires --explain; see"),
        (["run", "--nosuch", "touch"], USAGE, "unknown option --nosuch"),
        (["run", "--nosuch=\x1b[31m\n", "touch"], USAGE, "unknown option --nosuch;"),
        (["run", "--\x1b[31m\n", "touch"], USAGE, r"unknown option --\x1b[31m\n;"),
        (["run", "-x", "touch"], USAGE, "unknown option -x"),
        (["run", "--method", "touch"], USAGE, "--method touch: choose from auto, execute-only"),
        (["run", "--method", "fast", "touch"], USAGE, "--method fast: choose from auto"),
        (["run", "--method=", "touch"], USAGE, "--method needs a METHOD"),
        (["run", "--method"], USAGE, "--method needs a METHOD"),
        (["run", "--strict=yes", "touch"], USAGE, "--strict takes no value"),
        (["run", "--keep"], USAGE, "--keep needs a NAME"),
        (["run", "--keep", "--strict", "touch"], USAGE, "--keep needs a NAME"),
        (["run", "--keep", "", "touch"], USAGE, "--keep needs a NAME"),
        (["run", "--keep=A=B", "touch"], USAGE, "A=...: not a variable name"),
        (["enable", "--python", ""], USAGE, "unknown command 'enable'"),
        (["disable"], USAGE, "unknown command 'disable'"),
        (["enabled"], USAGE, "unknown command 'enabled'"),
        (["hook"], USAGE, "required: ACTION"),
        (["hook", "nosuch"], USAGE, "invalid choice: 'nosuch'"),
        (["hook", "status", "enable"], USAGE, "unrecognized arguments: enable"),
        (["hook", "enable", "--python", ""], USAGE, "--python: empty path"),
        (["hook", "status", "--system"], USAGE, "--system is an option of `hook enable` and"),
        (["hook", "disable", "--on-request"], USAGE, "--on-request is an option of `hook enable`"),
        (["run", "--clear", "A*B", "touch"], USAGE, "A*B: not a variable name: write NAME or"),
        (
            ["run", "--confined", "touch"],
            USAGE,
            "--confined (did you mean --confine?); see `process",
        ),
        (["run", "-m"], USAGE, "-m needs a MODULE"),
        (["run", "-m", ""], USAGE, "-m needs a MODULE"),
        (["run", "-m", "", "touch"], USAGE, "-m needs a MODULE"),
        (["run", "", "touch"], NOT_FOUND, "the program name is empty"),
        (["run", "nosuch"], NOT_FOUND, "nosuch: not found in PATH"),
        (["run", "--", "--strict"], NOT_FOUND, "--strict: not found in PATH"),
        (["run", "./nosuch"], NOT_FOUND, "./nosuch: no such file"),
        (["run", "/nosuch/nosuch"], NOT_FOUND, "/nosuch/nosuch: no such file"),
        (["run", "nosuch.py"], NOT_FOUND, "nosuch.py: no such file, here or in PATH"),
        (["run", "a\nb"], NOT_FOUND, r"a\x0ab: not found in PATH"),
        (["run", "\x1b[31mred"], NOT_FOUND, r"\x1b[31mred: not found in PATH"),
        (["run", "\udcff"], NOT_FOUND, r"\xff: not found in PATH"),
        (["run", "x" * 5000], NOT_FOUND, ": not found in PATH"),
        (["run", "/" + "x" * 5000], CANNOT, ": statx failed: File name too long"),
        (["run", "/etc/passwd/x"], NOT_FOUND, "/etc/passwd/x: no such file"),
        (["run", "/etc"], CANNOT, "/etc: is a directory"),
        (["run", "."], NOT_FOUND, ".: not found in PATH"),
        (["run", "./"], CANNOT, "./: is a directory"),
        (["run", "/dev/null"], CANNOT, "/dev/null: not a regular file"),
        (
            ["run", "/etc/passwd"],
            CANNOT,
            "/etc/passwd: not executable: if it is a program, chmod +x it",
        ),
        (["run", "--method", "in-process", "nosuch"], NOT_FOUND, "nosuch: not found in PATH"),
        (["run", "--method", "in-process", "./nosuch.py"], NOT_FOUND, "./nosuch.py: no such file"),
        (["run", "--method", "in-process", "/etc"], CANNOT, "/etc: not a file"),
        (["run", "--method", "in-process", "true"], CANNOT, "not a Python script"),
        (["run", "--method", "in-process", "-m", "nosuch"], NOT_FOUND, "nosuch: no such module"),
        (["run", "--method", "in-process", "-m", "json.nosuch"], NOT_FOUND, "no such module"),
        (["run", "--method", "in-process", "-m", "os.path.x"], NOT_FOUND, "no such module"),
        (["run", "--method", "in-process", "-m", "json"], NOT_FOUND, "json: no such module"),
        (["run", "--method", "in-process", "-m", ".json"], NOT_FOUND, "no such module"),
        (["run", "--method", "in-process", "-m", "__main__"], NOT_FOUND, "no such module"),
        (
            ["run", "--method", "in-process", "--children", "x.py"],
            CANNOT,
            "--children does not work with",
        ),
        (["run", "--except", "x", "touch"], USAGE, "--except requires --children"),
        (
            ["run", "--method", "in-process", "--except", "x", "-m", "this"],
            USAGE,
            "run: --except requires --children; see `process-hardening run --help`",
        ),
        (["audit", "--html", ""], USAGE, "argument --html: empty, as if from an unset variable:"),
        (["audit", "--html="], USAGE, "argument --html: empty"),
        (["audit", "--openmetrics", ""], USAGE, "argument --openmetrics: empty"),
        (["audit", "--baseline", ""], USAGE, "argument --baseline: empty"),
        (["audit", "--compare", ""], USAGE, "argument --compare: empty"),
        (["audit", "merge", "", "--json"], USAGE, "audit merge: a FILE is empty"),
        (["verify", "--html", ""], USAGE, "argument --html: empty"),
        (["verify", "--junit", ""], USAGE, "argument --junit: empty"),
        (["verify", "--evidence", ""], USAGE, "argument --evidence: empty"),
        (["verify", "--compare", ""], USAGE, "argument --compare: empty"),
        (["status", "x"], USAGE, "'x' is not a process ID"),
        (["status", "0"], USAGE, "'0' is not a process ID"),
        (["status", "-1"], USAGE, "'-1' is not a process ID"),
        (["status", "1.0"], USAGE, "'1.0' is not a process ID"),
        (["status", "0x1"], USAGE, "'0x1' is not a process ID"),
        (["status", " 1"], USAGE, "' 1' is not a process ID"),
        (["status", "1_0"], USAGE, "'1_0' is not a process ID"),
        (["status", "٣"], USAGE, "is not a process ID"),
        (["status", ""], USAGE, "'' is not a process ID"),
        (["status", "self"], USAGE, "'self' is not a process ID"),
        (["status", "1\n2"], USAGE, r"'1\n2' is not a process ID"),
        (["status", "2147483648"], USAGE, "is not a process ID"),
        (["status", "9" * 5000], USAGE, "is not a process ID"),
        (["status", "2147483647"], USAGE, "2147483647: no such process"),
        (["status", "1", "2"], USAGE, "unrecognized arguments: 2"),
        (["status", "1", "a\nb"], USAGE, r"unrecognized arguments: a\nb"),
        (["status", "--nosuch"], USAGE, "unrecognized arguments: --nosuch"),
        (["status", "--json=1"], USAGE, "argument --json takes no value; see"),
        (["audit", "a-b=1"], USAGE, "a-b=..."),
        (["hook", "status", "https://host/?a=1"], USAGE, "https://host/?a=...;"),
        (["hook", "status", "/a=b"], USAGE, "unrecognized arguments: /a=b;"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_refused_with_one_line(
    command: str, run: Run, words: list[str], status: int, text: str
) -> None:
    """Whatever the words are: the documented status and nothing on standard output."""
    env = {"PATH": "/usr/bin:/bin"}
    refused(run([command, *words], env=env, cwd="/"), status, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["hook", "status", "--python", "/x/python"], "/x/python: cannot be started: No such file"),
        (["hook", "status", "--python", "python"], "python: cannot be started: No such file or"),
        (["hook", "status", "--python", "./python"], "./python: cannot be started: No such file"),
        (
            ["verify", "--", "sleep", "9"],
            "the working directory, where the program would start, was",
        ),
        (["verify", "--evidence", "x"], "x: No such file or directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_in_a_deleted_working_directory_names_what_is_missing(
    command: str, run: Run, user_tmp: Path, words: list[str], text: str
) -> None:
    """An absolute path does not need the directory, even where root checks who can change it."""
    result = run([*in_deleted_folder(user_tmp), command, *words], env={"PATH": "/usr/bin:/bin"})
    refused(result, USAGE, text)


def in_deleted_folder(parent: Path) -> list[str]:
    """Return the words before a command that make it run in a folder that is deleted."""
    script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    return ["sh", "-c", script, str(parent / "deleted")]


@pytest.mark.parametrize(
    "words",
    [
        ["API_KEY={}"],
        ["run", "API_KEY={}", "true"],
        ["run", "--token={}", "true"],
        ["run", "--keep", "API_KEY={}", "true"],
        ["run", "--method", "API_KEY={}", "true"],
        ["run", "--method", "in-process", "API_KEY={}"],
        ["run", "--method", "in-process", "./API_KEY={}"],
        ["run", "--method", "in-process", "-m", "API_KEY={}"],
        ["status", "API_KEY={}"],
        ["status", "--json={}"],
        ["status", "--token={}"],
        ["status", "1", "API_KEY={}"],
        ["audit", "--token={}"],
        ["audit", "--token=API_KEY={}"],
        ["audit", "-t={}"],
        ["audit", "api-key={}"],
        ["audit", "--fail-on={}"],
        ["audit", "--user", "a/API_KEY={}"],
        ["audit", "--name", "API_KEY={}.{{99999999999999}}"],
        ["audit", "--exclude", "API_KEY={}.("],
        ["hook", "https://host/?key={}"],
        ["verify", "--token={}"],
        ["verify", "--victim", "API_KEY={}"],
        ["verify", "--", "API_KEY={}"],
        ["explain", "API_KEY={}"],
        ["hook", "API_KEY={}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("value", ["sk-s3cret", "sk s3cret\n'\"\\"])
def test_an_error_does_not_show_a_value(command: str, words: list[str], value: str) -> None:
    """A secret that was put into the wrong place does not get into a log."""
    result = support.run_as_user([command, *(word.format(value) for word in words)])
    assert result.returncode in (USAGE, NOT_FOUND)
    refused(result, result.returncode, "")
    assert "s3cret" not in result.stderr


@pytest.mark.parametrize("words", [["run", "nosuch"], ["status", "x"], ["nosuch"]])
def test_the_module_refuses_with_one_line_too(python: str, words: list[str]) -> None:
    """`python -m process_hardening` is the same command."""
    result = support.run_as_user([python, "-m", "process_hardening", *words])
    assert result.returncode in (USAGE, NOT_FOUND)
    assert result.stderr.startswith("process-hardening: ")
    assert result.stderr.count("\n") == 1


def a_file(content: bytes, mode: int = 0o755) -> Callable[[Path], Path]:
    """The maker of a file in a folder."""

    def make(folder: Path) -> Path:
        path = folder / "program"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return make


def a_socket(folder: Path) -> Path:
    """A socket in the file system."""
    path = folder / "program"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


def a_fifo(folder: Path) -> Path:
    """A pipe with a name, which nobody writes to."""
    path = folder / "program"
    os.mkfifo(path, 0o755)
    return path


def a_loop_of_links(folder: Path) -> Path:
    """A symbolic link to itself."""
    path = folder / "program"
    path.symlink_to(path)
    return path


def a_loop_of_interpreters(folder: Path) -> Path:
    """Two scripts, each the other's interpreter."""
    first, second = folder / "first", folder / "second"
    for path, other in ((first, second), (second, first)):
        path.write_text(f"#!{other}\n")
        path.chmod(0o755)
    return first


def set_user_id(mode: int) -> Callable[[Path], Path]:
    """The maker of a program that gains rights."""

    def make(folder: Path) -> Path:
        support.require_root()
        path = folder / "program"
        path.write_bytes(Path(starts.find_system_program("touch")).read_bytes())
        os.chown(path, 0, 0)
        path.chmod(mode)
        return path

    return make


def with_capabilities(folder: Path) -> Path:
    """A program that gains CAP_NET_RAW (VFS_CAP_REVISION_2, linux/capability.h)."""
    support.require_root()
    path = folder / "program"
    path.write_bytes(Path(starts.find_system_program("touch")).read_bytes())
    path.chmod(0o755)
    try:
        os.setxattr(path, "security.capability", bytes([1, 0, 0, 2, 0, 0x20, 0, 0]) + bytes(12))
    except OSError as error:
        support.fail_or_skip(f"file capabilities: {error.strerror}")
    return path


FOREIGN = elf_files.AARCH64 if os.uname().machine == "x86_64" else elf_files.X86_64
OURS = elf_files.X86_64 if os.uname().machine == "x86_64" else elf_files.AARCH64

PROGRAMS: dict[str, tuple[Callable[[Path], Path], int, str | tuple[str, ...]]] = {
    "empty file": (a_file(b""), CANNOT, "neither an ELF program nor a script"),
    "text": (a_file(b"touch started\n"), CANNOT, "neither an ELF program nor a script"),
    "zeroes": (a_file(bytes(4096)), CANNOT, "neither an ELF program nor a script"),
    "not executable": (
        a_file(b"#!/bin/sh\n", 0o644),
        CANNOT,
        "not executable: if it is a program, chmod +x it",
    ),
    "magic alone": (a_file(b"\x7fELF"), CANNOT, "damaged ELF file"),
    "truncated ELF": (a_file(elf_files.make_elf(OURS)[:100]), CANNOT, "damaged ELF file"),
    "dynamic section without an end": (
        a_file(elf_files.make_elf(OURS, before=[(21, 0)] * (LARGEST_DYNAMIC_SECTION // 16))),
        CANNOT,
        "its dynamic section has no end",
    ),
    "ELF of 3 bits": (
        a_file(elf_files.replace_bytes(elf_files.make_elf(OURS), 4, b"\3")),
        CANNOT,
        "damaged ELF file",
    ),
    "foreign machine": (
        a_file(elf_files.make_elf(FOREIGN)),
        CANNOT,
        ("for another architecture", "for a different architecture than the preload library"),
    ),
    "big-endian machine": (
        a_file(elf_files.make_elf(22, order=">")),
        CANNOT,
        ("for another architecture", "for a different architecture than the preload library"),
    ),
    "no loader": (
        a_file(elf_files.make_elf(OURS, interpreter="/nosuch/ld.so")),
        CANNOT,
        (
            "/nosuch/ld.so: the program's dynamic loader cannot be opened",
            "execve failed: No such file",
            "its dynamic loader is missing",
        ),
    ),
    "#! of nothing": (a_file(b"#!\n"), CANNOT, "broken #! line: no interpreter"),
    "#! of blanks": (a_file(b"#!  \t \ntrue\n"), CANNOT, "broken #! line: no interpreter"),
    "#! at the end": (a_file(b"#!"), CANNOT, "broken #! line"),
    "#! missing": (a_file(b"#!/nosuch/sh\n"), CANNOT, "no such interpreter: /nosuch/sh"),
    "#! with CR": (a_file(b"#!/bin/sh\r\n"), CANNOT, r"no such interpreter: /bin/sh\x0d"),
    "#! of control characters": (
        a_file(b"#!/\x1b[31m\n"),
        CANNOT,
        r"no such interpreter: /\x1b[31m",
    ),
    "#! too long": (a_file(b"#!/" + b"x" * 300 + b"\n"), CANNOT, "broken #! line"),
    "#! a folder": (a_file(b"#!/etc\n"), CANNOT, "/etc: is a directory"),
    "#! a text": (a_file(b"#!/etc/passwd\n"), CANNOT, "/etc/passwd: not executable"),
    "#! relative": (a_file(b"#!nosuch\n"), CANNOT, "no such interpreter: nosuch"),
    "#! a loop": (a_loop_of_interpreters, CANNOT, "too many nested interpreters"),
    "#! env alone": (a_file(b"#!/usr/bin/env\n"), CANNOT, "unsupported arguments of env"),
    "#! env missing": (a_file(b"#!/usr/bin/env nosuch\n"), NOT_FOUND, "nosuch: not found in PATH"),
    "#! env option": (a_file(b"#!/usr/bin/env -i sh\n"), CANNOT, "unsupported arguments of env"),
    "#! env -S quote": (a_file(b"#!/usr/bin/env -S 'sh\n"), CANNOT, "unsupported arguments of env"),
    "#! env -S nothing": (a_file(b"#!/usr/bin/env -S\n"), CANNOT, "unsupported arguments of env"),
    "#! env -S option": (
        a_file(b"#!/usr/bin/env -S -i sh\n"),
        CANNOT,
        "unsupported arguments of env",
    ),
    "#! env -S value": (
        a_file(b"#!/usr/bin/env -S sh $HOME\n"),
        CANNOT,
        "unsupported arguments of env",
    ),
    "#! env variables": (
        a_file(b"#!/usr/bin/env -S A=1\n"),
        CANNOT,
        "unsupported arguments of env",
    ),
    "socket": (a_socket, CANNOT, "not a regular file"),
    "fifo": (a_fifo, CANNOT, "not a regular file"),
    "loop of links": (a_loop_of_links, CANNOT, "Too many levels of symbolic links (ELOOP)"),
    "set-user-ID": (set_user_id(0o4755), CANNOT, "set-user-ID, set-group-ID or file capabilities"),
    "set-group-ID": (set_user_id(0o2755), CANNOT, "set-user-ID, set-group-ID or file capabilit"),
    "file capabilities": (with_capabilities, CANNOT, "set-user-ID, set-group-ID or file capabil"),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("method", ["auto", "execute-only", "preload"])
def test_what_cannot_be_started_protected_is_refused(
    command: str, run: Run, user_tmp: Path, name: str, method: str
) -> None:
    """By every method: it is not started in any other way."""
    make, status, text = PROGRAMS[name]
    path, started = make(user_tmp), user_tmp / "started"
    result = run(
        [command, "run", "--method", method, "--", str(path), str(started)],
        env={"PATH": "/usr/bin:/bin"},
        cwd=user_tmp,
    )
    refused(result, status, text, started)


@pytest.mark.parametrize("mode", [0o311, 0o111])
def test_an_unreadable_program_is_simply_executed(
    compiler: support.Compiler, command: str, user_tmp: Path, mode: int
) -> None:
    """The kernel protects its process; root may read it."""
    support.require_root()
    path = user_tmp / "program"
    path.write_bytes(compiler("subject.c").read_bytes())
    path.chmod(mode)
    os.chown(path, 0, 0)
    argv = [command, "run", str(path), "tell"]
    for result in (support.run_as_user(argv), support.run(argv)):
        assert result.stderr == ""
        assert starts.Shown(result.stdout).number("dumpable") == 0


def test_an_unreadable_script_is_refused(command: str, user_tmp: Path) -> None:
    """By every method."""
    support.require_root()
    path = user_tmp / "script.py"
    path.write_text("#!/bin/sh\n")
    for mode in (0o200, 0o311):
        path.chmod(mode)
        os.chown(path, 0, 0)
        for method in ("auto", "preload", "in-process"):
            result = support.run_as_user([command, "run", "--method", method, str(path)])
            refused(result, CANNOT, "read")


@pytest.mark.parametrize("method", ["auto", "in-process"])
@pytest.mark.parametrize("name", ["program", "missing", "program.py"])
def test_whether_a_closed_folder_has_a_program_is_not_claimed(
    command: str, user_tmp: Path, name: str, method: str
) -> None:
    """As sh(1) does: permission denied, and 126."""
    support.require_root()
    folder = user_tmp / "closed"
    folder.mkdir(mode=0o700)
    path = folder / name
    if name != "missing":
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    shell = support.run_as_user(["sh", "-c", str(path)])
    result = support.run_as_user([command, "run", "--method", method, str(path)])
    assert shell.returncode == CANNOT
    refused(result, CANNOT, "Permission denied")


def test_a_search_skips_a_folder_that_is_closed(command: str, user_tmp: Path) -> None:
    """Like that of sh(1): a user may have inherited the PATH of root."""
    support.require_root()
    folder = user_tmp / "closed"
    folder.mkdir(mode=0o700)
    for name, status in (("true", 0), ("nosuch", NOT_FOUND)):
        env = {"PATH": f"{folder}:/usr/bin:/bin"}
        shell = support.run_as_user(["/bin/sh", "-c", name], env=env)
        result = support.run_as_user([command, "run", name], env=env)
        assert (shell.returncode, result.returncode) == (status, status), result.stderr


def test_a_method_that_does_not_work_is_not_replaced_by_another(
    compiler: support.Compiler, command: str
) -> None:
    """A static program is refused by preload."""
    static = starts.build_static(compiler)
    result = support.run_as_user([command, "run", "--method", "preload", static, "status", "0"])
    refused(result, CANNOT, "cannot use preload: it is statically linked")


def test_arguments_too_long_for_the_kernel_are_refused(command: str) -> None:
    """The line has the kernel's reason (E2BIG), whoever found it."""
    # Fits as it is; with what was set aside, in hex, the environment is too large for exec.
    env = {**os.environ, "LD_LIBRARY_PATH": "x" * 100_000}
    result = support.run_as_user([command, "run", "true"], env=env)
    refused(result, CANNOT, "Argument list too long")


SILENT = {
    "status": ["status"],
    "status --json": ["status", "--json"],
    "status of another": ["status", "{pid}"],
    "--version": ["--version"],
    "--help": ["--help"],
    "run --help": ["run", "--help"],
    "run --explain": ["run", "--explain", "true"],
    "run --explain --json": ["run", "--explain", "--json", "true"],
    "confine --explain --json": ["confine", "--explain", "--json", "true"],
    "in-process --explain": ["run", "--explain", "--method", "in-process", "-m", "this"],
}


READERS = {
    "audit --compare": ["audit", "--compare", "FILE"],
    "audit --baseline": ["audit", "--baseline", "FILE"],
    "audit merge": ["audit", "merge", "FILE", "--json"],
    "verify --compare": ["verify", "--attack", "proc-mem", "--compare", "FILE"],
}
"""The commands that read a file that the user names."""

ENDLESS = {
    "/dev/zero": "not a regular file or a pipe",
    "/dev/full": "not a regular file or a pipe",
    "/etc": "Is a directory",
    "huge": "longer than 64 MiB",
    "endless-pipe": "longer than 64 MiB",
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("reader", READERS)
def test_a_file_without_an_end_is_refused(
    command: str, user_tmp: Path, reader: str, name: str
) -> None:
    """Little memory would not suffice to read all of it."""
    os.truncate(os.open(user_tmp / "huge", os.O_CREAT | os.O_WRONLY, 0o644), 1 << 40)
    path = {"endless-pipe": "/dev/stdin"}.get(name, name if "/" in name else str(user_tmp / name))
    words = [path if word == "FILE" else word for word in READERS[reader]]
    limited = ["sh", "-c", 'ulimit -v 1000000; exec "$@"', "sh", command, *words]
    with subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE) as endless:
        try:
            options = {"stdin": endless.stdout} if name == "endless-pipe" else {}
            refused(support.run(limited, **options), USAGE, ENDLESS[name])
        finally:
            endless.kill()


def test_the_json_of_an_audit_is_read_from_a_pipe(command: str) -> None:
    """The control: a shell's process substitution works."""
    audit = support.run([command, "audit", "--json", "--name", "no-such-program"])
    words = [command, "audit", "merge", "/dev/stdin", "--json"]
    assert support.run(words, input=audit.stdout).returncode == 0


@pytest.fixture
def fifo(user_tmp: Path) -> Path:
    """A pipe with a name, and nobody at its ends."""
    path = user_tmp / "pipe"
    os.mkfifo(path, 0o666)
    return path


def is_waiting(process: subprocess.Popen[str]) -> bool:
    """Whether it sleeps in the call that opens the pipe. Fails if it has ended."""
    if process.poll() is not None:
        pytest.fail(f"ended without waiting for a writer: {process.communicate()}")
    return Path(f"/proc/{process.pid}/wchan").read_text() in WAITS_FOR_WRITER


WAITS_FOR_WRITER = ("wait_for_partner", "fifo_open")
"""The functions of the kernel that it may sleep in: fs/pipe.c."""


@pytest.fixture
def merge_of_fifo(command: str, fifo: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that reads the pipe, and waits for somebody to write to it."""
    words = [command, "audit", "merge", str(fifo), "--json"]
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as process:
        try:
            deadline = time.monotonic() + support.TIMEOUT
            while not is_waiting(process):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def test_a_fifo_is_read_when_its_writer_comes_later(
    command: str, fifo: Path, merge_of_fifo: subprocess.Popen[str]
) -> None:
    """As with `mkfifo p; ssh HOST process-hardening audit --json >p & ... audit merge p`."""
    audit = support.run([command, "audit", "--json", "--name", "no-such-program"])
    fifo.write_text(audit.stdout)
    output, errors = merge_of_fifo.communicate(timeout=support.TIMEOUT)
    assert (merge_of_fifo.returncode, errors) == (0, "")
    assert len(json.loads(output)["hosts"]) == 1


def test_ctrl_c_ends_the_wait_for_a_fifo(merge_of_fifo: subprocess.Popen[str]) -> None:
    merge_of_fifo.send_signal(signal.SIGINT)
    output, errors = merge_of_fifo.communicate(timeout=support.TIMEOUT)
    assert (merge_of_fifo.returncode, output, errors) == (130, "", "process-hardening: stopped\n")


def test_a_canary_without_an_end_is_refused(command: str) -> None:
    with open("/dev/zero", encoding="utf-8") as endless:
        words = [command, "verify", "--canary", "-", "--", "sleep", "60"]
        refused(support.run(words, stdin=endless), USAGE, "--canary: longer than 1048576")


@pytest.fixture
def full() -> Iterator[int]:
    """A descriptor that takes nothing."""
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("name", SILENT)
def test_a_full_standard_output_is_an_error(command: str, run: Run, full: int, name: str) -> None:
    """A success would say that the text was printed."""
    words = [word.format(pid=os.getpid()) for word in SILENT[name]]
    result = run([command, *words], capture_output=False, stdout=full, stderr=subprocess.PIPE)
    result.stdout = ""
    refused(result, USAGE, ("standard output: No space left on device", "(ENOSPC)"))


@pytest.mark.parametrize("name", SILENT)
def test_a_closed_standard_output_is_an_error(command: str, run: Run, name: str) -> None:
    """No other descriptor gets the text."""
    words = [word.format(pid=os.getpid()) for word in SILENT[name]]
    result = run(["sh", "-c", 'exec "$@" >&-', "sh", command, *words])
    refused(result, USAGE, ("standard output is closed", "standard output: writing failed"))


@pytest.mark.parametrize("name", SILENT)
def test_a_pipe_without_a_reader_changes_nothing(command: str, name: str) -> None:
    """As with `| head`, which has read what it wanted: no line, and the command's own status."""
    words = [word.format(pid=os.getpid()) for word in SILENT[name]]
    reader, writer = os.pipe()
    os.close(reader)
    result = support.run_as_user(
        [command, *words], capture_output=False, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    expected = support.run_as_user([command, *words])
    assert (result.returncode, result.stderr) == (expected.returncode, expected.stderr)


@pytest.mark.parametrize("words", [["run", "nosuch"], ["status", "x"], ["nosuch"], ["run", "/etc"]])
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- >&-"])
def test_without_standard_error_the_status_is_the_same(
    command: str, words: list[str], redirection: str
) -> None:
    """The line does not go to standard output instead."""
    expected = support.run_as_user([command, *words])
    result = support.run_as_user(["sh", "-c", f'exec "$@" {redirection}', "sh", command, *words])
    assert (result.returncode, result.stdout, result.stderr) == (expected.returncode, "", "")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "0<&- 1>&- 2>&-"])
def test_a_program_starts_without_standard_error(
    command: str, compiler: support.Compiler, redirection: str
) -> None:
    """As it would without `run`."""
    subject = str(compiler("subject.c"))
    for method in ("execute-only", "preload"):
        run = [command, "run", "--method", method, "--", subject, "status", "7"]
        result = support.run_as_user(["sh", "-c", f'exec "$@" {redirection}', "sh", *run])
        assert (result.returncode, result.stdout, result.stderr) == (7, "", "")


@pytest.mark.parametrize("method", ["auto", "in-process"])
def test_a_script_that_cannot_be_read_is_refused_with_one_line(
    command: str, run: Run, user_tmp: Path, method: str
) -> None:
    """Here the kernel fails to read its first byte."""
    script = user_tmp / "script.py"
    script.symlink_to("/proc/self/mem")
    result = run([command, "run", "--method", method, str(script)])
    refused(result, CANNOT, f"{script}: cannot be read: Input/output error")


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["run", "nosuch.py"], "shutil"),
        (["confine", "--explain", "--json", "--", "true"], "subprocess"),
        (["status"], "argparse"),
    ],
    ids=["run", "confine", "status"],
)
def test_an_internal_error_is_not_taken_for_a_result(
    command: str, run: Run, user_tmp: Path, words: list[str], module: str
) -> None:
    """Python would exit with 1. Here a module of the standard library is damaged."""
    (user_tmp / f"{module}.py").write_text("raise RuntimeError('damaged')\n")
    result = run([command, *words], env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(user_tmp)})
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert result.stderr.endswith("RuntimeError: damaged\n")


def test_wrong_policies_end_the_program(python: str) -> None:
    """With one line and status 2; test_api.py has the details."""
    code = "import process_hardening as ph; ph.pre_main_hardening('strict'); print('went on')"
    result = support.run_as_user([python, "-c", code])
    refused(result, USAGE, "policy must be a process_hardening.Policy")


@pytest.mark.parametrize("words", [None, [b"true"], (None,), ("true",), b"true"])
def test_the_extensions_take_only_tuples_of_bytes(words: Any) -> None:
    """Anything else is a TypeError, also None, for which C has a NULL."""
    for call in (
        lambda: _launcher.launch(words, (), b"", None, "help", False),
        lambda: _launcher.launch((b"--explain", b"true"), words, b"", None, "help", False),
        lambda: _launcher.find(words, b"", b""),
        lambda: _confine.become(b"/nosuch", words, ()),
        lambda: _native.added(words),
        lambda: _native.matching([], (), words),
    ):
        with pytest.raises(TypeError, match="bytes"):
            call()


@pytest.mark.parametrize(
    "name", ["PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONVERBOSE", "PYTHONOPTIMIZE"]
)
def test_variables_of_python_do_not_change_the_errors(command: str, name: str) -> None:
    """They are meant for the program, but our interpreter reads them too."""
    value = "error" if name == "PYTHONWARNINGS" else "1"
    env = {**os.environ, name: value}
    result = support.run_as_user([command, "run", "nosuch"], env=env)
    assert result.returncode == NOT_FOUND
    assert "Traceback" not in result.stderr
    assert "process-hardening: nosuch: not found in PATH\n" in result.stderr
    if name != "PYTHONVERBOSE":
        assert result.stderr.count("\n") == 1
    assert support.run_as_user([command, "run", "true"], env=env).returncode == 0


def test_ctrl_c_stops_any_command(tmp_path: Path) -> None:
    """Whatever it waits for: here an interpreter that does not answer."""
    python, ready = tmp_path / "python", tmp_path / "ready"
    os.mkfifo(ready)
    python.write_text(f"#!/bin/sh\necho > {ready}\nexec sleep {support.TIMEOUT}\n")
    python.chmod(0o755)
    argv = [support.find_tool("process-hardening"), "hook", "status", "--python", str(python)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as command:
        ready.read_text()
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=support.TIMEOUT)
        assert (command.returncode, errors) == (130, "process-hardening: stopped\n")
