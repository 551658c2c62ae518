"""The command: filters, exit statuses, baseline, watching, and what it is given that is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit import read_process
from zoo import (
    COMMAND,
    HARDENED,
    ROOT,
    Animal,
    audit,
    audit_json,
    ids_of,
    in_mounts,
    process_of,
)


def names(document: dict[str, Any]) -> set[str]:
    """The names of the processes in an audit."""
    return {process["name"] for process in document["processes"]}


@pytest.mark.parametrize(
    ("modes", "arguments", "status"),
    [
        (HARDENED, [], 0),
        ([], [], 1),
        ([], ["--fail-on", "never"], 0),
        ([], ["--fail-on", "high", "--exclude", "PH001"], 0),
        ([], ["--fail-on", "low", "--exclude", "PH001"], 1),
        (["core=0,0"], ["--fail-on", "info", "--exclude", "PH001"], 0),
        (["undump"], [], 0),
        (["undump"], ["--fail-on", "low"], 1),
    ],
    ids=str,
)
def test_the_status(
    modes: list[str],
    arguments: list[str],
    status: int,
    animal: Path,
    core_pattern: support.Sysctl,
) -> None:
    """1 from the severity on that was asked for."""
    core_pattern.set("core")
    with Animal(animal, *modes) as one:
        done = audit(one.pid, *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        assert ("Exits with 1 because of PH" in done.stdout.splitlines()[-1]) is (status == 1)


def test_the_filters(animal: Path) -> None:
    """Every option that narrows an audit reaches it; test_select.py has all combinations."""
    support.require_root()
    with (
        Animal(animal, *HARDENED, "name=tiger") as tiger,
        Animal(animal, "name=lion", **ROOT) as lion,
    ):
        everything = audit_json()
        assert {"tiger", "lion"} <= names(everything)
        verdicts = everything["summary"]["verdicts"]
        assert sum(verdicts.values()) == len(everything["processes"])
        user = next(p["user"] for p in everything["processes"] if p["pid"] == tiger.pid)
        both = [tiger.pid, lion.pid]
        for arguments, expected in (
            ([], {"tiger", "lion"}),
            (["--name", "^tig.r$"], {"tiger"}),
            (["--exclude", "li"], {"tiger"}),
            (["--user", str(support.USER)], {"tiger"}),
            (["--user", user], {"tiger"}),
            (["--python"], set()),
        ):
            assert names(audit_json(*both, *arguments)) == expected, arguments


def test_nothing_matched(animal: Path) -> None:
    """Status 3 and a line that says so, in every form; a typo must not pass."""
    with Animal(animal, *HARDENED, "name=tiger") as one:
        for arguments in (["--name", "tigre-of-a-typo"], ["--python"], ["--exclude", "."]):
            for form in ([], ["--json"], ["--long"]):
                done = audit(one.pid, *arguments, *form, "--fail-on", "never")
                assert done.returncode == 3
                assert done.stderr.startswith("process-hardening: nothing matched ")
                assert done.stderr.count("\n") == 1
                assert arguments[-1] in done.stderr
                assert (done.stdout != "") == (form == ["--json"])
        assert audit(one.pid, "--name", "tiger").returncode == 0
        assert audit(one.pid, "--name", "tiger").stderr == ""


def test_a_name_matches_program_name_and_arguments(animal: Path) -> None:
    """The process is called otherwise than its file, and has an argument of its own."""
    with Animal(animal, *HARDENED, "name=tiger", "token-of-this-test") as one:
        for pattern in ("^tiger$", "^animal$", "token-of-th.s-test$"):
            assert names(audit_json(one.pid, "--name", pattern)) == {"tiger"}


def test_whoever_asks_for_a_name_does_not_match_by_it() -> None:
    """The shell that starts an audit has the name in its own arguments."""
    line = f"{COMMAND} audit --name no-such-process-as-th.s; echo $?"
    done = support.run(["sh", "-c", line])
    assert done.stdout.splitlines()[-1] == "3"
    assert "nothing matched" in done.stderr


@pytest.mark.parametrize("tool", ["sudo", "runuser", ""])
def test_root_gets_commands_with_the_tools_of_the_machine(
    tool: str, animal: Path, tmp_path: Path
) -> None:
    """First sudo, then runuser; without both, there is no command for another user's program."""
    support.require_root()
    for name in {"sudo": ("sudo", "runuser"), "runuser": ("runuser",), "": ()}[tool]:
        (tmp_path / name).touch(0o755)
    with Animal(animal) as one:
        (group,) = audit_json(one.pid, env={**os.environ, "PATH": str(tmp_path)})["groups"]
    assert re.sub(r".*&& ", "", group["command"] or "").split(" ")[0] == tool


