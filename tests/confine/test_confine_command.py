"""The command `confine`: its options, its statuses, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import elf_files
import starts
import support

if TYPE_CHECKING:
    from outsider import Outsider

OLD_LANDLOCK = str(Path(__file__).with_name("programs") / "old_landlock.py")
SIGNAL = "kill -0 $PPID"
NOT_REACHED, REACHED = 10, 11  # programs/reaches.c


@pytest.mark.parametrize("status", [0, 1, 7, 126, 255])
def test_the_status_is_the_programs_own(confine: str, status: int) -> None:
    assert support.run_as_user([confine, "sh", "-c", f"exit {status}"]).returncode == status


def test_a_signal_that_ends_the_program_is_its_own(confine: str) -> None:
    assert support.run_as_user([confine, "sh", "-c", "kill -9 $$"]).returncode == -9


def test_the_program_has_the_process_arguments_and_variables_of_the_command(confine: str) -> None:
    script = "echo $$ $0 $*; env"
    argv = [confine, "--", "sh", "-c", script, "name", "a b", "--explain"]
    with support.Running(argv, env={"PATH": "/usr/bin:/bin", "A": "B"}) as running:
        assert running.ready == f"{running.pid} name a b --explain"
        assert running.process.stdout
        output = running.process.stdout.read()  # communicate() does not see what was read ahead
    assert {"PATH=/usr/bin:/bin", "A=B"} <= set(output.splitlines())


def test_nothing_is_left_beside_the_program(confine: str) -> None:
    """No descriptor and no child of the command."""
    script = "ls -l /proc/self/fd | wc -l; cat /proc/self/task/*/children"
    plain = support.run_as_user(["sh", "-c", script])
    confined = support.run_as_user([confine, "sh", "-c", script])
    assert confined.stdout == plain.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--"],
        ["--no-such-option", "true"],
        ["--strict=1", "true"],
        ["--strict", "--allow-signals", "true"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_ends_with_2(confine: str, arguments: list[str]) -> None:
    starts.refused(support.run_as_user([confine, *arguments]), status=2)


def test_help_is_printed_to_standard_output(confine: str) -> None:
    for options in (["--help"], ["-h"], ["--strict", "--help", "true"]):
        result = support.run_as_user([confine, *options])
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("usage: confine ")


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", ""])
def test_a_program_that_is_not_found_ends_with_127(confine: str, name: str) -> None:
    starts.refused(support.run_as_user([confine, "--", name]), status=127)


def test_what_cannot_be_executed_ends_with_126(confine: str, user_tmp: Path) -> None:
    (user_tmp / "data").write_text("just text")
    (user_tmp / "data").chmod(0o755)
    (user_tmp / "script").write_text("#!/bin/sh\n")

    for path in (user_tmp, user_tmp / "data", user_tmp / "script"):
        starts.refused(support.run_as_user([confine, str(path)]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/nosuch/sh\n", "broken #! line: no such interpreter: /nosuch/sh"),
        ("just text\n", "neither an ELF program nor a script with a #! line"),
        (elf_files.make_elf(0).decode("latin-1"), "built for another architecture"),
    ],
    ids=["no interpreter", "text", "another architecture"],
)
def test_what_the_kernel_cannot_run_is_explained_as_by_harden(
    confine: str, user_tmp: Path, text: str, reason: str
) -> None:
    """The kernel's own words, such as *no such file* of a script, say less."""
    script = user_tmp / "script"
    script.write_text(text, encoding="latin-1")
    script.chmod(0o755)
    results = [
        support.run_as_user([command, "--", str(script)])
        for command in (confine, support.find_tool("harden"))
    ]
    line = f"process-hardening: {script}: {reason}\n"
    assert [(one.returncode, one.stderr) for one in results] == [(126, line)] * 2


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("ENOSYS", "Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK"),
        ("EOPNOTSUPP", "add landlock to lsm="),
        ("EPERM", "seccomp profile"),
    ],
)
def test_without_landlock_nothing_is_started_and_the_way_out_is_named(
    confine: str, error: str, advice: str
) -> None:
    filtered = starts.refusing(f"landlock_create_ruleset={error}")
    assert advice in starts.refused(support.run_as_user([*filtered, confine, "echo", "started"]))


