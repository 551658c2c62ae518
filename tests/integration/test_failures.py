"""A step that fails ends the process: with its status, its line, and nothing of the application.

programs/filtered.py makes system calls fail, or lie, for a program and all that it starts.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import support
import victims
from victims import find_command, make_chat_argv

BYPASS = "CODEX_SKIP_HARDENING"
OFFER = f" ({BYPASS}=1 starts without hardening, which exposes secrets)"
WARNING = f"process-hardening: {BYPASS}=1: starting without hardening, which exposes secrets\n"


class Failure(NamedTuple):
    """What filtered.py is told, what the process then says, and its status."""

    rule: str
    description: str
    status: int


FORGED = (
    "prctl(PR_SET_DUMPABLE, 0) is not in force: a seccomp filter forges the result; run without it"
)
"""What all of prctl's lies together end with: no filter can make up what /proc and pidfds say."""

DUMPABLE_FAILS = Failure(
    "prctl:0=4:EPERM", "prctl(PR_SET_DUMPABLE, 0) failed: Operation not permitted (EPERM)", 5
)
LIMIT_FAILS = Failure(
    "prlimit64:1=4:EPERM",
    "setrlimit(RLIMIT_CORE, {0, 0}) failed: Operation not permitted (EPERM)",
    7,
)
LIMIT_LIES = Failure(
    "prlimit64:1=4:0",
    "setrlimit(RLIMIT_CORE, {0, 0}) reported success but is not in force (read back: 1)",
    7,
)
each_failure = pytest.mark.parametrize(
    "failure",
    [
        DUMPABLE_FAILS,
        Failure(
            "prctl:0=4:0",
            "prctl(PR_SET_DUMPABLE, 0) reported success but is not in force (read back: 1)",
            5,
        ),
        Failure("prctl:0=4:0,prctl:0=3:0", FORGED, 5),
        Failure("prctl:0=4:0,prctl:0=3:0,pidfd_open:1=0:0", FORGED, 5),
        Failure("prctl:0=3:EACCES", "prctl(PR_GET_DUMPABLE) failed: Permission denied (EACCES)", 5),
        LIMIT_FAILS,
        LIMIT_LIES,
    ],
    ids=lambda failure: failure.rule,
)

APPLICATION = ["finally", "thread", "finalizer", "excepthook", "atexit", "C atexit"]
"""What else survivor.py says when a HardeningError leaves its main()."""

Result = tuple[int, str, str]


def words(description: str, status: int, offer: str = OFFER) -> str:
    """The line that a process ends with, to the letter."""
    return f"process-hardening: {description}; exiting with status {status}{offer}\n"


def last_words(failure: Failure) -> str:
    """The line that a process ends with for a failure."""
    return words(failure.description, failure.status)


@pytest.fixture
def filtered(programs: Path) -> list[str]:
    """The start of a command line under filters: rules, --, program follow."""
    return [sys.executable, str(programs / "filtered.py")]


@pytest.fixture
def survivor(programs: Path) -> list[str]:
    """The start of the command line of an application that tries to survive: an entry follows."""
    return [sys.executable, str(programs / "survivor.py")]


def outcome(argv: list[str], core: str = "1:1", **env: str) -> Result:
    """Run a program as the user, with a core limit to lower: its status, output and errors."""
    limit = ["prlimit", f"--core={core}"]
    result = support.run_as_user([*limit, *argv], env={**os.environ, **env})
    return result.returncode, result.stdout, result.stderr


HARDENED = "hardened applied; applied; already in place\nfinally\nthread\nfinalizer\n"
"""What survivor.py says when all goes well; its threads and exit handlers run."""


def test_nothing_fails_without_a_filter(survivor: list[str]) -> None:
    """Control: the same application, unfiltered, is hardened and runs to its end."""
    code, output, errors = outcome([*survivor, "PRE_MAIN"])
    assert (code, errors) == (0, "")
    assert output.startswith(HARDENED)
    assert output.endswith("atexit\nC atexit\n")


@each_failure
@pytest.mark.parametrize("entry", ["PRE_MAIN", "REEXEC", "STRICT"])
def test_the_process_ends_at_once(
    entry: str, failure: Failure, filtered: list[str], survivor: list[str]
) -> None:
    """No except, finally, thread, atexit or excepthook of the application runs or stops it."""
    argv = [*filtered, failure.rule, "--", *survivor, entry]
    assert outcome(argv) == (failure.status, "", last_words(failure))


@each_failure
def test_harden_raises_instead(failure: Failure, filtered: list[str], survivor: list[str]) -> None:
    """harden() leaves it to its caller; so the application's handlers can all run: a control."""
    code, output, errors = outcome([*filtered, failure.rule, "--", *survivor, "HARDEN"])
    step = "inspection" if failure.status == 5 else "core_limit"
    errno = {"EPERM": 1, "EACCES": 13, "0": 0}[failure.rule.rpartition(":")[2]]
    first, *others = output.splitlines()
    assert first == f"HardeningError {step} {failure.status} {errno}: {failure.description}"
    assert sorted(others) == sorted(APPLICATION)
    assert (code, errors) == (1, "")


@each_failure
@pytest.mark.parametrize("method", ["auto", "execute-only", "preload", "in-process"])
def test_run_starts_nothing(method: str, failure: Failure, filtered: list[str], chat: str) -> None:
    """`run` ends with the same status and line, and the program is not started."""
    argv = [
        *filtered,
        failure.rule,
        "--",
        find_command(),
        "run",
        "--method",
        method,
        "--",
        chat,
        "PLAIN",
    ]
    assert outcome(argv) == (failure.status, "", last_words(failure))


@each_failure
@pytest.mark.parametrize("program", ["shell", "python"])
def test_the_preload_library_ends_the_program(
    program: str, failure: Failure, filtered: list[str], chat: str
) -> None:
    """A program that our library is loaded into ends in the same way, before its main()."""
    argv = ["sh", "-c", "echo started"] if program == "shell" else make_chat_argv("plain", chat)
    argv = [*filtered, failure.rule, "--", "env", "-", victims.make_preload_entry(), *argv]
    # env(1) itself is not hardened: what it starts is.
    assert outcome(argv) == (failure.status, "", last_words(failure))


@each_failure
def test_the_bypass_starts_the_application_all_the_same(
    failure: Failure, filtered: list[str], survivor: list[str]
) -> None:
    """CODEX_SKIP_HARDENING=1 skips the steps, so none can fail; it warns."""
    argv = [*filtered, failure.rule, "--", *survivor, "PRE_MAIN"]
    code, output, errors = outcome(argv, **{BYPASS: "1"})
    assert (code, errors) == (0, WARNING)
    assert output.startswith("hardened skipped; skipped; skipped\n")


@pytest.mark.parametrize("method", ["auto", "execute-only", "preload", "in-process"])
@each_failure
def test_the_bypass_starts_the_program_of_run(
    method: str, failure: Failure, filtered: list[str], chat: str
) -> None:
    """The same for `run`: the program starts, unprotected, with a warning."""
    argv = [
        *filtered,
        failure.rule,
        "--",
        find_command(),
        "run",
        "--method",
        method,
        "--",
        chat,
        "PLAIN",
    ]
    code, output, errors = outcome(argv, **{BYPASS: "1"})
    assert (code, output.split()[0], errors) == (0, "STARTED", WARNING)


@pytest.mark.parametrize("value", ["", "0", "true", "yes", "11", " 1"])
def test_only_1_is_the_bypass(value: str, filtered: list[str], survivor: list[str]) -> None:
    """No other value of the variable is taken for consent."""
    argv = [*filtered, DUMPABLE_FAILS.rule, "--", *survivor, "PRE_MAIN"]
    assert outcome(argv, **{BYPASS: value}) == (5, "", last_words(DUMPABLE_FAILS))


def test_a_policy_without_bypass_has_none(filtered: list[str], survivor: list[str]) -> None:
    """Policy(bypass_variable=None) neither skips nor offers it."""
    argv = [*filtered, DUMPABLE_FAILS.rule, "--", *survivor, "NO_BYPASS"]
    line = words(DUMPABLE_FAILS.description, 5, offer="")
    assert outcome(argv, **{BYPASS: "1"}) == (5, "", line)


def test_a_refused_limit_is_no_failure_when_it_is_0(
    filtered: list[str], survivor: list[str], chat: str
) -> None:
    """A container profile may forbid the call: 0/0, read from /proc, is all that counts."""
    filtered = [*filtered, LIMIT_FAILS.rule, "--"]
    code, output, errors = outcome([*filtered, *survivor, "PRE_MAIN"], core="0:0")
    assert (code, errors) == (0, "")
    assert output.startswith("hardened applied; already in place; already in place\n")

    run = [find_command(), "run", "--", chat, "PLAIN"]
    code, output, errors = outcome([*filtered, *run], core="0:0")
    assert (code, output.split()[0], errors) == (0, "STARTED", "")


def test_a_lie_about_a_limit_of_0_is_a_failure(filtered: list[str], survivor: list[str]) -> None:
    """When reading the limit lies as well, nobody can tell that it is 0: fail closed."""
    argv = [*filtered, LIMIT_LIES.rule, "--", *survivor, "PRE_MAIN"]
    assert outcome(argv, core="0:0") == (7, "", last_words(LIMIT_LIES))


def test_a_soft_limit_of_0_is_not_enough(filtered: list[str], survivor: list[str]) -> None:
    """0/unlimited can be raised again by others: a refusal is a failure then."""
    argv = [*filtered, LIMIT_FAILS.rule, "--", *survivor, "PRE_MAIN"]
    assert outcome(argv, core="0:1") == (7, "", last_words(LIMIT_FAILS))