def test_the_audit_hardens_itself_and_leaves_itself_out() -> None:
    """As root and as an ordinary user; whoever started it stays in, for it can hold keys."""
    for options in ({}, support.user_options()):
        argv = [COMMAND, "audit", "--json", "--all", "--watch", "0.1"]
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, **options)
        with support.ending(started) as watching:
            pids = {
                process["pid"] for process in json.loads(watching.stdout.readline())["processes"]
            }
            assert read_process(watching.pid).verdict == "hardened"
        assert watching.pid not in pids
        assert os.getpid() in pids


def test_the_audit_leaves_itself_out_in_another_pid_namespace() -> None:
    """There, /proc may still be of the outer one, with other pids. No other process is omitted."""
    support.require_root()
    argv = [support.find_tool("unshare"), "--pid", "--fork", COMMAND, "audit", "--json"]
    for options in (["--all"], ["--all", "--name", "a-word-of-ours"]):
        with subprocess.Popen(
            [*argv, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as done:
            assert done.stdout is not None
            found = {p["pid"]: p["ppid"] for p in json.load(done.stdout)["processes"]}
        assert done.pid not in found.values()
        is_everything = "--name" not in options
        # In its own namespace, the pid of the audit is 1.
        assert [pid in found for pid in (1, done.pid)] == [is_everything] * 2


def test_the_width_is_respected_beside_a_pipe(animal: Path) -> None:
    """Whoever pipes into `less` reads on a terminal; COLUMNS decides where it is set."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    secret = {"A_KEY": "x", "ANOTHER_LONG_NAME_OF_A_SECRET_KEY": "x", "YET_ANOTHER_NAME_KEY": "x"}
    with Animal(animal, env=secret) as one:
        argv = [COMMAND, "audit", "--name", "^animal$", "--user", str(support.USER)]
        narrow = subprocess.run(argv, stdout=subprocess.PIPE, stderr=follower, text=True)
        env = {**os.environ, "COLUMNS": "50"}
        narrower = subprocess.run(argv, stdout=subprocess.PIPE, text=True, env=env)
        assert one.process.poll() is None
    os.close(leader)
    os.close(follower)
    for done, width in ((narrow, 60), (narrower, 50)):
        lines = [line for line in done.stdout.splitlines() if not line.startswith("    ")]
        assert "A_KEY" in done.stdout
        assert all(len(line) <= width for line in lines)
        assert any("..." in line for line in lines)


def test_the_tree(animal: Path) -> None:
    """Parents come above their children; a pid stands for all below it."""
    with Animal(animal, "name=parent", "fork") as one:
        done = audit("--tree", one.process.pid, "--fail-on", "never")
        rows = [line for line in done.stdout.splitlines() if "parent" in line]
        assert [row.split()[0] for row in rows[:2]] == [str(one.process.pid), str(one.pid)]
        assert rows[1].index("parent") == rows[0].index("parent") + 2


def test_workers_that_lost_the_hardening(animal: Path, python_animal: list[str]) -> None:
    """An exec'd child of a hardened parent is found; a forked one keeps the hardening."""
    support.require_root()
    before = [*python_animal, "harden", "fork-exec"]
    with Animal(animal, before=before) as lost, Animal(animal, *HARDENED, "fork") as kept:
        (worker,) = audit_json(lost.pid)["processes"]
        finding = worker["findings"][0]
        assert (finding["id"], finding["severity"]) == ("PH014", "high")
        assert finding["commands"][0] == "harden --children -- PROGRAM"
        assert process_of(lost.process.pid)["findings"] == []
        assert process_of(kept.pid)["findings"] == []
    with Animal(animal) as control:
        assert "PH014" not in ids_of(process_of(control.pid))


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("from multiprocessing.spawn import spawn_main; spawn_main()", "initializer"),
        ("/venv/bin/celery", "worker_process_init"),
        ("/venv/bin/gunicorn", "post_fork"),
        ("/venv/bin/uvicorn", "top of the module"),
    ],
)
def test_the_fix_fits_the_framework(
    argument: str, word: str, animal: Path, python_animal: list[str]
) -> None:
    """The command line of a worker shows which framework started it."""
    before = [*python_animal, "harden", "fork-exec"]
    with Animal(animal, argument, before=before) as lost:
        assert word in process_of(lost.pid)["findings"][0]["fix"]