@pytest.mark.parametrize(
    "answer",
    [
        "landlock_restrict_self=EPERM",
        "seccomp=EINVAL",
        "prctl=EPERM",
        "socketpair=EMFILE",
        "clone=EAGAIN",
        "close_range=EPERM",
    ],
)
def test_a_step_that_is_refused_starts_nothing(confine: str, answer: str) -> None:
    filtered = starts.refusing(answer)
    starts.refused(support.run_as_user([*filtered, confine, "echo", "started"]))


def test_a_rule_that_is_refused_starts_nothing(confine: str) -> None:
    """Only older kernels, and allowed signals, need one."""
    filtered = starts.refusing("landlock_add_rule=EPERM")
    argv = [*filtered, confine, "--allow-signals", "echo", "started"]
    assert "landlock_add_rule" in starts.refused(support.run_as_user(argv))


@pytest.mark.parametrize("answer", ["capget=EPERM", "capset=EPERM", "capset=0"])
def test_roots_capabilities_that_stay_start_nothing(confine: str, answer: str) -> None:
    support.require_root()
    filtered = starts.refusing(answer)
    starts.refused(support.run([*filtered, confine, "echo", "started"]))


EVERY_CALL = (
    *("capget", "capset", "clone", "close", "close_range", "dup3", "faccessat", "fcntl"),
    *("geteuid", "getpid", "getxattr", "ioctl", "kill"),
    *("landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self"),
    *("open_by_handle_at", "openat", "prctl", "preadv", "prlimit64", "read", "rt_sigpending"),
    *("rt_sigprocmask", "rt_sigtimedwait", "seccomp", "shutdown", "socketpair", "statx"),
    *("wait4", "write"),
)
"""The calls of confine, without those that every program needs to start and to end."""


