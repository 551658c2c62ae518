"""`run`: its options, and what a program sees of having been started by it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import starts
import support

METHODS = ("execute-only", "copy", "preload")
BYPASS = (
    "process-hardening: CODEX_SKIP_HARDENING=1: starting without hardening, which exposes secrets\n"
)


@pytest.fixture
def subject(compiler: support.Compiler) -> str:
    """The dynamic C program."""
    return str(compiler("subject.c"))


@pytest.fixture
def run_argv(command: str) -> list[str]:
    """The start of every command line here."""
    return [command, "run"]


def told(argv: list[str], **options: Any) -> starts.Shown:
    """Start a program that tells, as the unprivileged user."""
    options.setdefault("env", starts.remove_loader_variables())
    return starts.show(argv, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [""],
        ["a b", "  ", "'", '"', "$HOME", "*", "\\"],
        ["é漢", "\udcff\udcfe", "a\nb\tc", "\x1b[0m"],
        ["--", "--strict", "-m", "-", "--method=preload"],
        ["x" * 100_000],
        [str(number) for number in range(5000)],
    ],
    ids=lambda words: repr(words)[:20],
)
@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_passed_exactly(
    run_argv: list[str], subject: str, method: str, arguments: list[str]
) -> None:
    """Empty ones, blanks, any bytes, options of our own: all the program's."""
    argv = [*run_argv, "--method", method, subject, "tell", *arguments]
    expected = [os.fsencode(word) for word in (subject, "tell", *arguments)]
    assert told(argv).arguments == expected


@pytest.mark.parametrize("arguments", [[], ["", "a b", "\udcff", "--strict", "-m"]])
def test_a_program_run_in_process_gets_the_argv_of_python(
    run_argv: list[str], user_tmp: Path, arguments: list[str]
) -> None:
    """A script and a module get the argv that `python` would give them."""
    path = starts.copy_script("arguments.py", user_tmp)
    for words, first in ((["arguments.py"], "arguments.py"), (["-m", "arguments"], path)):
        argv = [*run_argv, "--method", "in-process", *words, *arguments]
        result = support.run_as_user(argv, cwd=user_tmp)
        assert json.loads(result.stdout) == [[first, *arguments], str(user_tmp)], result.stderr


@pytest.mark.parametrize("method", METHODS)
def test_the_environment_is_otherwise_unchanged(
    compiler: support.Compiler, run_argv: list[str], subject: str, method: str
) -> None:
    """Order, duplicates, what is not UTF-8 and what is no NAME=VALUE: only LD_* is gone."""
    kept = [b"A=1", b"A=2", b"LANG=C", b"X\xff=\xfe", b"=x", b"NOTHING", b"E=", b"B=c=d\n"]
    entries = [kept[0], b"LD_PRELOAD=", *kept[1:4], b"LD_X=1", b"LD_BIND_NOW", *kept[4:]]
    argv = starts.make_raw_argv(compiler, entries, [*run_argv, "--method", method, subject, "tell"])
    found = told(argv)
    assert found.variables == kept  # no LC_CTYPE, which Python adds in the C locale


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_environment_stays_empty(
    compiler: support.Compiler, run_argv: list[str], subject: str, method: str
) -> None:
    """Nothing is put in its place."""
    argv = starts.make_raw_argv(compiler, [], [*run_argv, "--method", method, subject, "tell"])
    assert told(argv).variables == []


@pytest.mark.parametrize("method", METHODS)
def test_thousands_of_variables_are_passed_or_removed(
    compiler: support.Compiler, run_argv: list[str], subject: str, method: str
) -> None:
    """Every second of 5,000 is a loader variable."""
    entries = [b"%sV%d=%d" % (b"LD_" if i % 2 else b"", i, i) for i in range(5000)]
    argv = starts.make_raw_argv(compiler, entries, [*run_argv, "--method", method, subject, "tell"])
    assert told(argv).variables == entries[::2]