def test_the_baseline(animal: Path, user_tmp: Path, core_pattern: support.Sysctl) -> None:
    """Only what is new is reported, whatever the pid."""
    core_pattern.set("core")
    baseline = user_tmp / "baseline.json"
    with Animal(animal, "name=known") as one:
        done = audit("--json", one.pid)
        assert done.returncode == 1
        baseline.write_text(done.stdout)
        same = audit("--name", "^known$", "--baseline", baseline)
        assert same.returncode == 0
        since = json.loads(done.stdout)["taken"]
        assert same.stdout.startswith(f"No new finding since {since}. 2 known findings are not")
    with (
        Animal(animal, "name=known") as another,
        Animal(animal, "name=new") as new,
        Animal(animal, "name=known", "--token", "x") as worse,
    ):
        document = audit_json(another.pid, new.pid, worse.pid, "--baseline", baseline)
        found = {process["pid"]: ids_of(process) for process in document["processes"]}
        assert found == {new.pid: ["PH001", "PH004"], worse.pid: ["PH010"]}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"schema": 1}', '{"schema": 2}', '{"schema": 1, "processes": 3}',
             '{"schema": 1, "processes": [{}]}', "[" * 100_000, "\x00\x01"], ids=range(10)
)  # fmt: skip
def test_a_damaged_baseline(text: str, user_tmp: Path) -> None:
    """One line, status 2."""
    baseline = user_tmp / "baseline.json"
    baseline.write_text(text)
    done = audit("--baseline", baseline)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    said = ("not the JSON of an audit", "not schema 1", "processes[0].findings is missing")
    assert any(words in done.stderr for words in said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["0"], "is not a process ID"),
        (["-1"], "is not a process ID"),
        (["x"], "is not a process ID"),
        (["99999999999999"], "is not a process ID"),
        (["4194304"], "no such process"),
        (["--name", "("], "is not a regular expression"),
        (["--exclude", "["], "is not a regular expression"),
        (["--name", "a{99999999999}"], "with too large a number"),
        (["--exclude", "a{99999999999}"], "with too large a number"),
        (["--name", "(" * 5000 + ")" * 5000], "nested too deeply"),
        (["--exclude", "PH999"], "no such finding"),
        (["--exclude", "PH01"], "no such finding (did you mean PH001?)"),
        (["--fail-on", "hihg"], "(did you mean high?)"),
        (["--user", "nobody-of-that-name"], "no such user"),
        (["--user", "4294967295"], "no such user"),
        (["--user", "9" * 5000], "no such user"),
        (["--exclude", ""], "would omit every process"),
        (["--json", "--openmetrics", "-"], "only one format can go to standard output"),
        (["--fail-on", "terrible"], "invalid choice"),
        (["--baseline", "/nonexistent/file"], "No such file"),
        (["--baseline", "/"], "Is a directory"),
        (["--watch", "never"], "give seconds"),
        (["--watch", "0"], "give seconds"),
        (["--watch", "nan"], "give seconds"),
        (["--openmetrics", "/nonexistent/file"], "No such file"),
        (["--openmetrics", "x", "--html", "./x"], "both name x: name two files"),
        (["--sarif", "-"], "unrecognized"),
        (["--junit", "-"], "unrecognized"),
        (["--openmetrics", "/proc/metrics"], "/proc/metrics"),
        (["--unknown"], "unrecognized"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    """On standard error, with status 2, and nothing on standard output."""
    done = audit(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_a_pid_that_is_gone_among_others(animal: Path) -> None:
    """The others are told, and the status says that something is missing; also in a tree."""
    with Animal(animal, *HARDENED) as one:
        for options in ([], ["--tree"]):
            done = audit(one.pid, 4194304, *options)
            assert done.returncode == 3
            assert str(one.pid) in done.stdout
            assert (done.stdout + done.stderr).count("4194304") == 1
            assert "Not seen: process 4194304: no such process" in done.stdout
            assert audit(4194304, *options).returncode == 2


def test_a_pid_that_is_gone_is_an_error_if_no_report_is_printed(
    animal: Path, user_tmp: Path
) -> None:
    """A document or page goes to a program, so only the line on standard error reaches the user."""
    with Animal(animal, *HARDENED) as one:
        for options in (["--json"], ["--html", user_tmp / "page"]):
            done = audit(one.pid, 4194304, *options)
            assert done.returncode == 3
            assert done.stderr == "process-hardening: 4194304: no such process\n"


def test_standard_output_closed(animal: Path) -> None:
    """One line, status 2, for a closed descriptor and for a reader that is gone."""
    with Animal(animal) as one:
        argv = f"exec {COMMAND} audit {one.pid} >&-"
        closed = support.run(["sh", "-c", argv])
        assert (closed.returncode, closed.stderr.count("\n")) == (2, 1)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [COMMAND, "audit", str(one.pid)], stdout=full, stderr=subprocess.PIPE, text=True
            )
        assert done.returncode == 2
        assert done.stderr == "process-hardening: standard output: No space left on device\n"


def test_what_is_no_file_is_written_to_as_it_is(animal: Path, user_tmp: Path) -> None:
    """A file in the place of /dev/stdout or of a pipe would break what others do with it."""
    pipe = user_tmp / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    with Animal(animal) as one:
        assert audit(one.pid, "--openmetrics", pipe, "--fail-on", "never").returncode == 0
        assert os.read(held, 1 << 16).startswith(b"# TYPE")
        full = audit(one.pid, "--openmetrics", "/dev/full")
        assert full.returncode == 2
        assert full.stderr == "process-hardening: /dev/full: No space left on device\n"
        whole = audit(one.pid, "--openmetrics", "/dev/stdout", "--fail-on", "never")
        assert "# EOF" in whole.stdout
    os.close(held)
    assert pipe.is_fifo()
    assert Path("/dev/full").is_char_device()
    assert Path("/dev/stdout").is_symlink()


def test_root_does_not_wait_for_a_pipe_of_another_user(animal: Path, user_tmp: Path) -> None:
    """Who owns the folder of the file could make one of it, and let root wait forever."""
    support.require_root()
    pipe = user_tmp / "out.prom"
    os.mkfifo(pipe)
    os.chown(pipe, support.USER, support.USER)
    with Animal(animal) as one:
        done = audit(one.pid, "--openmetrics", pipe)
    assert (done.returncode, done.stderr) == (
        2,
        f"process-hardening: {pipe}: a pipe or socket of another user: name a regular file\n",
    )


@pytest.mark.parametrize("option", ["--openmetrics", "--html"])
def test_what_goes_into_a_file_is_not_printed_too(
    option: str, animal: Path, user_tmp: Path
) -> None:
    """A timer's output ends up in a log, and the first screen shows arguments: maybe a password."""
    import pty

    path = user_tmp / "out"
    leader, follower = pty.openpty()
    with Animal(animal, "word=hunter2", env={"A_KEY": "x"}) as one:
        quiet = audit(option, path, "--name", "word=hunter2", "--fail-on", "never")
        assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
        text = path.read_text()
        assert "A_<wbr>KEY" in text or "process_hardening_leaks{" in text
        assert "hunter2" not in text.replace("--name word=hunter2", "")
        argv = [COMMAND, "audit", str(one.pid), option, str(path), "--fail-on", "never"]
        shown = subprocess.run(argv, stdout=subprocess.PIPE, stderr=follower, text=True)
        assert (shown.returncode, shown.stdout) == (0, "")
        assert os.read(leader, 1 << 16).decode().strip() == f"wrote {path}"
        asked = audit(one.pid, option, path, "--long", "--fail-on", "never")
        assert str(one.pid) in asked.stdout
    os.close(leader)
    os.close(follower)


def test_files_are_replaced_whole(animal: Path, user_tmp: Path) -> None:
    """A reader never sees a part; nothing is left beside it; the collector may read it."""
    path = user_tmp / "audit.prom"
    path.write_text("old\n")
    before = path.stat().st_ino
    with Animal(animal) as one:
        done = audit(one.pid, "--openmetrics", path, "--fail-on", "never")
        assert done.returncode == 0
        assert path.stat().st_ino != before
        assert path.stat().st_mode & 0o777 == 0o644
        assert path.read_text().endswith("# EOF\n")
        assert list(user_tmp.iterdir()) == [path]
        failing = audit(one.pid, "--openmetrics", user_tmp)
        assert failing.returncode == 2
        assert list(user_tmp.iterdir()) == [path]


@pytest.mark.parametrize("option", ["--openmetrics", "--html"])
def test_a_file_that_is_replaced_gets_no_wider_permissions(option: str, user_tmp: Path) -> None:
    """Nor the group of another user's file, who could let its members read the report of root."""
    support.require_root()
    path = user_tmp / "report"
    user = support.USER
    for uid, gid, before, after in (
        (0, 0, 0o600, (0, 0, 0o600)),
        (0, 0, 0o666, (0, 0, 0o644)),
        (0, user, 0o640, (0, user, 0o640)),
        (user, user, 0o600, (0, 0, 0o600)),
        (user, user, 0o640, (0, 0, 0o600)),
        (user, user, 0o644, (0, 0, 0o644)),
        (user, 0, 0o644, (0, 0, 0o644)),
    ):
        path.write_text("")
        os.chown(path, uid, gid)
        path.chmod(before)
        assert audit(os.getpid(), option, path, "--fail-on", "never").returncode == 0
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == after


def test_a_user_who_is_not_in_the_group_of_a_file_does_not_open_it_to_another(
    user_tmp: Path,
) -> None:
    support.require_root()
    path = user_tmp / "report"
    path.write_text("")
    os.chown(path, support.USER, 0)
    path.chmod(0o640)
    argv = [COMMAND, "audit", "--html", str(path), "--fail-on", "never"]
    assert support.run_as_user(argv).returncode in (0, 3)
    found = path.stat()
    assert path.read_text()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (support.USER, 0o600)


def test_watching(animal: Path) -> None:
    """One JSON document a line, until it is interrupted."""
    with (
        Animal(animal, *HARDENED) as one,
        support.ending(watch(subprocess.PIPE, one.pid)) as watching,
    ):
        for _ in range(3):
            document = json.loads(watching.stdout.readline())
            assert document["processes"][0]["verdict"] == "hardened"
        watching.send_signal(signal.SIGINT)
        assert watching.stderr.read() == "process-hardening: stopped\n"
        assert watching.wait(support.TIMEOUT) == 130


def watch(stderr: int, *arguments: object) -> subprocess.Popen[str]:
    """An audit that repeats and prints a line of JSON each time."""
    argv = [COMMAND, "audit", "--json", "--watch", "0.1", *map(str, arguments)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=stderr, text=True)


def read_rounds(watching: subprocess.Popen[str], number: int) -> None:
    """Wait until some rounds are complete."""
    assert watching.stdout is not None
    for _ in range(number + 1):  # the complaints of a round follow its document
        assert watching.stdout.readline()


def test_watching_says_once_what_is_missing(animal: Path) -> None:
    """And again only when something else is missing."""
    animals = [Animal(animal, *HARDENED) for _ in range(3)]
    with animals[0] as one, animals[1] as two, animals[2] as three:
        one.process.kill()
        one.process.wait()
        with support.ending(watch(subprocess.PIPE, one.pid, two.pid, three.pid)) as watching:
            read_rounds(watching, 3)
            two.process.kill()
            two.process.wait()
            read_rounds(watching, 3)
            watching.send_signal(signal.SIGINT)
            said = watching.stderr.read()
    gone = [f"process-hardening: {pid}: no such process\n" for pid in (one.pid, two.pid)]
    assert said == "".join([*gone, "process-hardening: stopped\n"])


def test_a_terminal_that_is_cleared_shows_each_time_what_is_missing(animal: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    with Animal(animal, *HARDENED) as one, Animal(animal, *HARDENED) as two:
        one.process.kill()
        one.process.wait()
        argv = [COMMAND, "audit", "--watch", "0.1", str(one.pid), str(two.pid)]
        with support.ending(subprocess.Popen(argv, stdout=follower, stderr=follower)):
            shown = ""
            while shown.count("no such process") < 3:
                shown += os.read(leader, 1 << 16).decode()
    os.close(leader)
    os.close(follower)


def test_watching_says_once_which_file_is_written(animal: Path, user_tmp: Path) -> None:
    """In a terminal; every round writes it."""
    import pty

    path = user_tmp / "out"
    leader, follower = pty.openpty()
    words = ("--html", path)
    with Animal(animal) as one, support.ending(watch(follower, one.pid, *words)) as watching:
        read_rounds(watching, 3)
        path.unlink()
        read_rounds(watching, 3)
        assert path.exists()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(support.TIMEOUT) == 130
        shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    os.close(follower)
    assert shown.count("wrote") == 1


def test_without_proc() -> None:
    """One line that says what to do."""
    for command in ("audit", "doctor"):
        done = support.run([*in_mounts("umount -l /proc", as_user=False), COMMAND, command])
        assert done.returncode == 2
        assert done.stderr == (
            "process-hardening: /proc: no proc file system: mount it to read processes\n"
        )


@pytest.mark.parametrize("mode", ["noaccess", "invisible"])
def test_hidepid(mode: str, animal: Path) -> None:
    """What is hidden is said to be, with status 3; root sees all."""
    hidden = in_mounts(f"mount -t proc -o hidepid={mode} proc /proc")
    with Animal(animal, *HARDENED, **ROOT) as one:
        done = audit("--fail-on", "never", before=hidden)
        assert done.returncode == 3
        assert f"hidepid={mode}" in done.stdout
        assert done.stderr == ""
        found = process_of(one.pid, before=hidden)
        assert (found["verdict"], found["name"]) == ("unknown", None)
        seen = in_mounts(f"mount -t proc -o hidepid={mode} proc /proc", as_user=False)
        assert process_of(one.pid, before=seen)["verdict"] == "hardened"


@pytest.mark.parametrize("command", ["audit", "doctor"])
@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("darwin", "PT_DENY_ATTACH"),
        ("freebsd14", "procctl"),
        ("openbsd7", "kern.global_ptrace"),
        ("netbsd10", "corename"),
        ("win32", "DACL"),
        ("sunos5", "it is unknown how"),
    ],
)
def test_another_system(system: str, said: str, command: str, python: str) -> None:
    """Says what is known there and what is not, with status 2."""
    program = str(Path(__file__).parent / "programs/elsewhere.py")
    done = support.run([python, program, system, command])
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_any_locale(locale: str, animal: Path) -> None:
    """A name that the encoding cannot say is escaped."""
    env = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Animal(animal, "name=é\u4e2d", *HARDENED) as one:
        done = audit(one.pid, env=env)
        assert done.returncode == 0
        assert done.stderr == ""