def test_every_call_of_the_command_is_refused_once(confine: str, user_tmp: Path) -> None:
    """By the test below: strace(1) sees no others."""
    support.require_root()
    (user_tmp / "data").write_text("cannot be executed, so all calls are the command's own")
    (user_tmp / "data").chmod(0o755)
    seen: set[str] = set()
    for number, options in enumerate(([], ["--allow-signals"], ["--explain"])):
        trace = user_tmp / f"trace{number}"
        strace = [support.find_tool("strace"), "-f", "-o", str(trace)]
        support.run([*strace, confine, *options, str(user_tmp / "data")])
        seen.update(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    assert seen == {*EVERY_CALL, "execve", "exit_group"}


@pytest.mark.parametrize("result", ["EPERM", "ENOSYS", "0"])
@pytest.mark.parametrize("call", EVERY_CALL)
def test_whatever_call_a_profile_refuses_nothing_is_started_unconfined(
    confine: str,
    start_victim: Callable[..., Outsider],
    make: support.Compiler,
    call: str,
    result: str,
) -> None:
    """The program itself needs none of these calls, and tells by its status what it reaches."""
    with start_victim() as victim:
        program = [str(make("reaches.c", "-static")), str(victim.pid)]
        free = support.run_as_user(program)
        seen = support.run_as_user([*starts.refusing(f"{call}={result}"), confine, *program])
    assert free.returncode == REACHED
    if seen.returncode == 126 and call != "write":
        starts.refused(seen)
    assert seen.returncode in {126, NOT_REACHED}


@pytest.mark.parametrize("call", ["landlock_create_ruleset", "landlock_restrict_self", "seccomp"])
def test_a_step_that_only_claims_success_starts_nothing(confine: str, call: str) -> None:
    """A filter of whoever started it answers for the kernel; the restriction is tried out."""
    filtered = starts.refusing(f"{call}=0")
    starts.refused(support.run_as_user([*filtered, confine, "echo", "started"]))


def test_signals_that_only_claim_to_be_sent_start_nothing(confine: str) -> None:
    filtered = starts.refusing("kill=0")
    starts.refused(support.run_as_user([*filtered, confine, "echo", "started"]))


def test_a_filter_that_answers_for_a_limit_does_not_get_in_the_way(confine: str) -> None:
    """Of two filters that answer with an error number, the later one wins: seccomp(2)."""
    filtered = starts.refusing("prlimit64=0")
    result = support.run_as_user([*filtered, confine, "echo", "started"])
    assert (result.returncode, result.stdout) == (0, "started\n")


def test_without_proc_nothing_is_started(confine: str) -> None:
    """The restrictions cannot be tried out without it."""
    support.require_root()
    script = f"mount -t tmpfs none /proc && exec {confine} echo started"
    result = support.run(["unshare", "--mount", "sh", "-c", script])
    assert "mount /proc" in starts.refused(result)


def test_confine_can_be_nested_16_times_and_not_17_times(confine: str) -> None:
    assert support.run_as_user([*[confine] * 16, "echo", "started"]).stdout == "started\n"
    line = starts.refused(support.run_as_user([*[confine] * 17, "echo", "started"]))
    assert "at most 16 nested confinements" in line


def old_landlock(version: int, *argv: str) -> list[str]:
    """The command line that runs a program where Landlock has an older version."""
    return [sys.executable, OLD_LANDLOCK, str(version), *argv]


def test_where_signals_cannot_be_refused_a_line_says_where_a_core_would_go(
    confine: str, core_pattern: support.Sysctl
) -> None:
    core_pattern.set("|/usr/bin/collect %p")
    argv = old_landlock(5, confine, "sh", "-c", f"{SIGNAL} && echo sent")
    result = support.run_as_user(argv)

    assert result.stdout == "sent\n"
    (line,) = result.stderr.splitlines()
    assert "Linux before 6.12 cannot block signals" in line
    assert "piped to /usr/bin/collect %p" in line
    assert "a signal makes Node.js, Deno, a JVM or Erlang disclose its memory" in line


def test_where_signals_cannot_be_refused_strict_starts_nothing(confine: str) -> None:
    argv = old_landlock(5, confine, "--strict", "echo", "started")
    assert "6.12" in starts.refused(support.run_as_user(argv))


def test_where_signals_are_allowed_anyway_an_old_kernel_is_no_news(confine: str) -> None:
    argv = old_landlock(5, confine, "--allow-signals", "echo", "started")
    result = support.run_as_user(argv)
    assert (result.stdout, result.stderr) == ("started\n", "")


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_an_old_kernel_keeps_the_memory_of_others_from_it(
    confine: str, start_victim: Callable[..., Outsider], version: int
) -> None:
    with start_victim() as victim:
        path = f"/proc/{victim.pid}/environ"
        assert victim.secret in support.run_as_user(["cat", path]).stdout
        assert support.run_as_user(old_landlock(version, confine, "cat", path)).stdout == ""


RENAME = [sys.executable, str(Path(__file__).with_name("programs") / "rename_into.py")]


def test_the_oldest_kernels_refuse_to_rename_across_folders_and_a_line_says_so(
    confine: str, user_tmp: Path
) -> None:
    argv = old_landlock(1, confine, *RENAME)
    result = support.run_as_user(argv, cwd=user_tmp)
    assert "Invalid cross-device link" in result.stderr
    assert "Linux before 5.19 also blocks renaming" in result.stderr.splitlines()[0]


@pytest.mark.parametrize("version", [2, 5])
def test_other_kernels_rename_across_folders(confine: str, user_tmp: Path, version: int) -> None:
    argv = old_landlock(version, confine, "--allow-signals", *RENAME)
    assert support.run_as_user(argv, cwd=user_tmp).returncode == 0


def test_explain_says_what_is_refused_and_starts_nothing(confine: str) -> None:
    result = support.run_as_user([confine, "--explain", "echo", "started"])
    labels = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, "")
    assert {"program", "method", "blocked", "signals", "not blocked"} <= set(labels)
    assert "started" not in result.stdout
    for call in ("F_SETSIG", "open_by_handle_at", "NS_MNT_GET_NEXT and NS_MNT_GET_PREV"):
        assert call in result.stdout


@pytest.mark.parametrize("option", ["--explain", "--help"])
def test_what_cannot_be_printed_ends_with_2(confine: str, option: str) -> None:
    script = 'exec "$@" >/dev/full'
    argv = [confine, option] if option == "--help" else [confine, option, "true"]
    line = starts.refused(support.run_as_user(["sh", "-c", script, "sh", *argv]), status=2)
    assert "standard output" in line


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("--env=API_KEY=sk-0123456789", 2),
        ("API_KEY=sk-0123456789", 127),
        ("API_KEY=sk-/0123456789", 127),
    ],
)
def test_no_value_is_printed(confine: str, word: str, status: int) -> None:
    """It may be a secret of somebody who took this for env(1)."""
    line = starts.refused(support.run_as_user([confine, word, "true"]), status=status)
    assert word.partition("=")[0] in line
    assert "sk-" not in line
    assert "0123456789" not in line


def test_explain_says_why_it_cannot_be_done(confine: str) -> None:
    filtered = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    starts.refused(support.run_as_user([*filtered, confine, "--explain", "true"]))


def test_a_command_that_nobody_may_read_confines_too(
    confine: str, start_victim: Callable[..., Outsider], user_tmp: Path
) -> None:
    """As root may install it, with mode 0711: the process that it tries out is readable."""
    path = user_tmp / "confine"
    shutil.copy(confine, path)
    path.chmod(0o711)
    with start_victim() as victim:
        argv = [str(path), "cat", f"/proc/{victim.pid}/environ"]
        result = support.run_as_user(argv)
    assert (result.returncode, result.stdout) == (1, "")
    assert "Permission denied" in result.stderr


def test_process_hardening_confine_is_the_same_command(command: str) -> None:
    native = support.run_as_user([support.find_tool("confine"), "--help"])
    assert support.run_as_user([command, "confine", "--help"]).stdout == native.stdout
    result = support.run_as_user([command, "confine", "--", "sh", "-c", "exit 3"])
    assert result.returncode == 3
    ignore = ["env", "--ignore-signal=SIGCHLD"]
    show = ["grep", "SigIgn", "/proc/self/status"]
    expected = support.run_as_user([*ignore, *show]).stdout
    assert support.run_as_user([*ignore, command, "confine", *show]).stdout == expected
    starts.refused(support.run_as_user([command, "confine", "no-such-program"]), status=127)


def test_root_gives_up_the_capabilities_that_read_memory(confine: str) -> None:
    support.require_root()
    script = "grep CapEff /proc/self/status"
    result = support.run([confine, "sh", "-c", script])
    assert not int(result.stdout.split()[1], 16) & (1 << 16 | 1 << 17 | 1 << 21 | 1 << 23 | 1 << 38)


def test_the_process_that_it_tries_the_restrictions_on_holds_nothing(
    confine: str, user_tmp: Path
) -> None:
    """It can be read by anybody of the user, so it has no variables, arguments and descriptors."""
    variable = "variable-0123456789"
    delayed = ["-f", "-o", "trace", "-e", "trace=seccomp", "-e", "inject=seccomp:delay_enter=5s"]
    argv = [support.find_tool("strace"), *delayed, confine, "echo", "argument-0123456789"]
    env = {"PATH": "/usr/bin:/bin", "SECRET": variable}
    options = {"cwd": user_tmp, "env": env, **support.user_options()}
    with (user_tmp / "trace").open("w") as trace:
        os.chmod(trace.fileno(), 0o666)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, **options) as strace:
        launcher, probe = wait_for_probe(strace.pid)
        shown = (probe / "environ").read_bytes() + (probe / "cmdline").read_bytes()
        launchers = (launcher / "environ").read_bytes()
        output, _ = strace.communicate(timeout=support.TIMEOUT)

    assert variable.encode() in launchers
    assert not shown.strip(b"\0")
    assert output == b"argument-0123456789\n"


def list_children(process: Path) -> list[Path]:
    """The children of a process; none when it has ended."""
    try:
        text = (process / "task" / process.name / "children").read_text()
    except OSError:
        return []
    return [Path("/proc") / pid for pid in text.split()]


def holds_sockets_only(process: Path) -> bool:
    """Whether a process has closed whatever it inherited."""
    try:
        kinds = {os.readlink(path).partition(":")[0] for path in (process / "fd").iterdir()}
    except OSError:
        return False
    return kinds == {"socket"}


def wait_for_probe(strace: int) -> tuple[Path, Path]:
    """The launcher below strace, and its child, once that holds nothing but its sockets."""
    deadline = time.monotonic() + support.TIMEOUT
    while time.monotonic() < deadline:
        for launcher in list_children(Path("/proc") / str(strace)):
            for probe in list_children(launcher):
                if holds_sockets_only(probe):
                    return launcher, probe
    pytest.fail("the launcher made no process that holds sockets only")