@pytest.mark.parametrize("method", METHODS)
def test_root_finds_no_loader_variable_in_proc(
    run_argv: list[str], subject: str, method: str
) -> None:
    """The new image's initial environment has none, not even our own."""
    support.require_root()
    env = {**starts.remove_loader_variables(), "LD_PRELOAD": "", "LD_LIBRARY_PATH": "/x"}
    with support.Running([*run_argv, "--method", method, subject, "wait"], env=env) as program:
        names = {entry.partition(b"=")[0] for entry in starts.read_initial_environment(program.pid)}
    assert not [name for name in names if name.startswith(b"LD_")]
    assert b"PATH" in names


@pytest.mark.parametrize("method", [*METHODS, "in-process"])
@pytest.mark.parametrize("user", ["user", "root"])
def test_what_belongs_to_the_process_stays(
    run_argv: list[str], subject: str, user_tmp: Path, method: str, user: str
) -> None:
    """Pid, working directory, descriptors (and no more of them), ignored signals, umask."""
    support.require_root()
    program = [subject] if method != "in-process" else [starts.copy_script("subject.py", user_tmp)]
    reader, writer = os.pipe()
    number = os.dup2(reader, 150)
    ignored = {signal.SIGHUP, signal.SIGCHLD}
    with support.Running(
        [*run_argv, "--method", method, "--", *program, "wait"],
        cwd=user_tmp,
        pass_fds=[number],
        umask=0o27,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN) for number in ignored],
        **({} if user == "user" else {"user": None, "group": None, "extra_groups": None}),
    ) as running:
        folder = Path(f"/proc/{running.pid}")
        assert (folder / "cwd").readlink() == user_tmp
        descriptors = {int(entry.name) for entry in (folder / "fd").iterdir()}
        assert descriptors == {0, 1, 2, number}
        assert (folder / "fd" / "150").readlink().name.startswith("pipe:")
        status = (folder / "status").read_text()
        assert "\nUmask:\t0027\n" in status
        assert f"\nPid:\t{running.pid}\n" in status
        assert ignored <= starts.read_ignored_signals(running.pid)
        assert f"\nPPid:\t{os.getpid()}\n" in status
        capabilities = re.findall(r"^Cap(?:Prm|Eff):\t(.*)$", status, re.MULTILINE)
        ours = Path("/proc/self/status").read_text()
        expected = re.findall(r"^Cap(?:Prm|Eff):\t(.*)$", ours, re.MULTILINE)
        assert capabilities == (expected if user == "root" else ["0" * 16] * 2)
    for fd in (reader, writer, number):
        os.close(fd)