def test_a_terminal_gets_no_raw_name(animal: Path) -> None:
    """In a pseudo-terminal, with colours, the only escapes are ours."""
    import pty
    import re

    with Animal(animal, *HARDENED, "name=a\x1b[31m\x07b") as one:
        leader, follower = pty.openpty()
        done = subprocess.Popen([COMMAND, "audit", str(one.pid)], stdout=follower)
        os.close(follower)
        said = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
        os.close(leader)
        assert done.wait(support.TIMEOUT) == 0
        rest = re.sub(rb"\x1b\[[0-9;]*m", b"", said.replace(b"\\x1b[31m", b"HERE"))
        assert b"HERE" in rest
        assert all(byte >= 32 or byte in b"\r\n" for byte in rest)


def test_status_and_audit_agree(animal: Path, injected: Path) -> None:
    """`status PID` has the same verdict."""
    for modes, env in (
        (HARDENED, {}),
        ([], {}),
        (["undump"], {}),
        ([*HARDENED, "wipe=0"], {"LD_PRELOAD": str(injected)}),
    ):
        with Animal(animal, *modes, env=env) as one:
            done = support.run([COMMAND, "status", "--json", str(one.pid)])
            assert json.loads(done.stdout)["verdict"] == process_of(one.pid)["verdict"]