def without_proc(argv: list[str]) -> list[str]:
    """The command line that runs a program where nothing is mounted on /proc, as the user."""
    support.require_root()
    as_user = f"setpriv --reuid {support.USER} --regid {support.USER} --clear-groups"
    script = f'mount -t tmpfs none /proc && exec {as_user} "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *argv]


STAT_MISSING = "reading /proc/self/stat failed: No such file or directory (ENOENT)"
STAT_UNOPENED = "reading /proc/self/stat failed: Too many open files (EMFILE)"


def test_loader_variables_cannot_be_wiped_without_proc(survivor: list[str]) -> None:
    """With a variable to wipe and no /proc to find it, status 8; without one, all is well."""
    argv = without_proc([*survivor, "PRE_MAIN"])
    result = support.run(argv, env={**os.environ, "LD_DEBUG_OUTPUT": "/none"})
    assert (result.returncode, result.stdout) == (8, "")
    assert result.stderr == words(STAT_MISSING, 8)

    clean = support.run(argv)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert clean.stdout.startswith("hardened applied; ")

    bypassed = support.run(argv, env={**os.environ, "LD_DEBUG_OUTPUT": "/none", BYPASS: "1"})
    assert (bypassed.returncode, bypassed.stderr) == (0, WARNING)


@pytest.mark.parametrize("method", ["execute-only", "preload", "in-process"])
def test_run_without_proc(method: str, chat: str) -> None:
    """`run` ends in the same way; it needs /proc itself for a program that it passes on to."""
    argv = without_proc([find_command(), "run", "--method", method, "--", chat, "PLAIN"])
    result = support.run(argv, env={**os.environ, "LD_DEBUG_OUTPUT": "/none"})
    clean = support.run(argv)
    assert (result.returncode, result.stdout) == (8, "")
    if method == "in-process":
        assert result.stderr == words(STAT_MISSING, 8)
        assert (clean.returncode, clean.stdout.split()[:1], clean.stderr) == (0, ["STARTED"], "")
    else:
        assert result.stderr == clean.stderr == f"process-hardening: {STAT_MISSING}\n"
        assert (clean.returncode, clean.stdout) == (8, "")


def test_the_preload_library_without_proc() -> None:
    """It wipes its own variable where that stands: before main() nothing has moved it."""
    argv = without_proc(["env", victims.make_preload_entry(), "sh", "-c", "echo started"])
    result = support.run(argv)
    assert (result.returncode, result.stdout, result.stderr) == (0, "started\n", "")


def test_reexec_without_proc(survivor: list[str]) -> None:
    """Without /proc a program cannot see whether it was started again: refused, not exposed."""
    result = support.run(without_proc([*survivor, "REEXEC"]))
    assert (result.returncode, result.stdout) == (5, "")
    assert result.stderr == words(
        "cannot re-execute as an execute-only image: /proc/self/task: No such file or directory"
        " (docs/develop.md)",
        5,
    )


def test_loader_variables_cannot_be_wiped_without_a_descriptor(survivor: list[str]) -> None:
    """The same when no file can be opened."""
    argv = [*survivor, "NO_DESCRIPTORS"]
    assert outcome(argv, LD_DEBUG_OUTPUT="/none") == (8, "", words(STAT_UNOPENED, 8))
    assert outcome(argv)[::2] == (0, "")


@pytest.mark.parametrize(
    ("rule", "description"),
    [
        (
            "prctl:0=38:EPERM",
            "prctl(PR_SET_NO_NEW_PRIVS, 1) failed: Operation not permitted (EPERM)",
        ),
        (
            "prctl:0=38:0",
            "prctl(PR_SET_NO_NEW_PRIVS, 1) reported success but is not in force (read back: 0)",
        ),
    ],
)
def test_no_new_privs_fails(
    rule: str, description: str, filtered: list[str], survivor: list[str]
) -> None:
    """STRICT's own step: status 5. Only root can have a filter without no_new_privs."""
    support.require_root()
    result = support.run([*filtered, rule, "--", *survivor, "STRICT"])
    assert (result.returncode, result.stdout) == (5, "")
    assert result.stderr == words(description, 5)

    assert support.run([*filtered, rule, "--", *survivor, "PRE_MAIN"]).returncode == 0


def test_a_tracer_is_refused(survivor: list[str], user_tmp: Path) -> None:
    """Under a tracer that was there before, STRICT ends with status 6; DEFAULT does not look."""
    strace = [support.find_tool("strace"), "-o", str(user_tmp / "trace")]
    code, output, errors = outcome([*strace, *survivor, "STRICT"])
    assert (code, output) == (6, "")
    (pid,) = re.findall(r"\(process ([1-9][0-9]*)\)", errors)
    assert errors == words(f"hardening refused: a tracer is attached (process {pid})", 6)

    assert outcome([*strace, *survivor, "PRE_MAIN"])[0] == 0