@pytest.mark.parametrize("closed", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_a_closed_standard_stream_stays_closed(
    run_argv: list[str], user_tmp: Path, method: str, closed: int
) -> None:
    """No descriptor of ours takes its place in the program."""
    output = user_tmp / "output"
    close = ["sh", "-c", f'exec {closed}>&-; exec "$@"', "sh"]
    program = [sys.executable, str(starts.SOURCES / "descriptors.py"), str(output)]
    result = support.run_as_user([*close, *run_argv, "--method", method, "--", *program])
    assert result.returncode == 0, result.stderr
    assert json.loads(output.read_text()) == [fd for fd in (0, 1, 2) if fd != closed]


@pytest.mark.parametrize("method", [*METHODS, "in-process"])
def test_an_injected_library_is_never_loaded(
    compiler: support.Compiler, run_argv: list[str], subject: str, user_tmp: Path, method: str
) -> None:
    """Into the program, that is: our own interpreter is started by the caller."""
    marks = user_tmp / "marks"
    env = {
        **starts.remove_loader_variables(),
        "LD_PRELOAD": starts.build_marking_library(compiler),
        "MARK_FILE": str(marks),
    }
    program = [subject, "status", "0"]
    if method == "in-process":
        program = [starts.copy_script("subject.py", user_tmp), "status", "0"]
    result = support.run_as_user([*run_argv, "--method", method, "--", *program], env=env)
    assert result.returncode == 0, result.stderr
    python = os.path.realpath(sys.executable)
    assert marks.read_text().splitlines() == [python]

    # The control: started without us, the program has it.
    marks.unlink()
    support.run_as_user([subject, "status", "0"], env=env)
    assert marks.read_text().splitlines() == [subject]


@pytest.mark.parametrize("start", [["-m", "maps"], ["maps.py"]], ids=" ".join)
@pytest.mark.parametrize("method", [*METHODS, "in-process", None])
def test_an_injected_library_is_not_mapped(
    compiler: support.Compiler,
    run_argv: list[str],
    user_tmp: Path,
    method: str | None,
    start: list[str],
) -> None:
    """Nor is it in the program's memory when our own interpreter becomes the program."""
    starts.copy_script("maps.py", user_tmp)
    env = {
        **starts.remove_loader_variables(),
        "LD_PRELOAD": starts.build_marking_library(compiler),
        "MARK_FILE": str(user_tmp / "marks"),
    }
    run = [*run_argv, "--method", method] if method else [sys.executable]
    result = support.run_as_user([*run, *start, "a b"], cwd=user_tmp, env=env, input="text")
    assert result.stdout == f"{method is None} ['a b'] text\n", result.stderr


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], {"A", "AB", "SSLKEYLOGFILE"}),
        (["--keep", "LD_X"], {"A", "AB", "SSLKEYLOGFILE", "LD_X"}),
        (["--keep=LD_*"], {"A", "AB", "SSLKEYLOGFILE", "LD_X", "LD_LIBRARY_PATH"}),
        (["--clear", "A"], {"AB", "SSLKEYLOGFILE"}),
        (["--clear", "A*"], {"SSLKEYLOGFILE"}),
        (["--clear", "A*", "--keep", "AB", "--keep", "LD_X"], {"AB", "SSLKEYLOGFILE", "LD_X"}),
        (["--strict"], {"A", "AB"}),
        (["--strict", "--keep", "SSLKEYLOGFILE", "--clear=A"], {"AB", "SSLKEYLOGFILE"}),
    ],
    ids=lambda words: " ".join(sorted(words)) or "none",
)
@pytest.mark.parametrize("method", METHODS)
def test_keep_clear_and_strict_decide_which_variables_are_passed(
    run_argv: list[str],
    subject: str,
    method: str,
    options: list[str],
    left: set[str],
) -> None:
    """Which variables reach the program."""
    given = dict.fromkeys(("A", "AB", "SSLKEYLOGFILE", "LD_X"), "1")
    env = {**given, "LD_LIBRARY_PATH": "/x", "PATH": "/usr/bin:/bin"}
    found = told([*run_argv, "--method", method, *options, subject, "tell"], env=env)
    names = {name.decode() for name in found.names} - {"PATH", "PROCESS_HARDENING_SET_ASIDE"}
    assert names == left
    assert found.number("no_new_privs") == int("--strict" in options)
    assert found.number("dumpable") == 0
    assert found.values("core") == ["0 0"]


@pytest.mark.parametrize("method", [*METHODS, "in-process"])
def test_strict_refuses_a_tracer(
    run_argv: list[str], subject: str, user_tmp: Path, method: str
) -> None:
    """Status 6 before the program is started."""
    strace = [support.find_tool("strace"), "-o", os.devnull, "-e", "trace=none", "--"]
    program = [starts.copy_script("subject.py", user_tmp)] if method == "in-process" else [subject]
    argv = [*strace, *run_argv, "--strict", "--method", method, "--", *program, "status", "0"]
    result = support.run_as_user(argv)
    assert (result.returncode, result.stdout) == (6, "")
    assert "a tracer is attached" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("harden", ["0", "1"])
@pytest.mark.parametrize("children", [True, False])
def test_children_option_hardens_child_and_grandchild(
    run_argv: list[str], method: str, harden: str, children: bool
) -> None:
    """Also those below programs that harden themselves; without --children only such programs."""
    options = ["--children"] if children else []
    family = [sys.executable, str(starts.SOURCES / "family.py"), "2"]
    argv = [*run_argv, *options, "--method", method, "--", *family]
    result = support.run_as_user(argv, env={**starts.remove_loader_variables(), "HARDEN": harden})
    assert result.returncode == 0, result.stderr
    protected = int(not children and harden == "0")
    assert json.loads(result.stdout) == [[2, 0], [1, protected], [0, protected]]


@pytest.mark.parametrize("method", METHODS)
def test_children_of_every_libc_are_hardened(
    compiler: support.Compiler, run_argv: list[str], method: str
) -> None:
    """One library for glibc and musl; a static child cannot load it and stays as it is."""
    musl = str(compiler("subject.c", name="musl", cc="musl-gcc"))
    static = starts.build_static(compiler)
    glibc = str(compiler("subject.c"))
    for child, dumpable in ((glibc, 0), (musl, 0), (static, 1)):
        found = told([*run_argv, "--children", "--method", method, "sh", "-c", f"{child} tell; :"])
        assert (child, found.number("dumpable")) == (child, dumpable)
        assert found.values("core") == ["0 0"]


def test_children_are_hardened_through_an_interpreter_of_musl(
    compiler: support.Compiler, run_argv: list[str]
) -> None:
    """A program that drops the variables is followed when it becomes another one."""
    musl = str(compiler("raw_exec.c", name="musl_raw_exec", cc="musl-gcc"))
    glibc = str(compiler("subject.c"))
    found = told([*run_argv, "--children", "sh", "-c", f"{musl} 0 {glibc} tell; {glibc} tell"])
    assert found.values("dumpable") == ["0", "0"]


def test_children_of_a_set_user_id_program_are_left_alone(
    run_argv: list[str], user_tmp: Path, subject: str
) -> None:
    """The loader itself drops our library there (ld.so(8), secure-execution mode): no error."""
    support.require_root()
    path = user_tmp / "setuid"
    path.write_bytes(Path(subject).read_bytes())
    path.chmod(0o4755)
    os.chown(path, 0, 0)
    path.chmod(0o4755)
    found = told([*run_argv, "--children", "sh", "-c", f"{path} tell; :"])
    assert found.values("core") == ["0 0"]


@pytest.mark.parametrize(
    ("options", "program", "expected"),
    [
        ([], "dynamic", ["execute-only: a stand-in under", "from its first instruction"]),
        (["--method", "copy"], "dynamic", ["copy, under the program's own path"]),
        (["--method", "execute-only"], "dynamic", ["first instruction", "injected libraries"]),
        (
            ["--method", "preload"],
            "dynamic",
            [
                "from just before its main()",
                "the window between exec and the library's constructor",
            ],
        ),
        (
            ["--method", "in-process"],
            "script",
            [
                "from just before its first line until it executes another program",
                "while this interpreter started",
            ],
        ),
        ([], "$ORIGIN", ["execute-only: a stand-in under", "from its first instruction"]),
        (["--children"], "dynamic", ["dynamically linked programs are hardened too"]),
        (["--strict"], "dynamic", ["no_new_privs:     set"]),
        (["--seal"], "dynamic", ["no_new_privs:     set"]),
        (["--clear", "A"], "dynamic", ["removed:          LD_X, A"]),
        (["--keep", "LD_X"], "dynamic", ["removed:          nothing"]),
        ([], "module", ["execute-only", "'-m' 'nosuch'"]),
        (["--method", "in-process"], "module", ["in-process", "'-m' 'nosuch'"]),
    ],
)
def test_explain_says_what_is_protected_and_starts_nothing(
    compiler: support.Compiler,
    run_argv: list[str],
    user_tmp: Path,
    options: list[str],
    program: str,
    expected: list[str],
) -> None:
    """Says what would be done, what it protects and what not; starts nothing."""
    started = user_tmp / "started"
    touch = starts.copy_script("touch.py", user_tmp)
    words = {
        "dynamic": ["--", starts.find_system_program("touch"), str(started)],
        "script": [touch, str(started)],
        "$ORIGIN": [starts.build_with_origin(compiler)],
        "module": ["-m", "nosuch"],
    }[program]
    env = {"PATH": "/usr/bin:/bin", "LD_X": "1", "A": "1"}
    result = support.run_as_user([*run_argv, "--explain", *options, *words], env=env)
    assert (result.returncode, result.stderr) == (0, "")
    assert all(text in result.stdout for text in expected), result.stdout
    for label in ("program", "arguments", "method", "protects", "does not protect", "children"):
        assert len(re.findall(f"^{label}: ", result.stdout, re.MULTILINE)) == 1
    assert "its arguments" in result.stdout
    assert not started.exists()