@pytest.mark.parametrize("command", ["audit", "doctor"])
def test_no_thread_to_read_in_is_said_in_one_line(command: str) -> None:
    """Other programs of the user can use up the processes that it may have."""
    limited = ["prlimit", "--nproc=1", COMMAND, command]
    result = support.run_as_user(limited)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "this user has too many processes (RLIMIT_NPROC)" in line


def replace_file(build: support.Compiler, path: Path, *words: str) -> int:
    """Replace a file in a pid namespace, where each run has the same pid; returns the status."""
    argv = [sys.executable, str(build.sources / "replace_file.py"), str(path), *words]
    in_shell = ["sh", "-c", '"$@"; exit $?', "sh", *argv]
    return support.run(["unshare", "--pid", "--fork", *in_shell]).returncode


def test_what_a_killed_run_left_does_not_stop_the_next(
    build: support.Compiler, tmp_path: Path
) -> None:
    """In a container, that has the same pid."""
    support.require_root()
    path = tmp_path / "x.prom"
    for left in (1, 2):
        assert replace_file(build, path, "SIGKILL") == 128 + signal.SIGKILL
        assert len(list(tmp_path.iterdir())) == left
    assert replace_file(build, path) == 0
    assert path.read_text() == "text\n"


def test_a_file_may_have_the_longest_name_that_its_folder_allows(
    build: support.Compiler, tmp_path: Path
) -> None:
    """The file that takes its place has a shorter name meanwhile."""
    support.require_root()
    path = tmp_path / ("x" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    assert replace_file(build, path) == 0
    assert path.read_text() == "text\n"


def test_an_interrupted_run_leaves_nothing(build: support.Compiler, tmp_path: Path) -> None:
    """Not even the file that was to take the place of the old one."""
    support.require_root()
    assert replace_file(build, tmp_path / "x.prom", "SIGINT") not in (0, 128 + signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []
