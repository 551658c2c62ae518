"""verify -- PROGRAM and verify --pid: attacks on programs that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import support
from process_hardening.errors import CommandError
from process_hardening.verify import find_attacks
from process_hardening.verify.attacks.tools.running import find_program
from process_hardening.verify.plan import plan_process, plan_program
from process_hardening.verify.run import cover_started

SECRET = "sk-live-0123456789abcdefghij"  # noqa: S105 -- a made-up one
PROGRAM = Path(__file__).parent / "programs" / "secret_holder.py"
METHODS = ["execute-only", "preload", "harden-own-name", "harden-memfd", "harden-by-root"]
READING = ["--attack", "proc-mem", "--attack", "process-vm-readv", "--attack", "ptrace-attach"]


@pytest.fixture
def program(user_tmp: Path) -> str:
    """A program that holds SECRET and runs until it is ended."""
    path = user_tmp / "program.py"
    shutil.copy(PROGRAM, path)
    path.chmod(0o755)
    return str(path)


@contextmanager
def running(argv: list[str]) -> Iterator[int]:
    """A program that runs as the unprivileged user."""
    process = subprocess.Popen(argv, **support.user_options())
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_a_program_is_attacked_plain_and_hardened(command: str, program: str) -> None:
    """Its secret leaks only from the plain one, and is in no output."""
    result = support.run([command, "verify", "--json", *READING, "--canary", SECRET, "--", program])
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["victims"] == [*METHODS[:2], "in-process", *METHODS[2:]]
    for attack in report["attacks"]:
        assert attack["control"] == "leaked"
        cells = attack["victims"]
        tried = set(cells) - (set() if os.getuid() == 0 else {"harden-by-root"})
        assert {cells[name]["outcome"] for name in tried} == {"blocked"}
    assert SECRET not in result.stdout


def test_a_program_without_a_known_secret_gets_one(command: str) -> None:
    """It is put into its environment."""
    argv = [command, "verify", "--json", "--attack", "proc-environ", "--", "sleep", "100"]
    result = support.run(argv)
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["victims"] == METHODS
    assert report["attacks"][0]["control_run"]["places"] == ["environment"]


@pytest.mark.parametrize(("way", "outcome"), [("exec ", "blocked"), ("", "leaked")])
def test_what_a_start_script_starts_is_attacked(
    command: str, program: str, user_tmp: Path, way: str, outcome: str
) -> None:
    """A child of the script is not hardened without --children; one that replaces it is."""
    script = user_tmp / "start"
    script.write_text(f"#!/bin/sh\n{way}{sys.executable} {program}\necho ended\n")
    script.chmod(0o755)
    for canary in (["--canary", SECRET], []):
        argv = [command, "verify", "--json", "--attack", "proc-mem", *canary, "--", str(script)]
        result = support.run(argv)
        report = json.loads(result.stdout)
        (attack,) = report["attacks"]
        assert attack["victims"]["execute-only"]["outcome"] == outcome
        assert attack["control"] == "leaked"
        assert result.returncode == (outcome == "leaked")
        assert ("started 1 process" in " ".join(report["notes"])) is (outcome == "leaked")


def test_a_child_that_nobody_can_judge_is_not_called_kept(
    command: str, program: str, user_tmp: Path
) -> None:
    """It has no known secret, since its environment is empty, but can be read."""
    script = user_tmp / "start"
    script.write_text(f"#!/bin/sh\nenv -i {sys.executable} {program}\necho ended\n")
    script.chmod(0o755)
    argv = [command, "verify", "--json", "--attack", "proc-mem", "--", str(script)]
    result = support.run(argv)
    report = json.loads(result.stdout)
    assert report["attacks"][0]["victims"]["execute-only"]["outcome"] == "inconclusive"
    assert result.returncode == 3
    assert "5 of 5" not in report["headline"]


def test_what_a_program_started_is_attacked_whatever_was_asked_for() -> None:
    """With one attack more, if those that were asked for are only for the program itself."""
    for name, expected in (("core-segv", ["proc-mem", "core-segv"]), ("proc-fd", ["proc-fd"])):
        plan = cover_started(plan_program(["true"], find_attacks([name]), None), started=2)
        assert [attack.name for attack in plan.attacks] == expected
        assert "started 2 processes" in plan.notes[-1]


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_canary_from_standard_input_may_have_any_bytes(
    command: str, program: str, errors: str
) -> None:
    """Like an argument. Where Python reads text strictly, in most locales, it ended with 1."""
    done = subprocess.run(
        [command, "verify", "--attack", "proc-mem", "--canary", "-", "--", program],
        input=b"\xff\xfe not in this program\n",
        env={**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"},
        capture_output=True,
        timeout=support.TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert b"check --canary" in done.stdout


def test_a_canary_that_is_nowhere_is_inconclusive(command: str, program: str) -> None:
    """The report asks whether the canary is there."""
    argv = [command, "verify", *READING, "--canary", "not in this program", "--", program]
    result = support.run(argv)
    assert result.returncode == 3
    assert "check --canary" in result.stdout


def test_a_plain_process_leaks_and_is_not_harmed(command: str, program: str) -> None:
    """Attacks that could harm a running process are skipped."""
    with running([sys.executable, program]) as pid:
        argv = [command, "verify", "--json", "--built-in", "--pid", str(pid), "--canary", SECRET]
        result = support.run(argv)
        report = json.loads(result.stdout)
        os.kill(pid, 0)
    assert result.returncode == 1, result.stdout + result.stderr
    outcomes = {a["name"]: a["victims"][f"pid {pid}"]["outcome"] for a in report["attacks"]}
    assert outcomes["proc-mem"] == outcomes["ptrace-attach"] == "leaked"
    assert "core-segv" not in outcomes
    assert "core-segv" in report["notes"][0]


def test_tools_on_a_running_process_do_not_stand_in_each_others_way(
    command: str, program: str
) -> None:
    """A process has one tracer: side by side, the second would seem to be blocked."""
    tools = [name for name in ("gdb", "gcore", "lldb", "strace", "py-spy") if find_program(name)]
    if len(tools) < 2:
        support.fail_or_skip("two of gdb, lldb, strace and py-spy")
    attacks = [word for name in tools for word in ("--attack", name)]
    with running([sys.executable, program]) as pid:
        result = support.run([command, "verify", "--json", *attacks, "--pid", str(pid)])
        os.kill(pid, 0)
    rows = json.loads(result.stdout)["attacks"]
    working = [row for row in rows if row["control"] == "leaked"]
    assert working
    for row in working:
        cell = row["victims"][f"pid {pid}"]
        assert (cell["outcome"], cell["answers"]) == ("leaked", True), (row["name"], cell)


def test_a_refusal_by_another_tracer_is_not_taken_for_hardening(command: str, program: str) -> None:
    """The kernel says that the process is dumpable: the attack is inconclusive."""
    strace = support.find_tool("strace")
    words = [strace, "-qq", "-o", os.devnull, "-p"]
    with running([sys.executable, program]) as pid, running([*words, str(pid)]) as tracer:
        status = Path(f"/proc/{pid}/status")
        support.wait_until(lambda: f"TracerPid:\t{tracer}\n" in status.read_text())
        argv = [command, "verify", "--json", "--attack", "ptrace-seize", "--pid", str(pid)]
        result = support.run(argv)
    assert result.stdout, result.stderr
    (attack,) = json.loads(result.stdout)["attacks"]
    cell = attack["victims"][f"pid {pid}"]
    assert (attack["control"], cell["outcome"]) == ("leaked", "inconclusive")
    assert "something other than hardening refused" in cell["evidence"]


def test_a_process_that_is_stopped_for_a_moment_can_be_attacked(program: str) -> None:
    """A tracer such as strace stops it at each system call; one that stays stopped is refused."""
    with running([sys.executable, program]) as pid:
        os.kill(pid, signal.SIGSTOP)
        support.wait_until(lambda: "State:\tT" in Path(f"/proc/{pid}/status").read_text())
        with pytest.raises(CommandError, match="has ended or is stopped"):
            plan_process(pid, find_attacks(["proc-mem"]), None, False)
        threading.Timer(0.1, os.kill, (pid, signal.SIGCONT)).start()
        assert plan_process(pid, find_attacks(["proc-mem"]), None, False).process


@pytest.mark.parametrize("options", [[], ["--stay"]])
def test_an_attack_that_does_not_apply_to_a_program_is_skipped_with_its_reason(
    command: str, user_tmp: Path, options: list[str]
) -> None:
    """An idle server that catches SIGQUIT: no run waits for it, and none fails because of it."""
    (core_quit,) = find_attacks(["core-quit"])
    if core_quit.find_missing():
        support.fail_or_skip("cores that are files")
    script = user_tmp / "server.py"
    shutil.copy(PROGRAM.with_name("catches_signals.py"), script)
    script.chmod(0o755)
    names = ("core-quit", "core-cpu-limit", "proc-fd", "pidfd-getfd", "proc-environ")
    attacks = [word for name in names for word in ("--attack", name)]
    argv = [command, "verify", "--json", *attacks, "--", str(script), *options]
    result = support.run(argv)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = {row["name"]: row for row in json.loads(result.stdout)["attacks"]}
    assert rows.pop("proc-environ")["control"] == "leaked"
    assert {row["control"] for row in rows.values()} == {"unavailable"}
    assert rows["core-quit"]["detail"] == "the program catches SIGQUIT, so it leaves no core"
    assert "answers questions" in rows["core-cpu-limit"]["detail"]
    assert rows["proc-fd"]["detail"] == "the program has no open file with the canary"


def test_a_program_at_rest_is_not_sampled(command: str) -> None:
    """Nor does the run fail because of it."""
    (sampling,) = find_attacks(["perf-event-open"])
    if sampling.find_missing():
        support.fail_or_skip("kernel.perf_event_paranoid of at most 2")
    attacks = ["--attack", "perf-event-open", "--attack", "proc-environ"]
    result = support.run([command, "verify", "--json", *attacks, "--", "sleep", "100"])
    assert result.returncode == 0, result.stdout + result.stderr
    rows = {row["name"]: row for row in json.loads(result.stdout)["attacks"]}
    assert rows["proc-environ"]["control"] == "leaked"
    assert rows["perf-event-open"]["control"] == "unavailable"
    assert "idle" in rows["perf-event-open"]["detail"]


def test_a_program_that_hardens_itself_is_to_be_attacked_while_it_runs(
    command: str, user_tmp: Path
) -> None:
    """It is no control, so nothing is compared: one line, which names --pid."""
    script = user_tmp / "hardens_itself.py"
    shutil.copy(PROGRAM.with_name(script.name), script)
    script.chmod(0o755)
    result = support.run([command, "verify", "--built-in", "--", str(script)])
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.count("\n") == 1
    assert f"{script}: is hardened even when started plainly" in result.stderr
    assert "--pid PID" in result.stderr


def test_getting_no_data_out_of_a_process_is_no_leak(command: str) -> None:
    """A process that sleeps is not sampled: the attack is inconclusive, and so is the run."""
    paranoid = Path("/proc/sys/kernel/perf_event_paranoid")
    if not paranoid.exists() or int(paranoid.read_text()) > 2:
        support.fail_or_skip("kernel.perf_event_paranoid of at most 2")
    with running(["sleep", "100"]) as pid:
        argv = [command, "verify", "--json", "--attack", "perf-event-open", "--pid", str(pid)]
        result = support.run(argv)
    assert result.returncode == 3, result.stdout + result.stderr
    (attack,) = json.loads(result.stdout)["attacks"]
    assert attack["control"] == "leaked"
    cell = attack["victims"][f"pid {pid}"]
    assert cell["outcome"] == "inconclusive"
    assert "got no data" in cell["evidence"]


def test_a_program_is_attacked_behind_the_wrappers_that_start_it(command: str) -> None:
    """`env` becomes the program: what a launcher promised may end there, and the report says so."""
    argv = [command, "verify", "--json", "--attack", "exec-env", "--", "sleep", "100"]
    report = json.loads(support.run(argv).stdout)
    (attack,) = report["attacks"]
    assert attack["control"] == "leaked"
    for name, cell in attack["victims"].items():
        assert cell["outcome"] != "leaked" or cell["known_limit"], name


def test_a_hardened_process_blocks_every_attack(command: str, program: str) -> None:
    """It was started with `run`."""
    with running([command, "run", "--", sys.executable, program]) as pid:
        line = Path(f"/proc/{pid}/cmdline")
        support.wait_until(lambda: line.read_bytes().startswith(sys.executable.encode()))
        result = support.run([command, "verify", *READING, "--pid", str(pid)])
    assert result.returncode == 0, result.stdout + result.stderr