@pytest.mark.parametrize("method", ["auto", *METHODS, "in-process"])
def test_explain_says_that_the_bypass_protects_nothing(
    run_argv: list[str], user_tmp: Path, method: str
) -> None:
    """It starts nothing then either, and says that nothing would be protected."""
    started = user_tmp / "started"
    path = starts.copy_script("touch.py", user_tmp)
    env = {**os.environ, "CODEX_SKIP_HARDENING": "1"}
    argv = [*run_argv, "--explain", "--method", method, path, str(started)]
    result = support.run_as_user(argv, env=env)
    assert (result.returncode, result.stderr) == (0, BYPASS)
    assert "nothing: the bypass variable is set" in result.stdout
    assert not started.exists()


def test_explain_prints_names_on_one_line_each(run_argv: list[str], user_tmp: Path) -> None:
    """Whatever the name of the program is, and whatever the encoding of the terminal."""
    for name in ("a\nb", "\x1b[31mred", "\udcff", "é"):
        path = user_tmp / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        env = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
        result = support.run_as_user([*run_argv, "--explain", "--", str(path)], env=env)
        assert (result.returncode, result.stderr) == (0, ""), name
        assert re.fullmatch(r"([a-z ]+: +[ -~]+\n)+", result.stdout), name


@pytest.mark.parametrize("method", ["auto", *METHODS, "in-process"])
def test_the_bypass_starts_the_program_unprotected(
    compiler: support.Compiler, run_argv: list[str], user_tmp: Path, method: str
) -> None:
    """With a warning; with its environment as it was, and SIGPIPE as the caller had it."""
    subject = str(compiler("subject.c"))
    if method == "in-process":
        argv = [*run_argv, "--method", method, starts.copy_script("verdict.py", user_tmp)]
        result = support.run_as_user(argv, env={**os.environ, "CODEX_SKIP_HARDENING": "1"})
        assert (result.stdout, result.stderr) == ("exposed\n", BYPASS)
        return
    entries = [b"CODEX_SKIP_HARDENING=1", b"A=1", b"A=2", b"LD_X=1", b"NOTHING"]
    argv = starts.make_raw_argv(compiler, entries, [*run_argv, "--method", method, subject, "tell"])
    result = support.run_as_user(argv)
    assert result.stderr == BYPASS
    found = starts.Shown(result.stdout)
    assert found.variables == entries
    assert found.number("dumpable") == 1
    assert found.values("sigpipe") == ["default"]


def test_auto_takes_preload_with_suid_dumpable_1(
    run_argv: list[str], subject: str, suid_dumpable: support.Sysctl
) -> None:
    """An execute-only image would be exposed: the library does it, and --explain says why."""
    suid_dumpable.set("1")
    text = support.run_as_user([*run_argv, "--explain", subject]).stdout
    assert "method:           preload: " in text
    assert "reason:           cannot use execute-only by name: fs.suid_dumpable=1" in text
    assert told([*run_argv, subject, "tell"]).number("dumpable") == 0


@pytest.mark.parametrize("method", ["auto", "execute-only"])
def test_execute_only_makes_the_2_of_suid_dumpable_a_0(
    run_argv: list[str], subject: str, suid_dumpable: support.Sysctl, method: str
) -> None:
    """Born with 2, which lets a core_pattern pipe read it: the stand-in makes it 0."""
    suid_dumpable.set("2")
    found = told([*run_argv, "--method", method, subject, "tell"])
    assert found.number("dumpable") == 0
    assert not [name for name in found.names if name.startswith(b"LD_")]


def test_execute_only_with_suid_dumpable_1_is_refused(
    run_argv: list[str], subject: str, suid_dumpable: support.Sysctl
) -> None:
    """Asked for by name, it must not be something else."""
    suid_dumpable.set("1")
    result = support.run_as_user([*run_argv, "--method", "execute-only", subject, "tell"])
    assert (result.returncode, result.stdout) == (126, "")
    assert "cannot use execute-only by name: fs.suid_dumpable=1" in result.stderr


def test_a_static_program_with_suid_dumpable_1_is_refused(
    compiler: support.Compiler, run_argv: list[str], suid_dumpable: support.Sysctl
) -> None:
    """No method is left: it is not started."""
    suid_dumpable.set("1")
    static = starts.build_static(compiler)
    result = support.run_as_user([*run_argv, static, "tell"])
    assert (result.returncode, result.stdout) == (126, "")
    assert result.stderr.endswith("; cannot use preload: it is statically linked\n")


def test_a_static_program_with_suid_dumpable_2_leaves_nothing_to_a_pipe(
    compiler: support.Compiler, run_argv: list[str], suid_dumpable: support.Sysctl
) -> None:
    """No library can be loaded into it: the stand-in does it all the same."""
    suid_dumpable.set("2")
    static = starts.build_static(compiler)
    assert told([*run_argv, static, "tell"]).number("dumpable") == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_program_that_hardens_itself_finds_it_done(run_argv: list[str], method: str) -> None:
    """pre_main_hardening() reports each step as already in place."""
    program = [sys.executable, str(starts.SOURCES / "outcomes.py")]
    argv = [*run_argv, "--method", method, "--", *program]
    result = support.run_as_user(argv, env={**starts.remove_loader_variables(), "LD_X": "1"})
    found = json.loads(result.stdout)
    assert found[:2] == ["already in place", "already in place"]
    # The library took itself out of environ, and its bytes out of the initial block.
    assert found[2] == "already in place"


def test_run_works_within_run(run_argv: list[str], subject: str) -> None:
    """Each does its part."""
    nested = [*run_argv, "--children", "--", *run_argv, "--", subject, "tell"]
    found = told(nested)
    assert found.number("dumpable") == 0
    # The inner one keeps what the outer put there for all descendants.
    assert b"PROCESS_HARDENING_CHILDREN" in found.names


@pytest.mark.parametrize("method", ["auto", "preload"])
def test_the_program_works_as_before(run_argv: list[str], user_tmp: Path, method: str) -> None:
    """Child processes, threads, multiprocessing, terminals and event loops."""
    program = [sys.executable, str(starts.SOURCES / "busy.py")]
    result = support.run_as_user([*run_argv, "--method", method, "--", *program], cwd=user_tmp)
    assert result.stdout == "thread\ndone\n", result.stderr


@pytest.mark.parametrize(
    ("end", "status", "output", "errors"),
    [
        ("text", 1, "", r"reason\n"),
        ("status", 9, "", ""),
        ("atexit", 0, "bye\n", ""),
        ("traceback", 1, "", r"Traceback (.*\n)+ValueError: x\n"),
        ("hardening", 1, "", r"Traceback (.*\n)+process_hardening\.errors\.HardeningError: x\n"),
        ("interrupt", -2, "", r"Traceback (.*\n)+KeyboardInterrupt\n"),
        ("signal", -15, "", ""),
        ("_exit", 3, "", ""),
        ("name", 0, "__main__ True\n", ""),
    ],
)
def test_a_program_run_in_process_ends_as_under_python(
    run_argv: list[str], end: str, status: int, output: str, errors: str
) -> None:
    """Its status, output and traceback are its own."""
    program = [str(starts.SOURCES / "end.py"), end]
    result = support.run_as_user([*run_argv, "--method", "in-process", *program])
    assert (result.returncode, result.stdout) == (status, output)
    assert re.fullmatch(errors, result.stderr)


def test_a_module_that_fails_to_import_another_says_so(run_argv: list[str], user_tmp: Path) -> None:
    """The error of the program is not taken for one of the command line."""
    (user_tmp / "package").mkdir()
    (user_tmp / "package" / "__main__.py").touch()
    for missing in ("nosuchthing", "pack"):
        (user_tmp / "package" / "__init__.py").write_text(f"import {missing}")
        argv = [*run_argv, "--method", "in-process", "-m", "package"]
        result = support.run_as_user(argv, cwd=user_tmp)
        assert result.returncode == 1
        assert f"ModuleNotFoundError: No module named '{missing}'" in result.stderr


def test_without_proc_nothing_is_started(run_argv: list[str]) -> None:
    """The initial environment cannot be read there: one line, and no traceback."""
    support.require_root()
    script = 'umount -l /proc && exec "$@"'
    unshare = [support.find_tool("unshare"), "--mount", "--", "sh", "-c", script, "sh"]
    result = support.run([*unshare, *run_argv, "echo", "started"])
    if "ermission" in result.stderr and "process-hardening" not in result.stderr:
        support.fail_or_skip("the right to unmount /proc in a namespace of its own")
    assert (result.returncode, result.stdout) == (8, "")
    assert result.stderr.startswith("process-hardening: reading /proc/self/stat failed: No such f")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["with blank", "with\ttab"])
def test_preload_is_refused_where_ld_preload_cannot_name_our_library(
    python: str, subject: str, user_tmp: Path, name: str
) -> None:
    """A blank would cut the entry in two and start the program unprotected: refused."""
    import process_hardening

    folder = user_tmp / name
    folder.mkdir()
    package = Path(str(process_hardening.__file__)).parent
    subprocess.run(["cp", "-r", str(package), str(folder)], check=True)
    env = {**starts.remove_loader_variables(), "PYTHONPATH": str(folder)}
    run = [python, "-m", "process_hardening", "run", "--method"]
    result = support.run_as_user([*run, "preload", subject, "tell"], env=env)
    assert (result.returncode, result.stdout) == (126, "")
    assert "in a path without blanks, colons or dollar signs" in result.stderr
    assert told([*run, "execute-only", subject, "tell"], env=env).number("dumpable") == 0


def test_a_limit_of_file_sizes_is_a_reason_and_not_a_signal(run_argv: list[str]) -> None:
    """The copy of an image counts: one line and 126; SIGXFSZ is as it was for the program."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    result = support.run_as_user([*run_argv, "true"], preexec_fn=limit)
    assert result.returncode == 126
    assert result.stderr.endswith("write failed: File too large (EFBIG)\n")
    ask = "import signal; print(signal.getsignal(signal.SIGXFSZ))"
    plain = support.run_as_user([sys.executable, "-c", ask]).stdout
    assert support.run_as_user([*run_argv, sys.executable, "-c", ask]).stdout == plain
    status = "grep SigIgn /proc/self/status"
    assert support.run_as_user([*run_argv, "sh", "-c", status]).stdout.endswith("0000\n")


@pytest.mark.parametrize("executable", [False, True])
def test_a_script_whose_name_looks_like_an_option_is_run(
    run_argv: list[str], user_tmp: Path, executable: bool
) -> None:
    """It is a file, not options of Python."""
    script = user_tmp / "-c.py"
    script.write_text("print('ran')\n")
    script.chmod(0o755 if executable else 0o644)
    name = "./-c.py" if executable else "-c.py"
    result = support.run_as_user([*run_argv, "--", name], cwd=user_tmp)
    assert (result.returncode, result.stdout) == (0, "ran\n"), result.stderr
