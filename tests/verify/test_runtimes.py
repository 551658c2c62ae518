"""Runtimes that disclose their memory themselves: what verify and audit say is what happens."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit import read_process, take
from process_hardening.runtimes import RUNTIMES, Runtime
from process_hardening.verify.attacks.runtimes import Inspector, attach_to_jvm
from process_hardening.verify.attacks.tools.debugpy_client import reserve_port
from process_hardening.verify.model import NoResultError

PROGRAMS = Path(__file__).parent / "programs"
SECRET = "violets-are-blue-and-roses-are-red"  # noqa: S105 -- a made-up one
ATTACKS = {
    "Node.js": "node-inspector",
    "the JVM": "jvm-attach",
    "Erlang": "erlang-crash-dump",
}
CLASSES = Path(tempfile.gettempdir()) / f"ph-classes-{os.getpid()}"
PARTS = {runtime.name: runtime for runtime in RUNTIMES}
HOLD = (
    "T = list_to_binary(lists:duplicate(9, <<" + f'"{SECRET}"' + '>>)), io:format("ready~n"),'
    ' receive stop -> io:format("~p", [T]) end.'
)


def start_node(folder: Path, *options: str) -> list[str]:
    """The command that starts a Node.js with SECRET in its heap."""
    program = str(shutil.copy(PROGRAMS / "runtime.js", folder))
    return [support.find_tool("node"), *options, program, SECRET]


def start_java(_: Path, *options: str) -> list[str]:
    """The same for a JVM. The program is compiled once for all tests."""
    if not (CLASSES / "Runtime.class").exists():
        argv = [support.find_tool("javac"), "-d", str(CLASSES), str(PROGRAMS / "Runtime.java")]
        assert support.run(argv).returncode == 0
    return [support.find_tool("java"), "-Xmx32m", *options, "-cp", str(CLASSES), "Runtime", SECRET]


@pytest.fixture(scope="module", autouse=True)
def classes() -> Iterator[None]:
    """Make the folder of compiled classes, which every user can enter."""
    CLASSES.mkdir()
    CLASSES.chmod(0o755)
    yield
    shutil.rmtree(CLASSES)


@pytest.fixture(autouse=True)
def inspector_port(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wait until no other test on this machine uses the port of Node.js's inspector."""
    node = shutil.which("node")
    if node is None or "JVM" in request.node.name or "Erlang" in request.node.name:
        yield
        return
    with open(node, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_erlang(_: Path, *options: str) -> list[str]:
    """The same for Erlang."""
    return [support.find_tool("erl"), *options, "-noshell", "-eval", HOLD]


STARTS: dict[str, Callable[..., list[str]]] = {
    "Node.js": start_node,
    "the JVM": start_java,
    "Erlang": start_erlang,
}


@pytest.fixture(params=STARTS)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """A runtime that can be installed everywhere."""
    return PARTS[str(request.param)]


def closed(runtime: Runtime) -> list[str]:
    """The option that closes a runtime, if it has one."""
    return [*runtime.options]


def attack(
    command: str, runtime: Runtime, argv: list[str], *others: str
) -> tuple[int, list[dict[str, Any]]]:
    """Status and rows of other attacks and, last, of the attack on a runtime."""
    words = [word for name in (*others, ATTACKS[runtime.name]) for word in ("--attack", name)]
    result = support.run([command, "verify", "--json", *words, "--canary", SECRET, "--", *argv])
    assert SECRET not in result.stdout
    return result.returncode, json.loads(result.stdout)["attacks"]


@pytest.mark.parametrize("name", ATTACKS)
def test_verify_sees_a_hardened_runtime_disclose_its_memory(
    name: str, command: str, user_tmp: Path
) -> None:
    """The kernel keeps all others out, and the runtime lets them in: the run fails."""
    status, (other, row) = attack(command, PARTS[name], STARTS[name](user_tmp), "proc-mem")
    assert {cell["outcome"] for cell in other["victims"].values()} >= {"blocked"}
    assert row["control"] == "leaked"
    assert row["victims"]["harden-own-name"]["outcome"] == "leaked"
    assert status == 1


@pytest.mark.parametrize("name", ATTACKS)
def test_verify_does_not_blame_a_runtime_that_was_closed(
    name: str, command: str, user_tmp: Path
) -> None:
    """It opens nothing, hardened or not, so there is nothing to compare."""
    runtime = PARTS[name]
    argv = [*runtime.before, *STARTS[name](user_tmp, *closed(runtime))]
    _, (row,) = attack(command, runtime, argv)
    assert row["control"] == "inconclusive"
    assert " on SIG" in row["detail"]
    assert {cell["outcome"] for cell in row["victims"].values()} == {"inconclusive"}


@contextmanager
def opening_ports() -> Iterator[None]:
    """Open one port after another that answers, but not as an inspector does."""
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            with socket.create_server(("127.0.0.1", 0)) as server:
                server.settimeout(0.3)
                with suppress(TimeoutError):
                    client, _ = server.accept()
                    with client:
                        client.sendall(b"SSH-2.0-none\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_another_service_that_opens_a_port_is_not_taken_for_the_inspector(
    command: str, user_tmp: Path
) -> None:
    with opening_ports():
        _, (row,) = attack(command, PARTS["Node.js"], start_node(user_tmp))
    assert row["control"] == "leaked"
    assert row["victims"]["harden-own-name"]["outcome"] == "leaked"


@pytest.mark.parametrize("name", ["Node.js", "the JVM"])
def test_a_confined_attacker_cannot_open_a_runtime(name: str, command: str, user_tmp: Path) -> None:
    """It may send no signal."""
    words = ["--confined", "--json", "--attack", ATTACKS[name], "--canary", SECRET]
    result = support.run([command, "verify", *words, "--", *STARTS[name](user_tmp)])
    (row,) = json.loads(result.stdout)["attacks"]
    assert row["control"] == "leaked"
    assert row["victims"]["confined"]["outcome"] == "blocked"


def test_attacks_on_a_runtime_are_made_on_no_other_program(command: str) -> None:
    """Named, they are refused in one line."""
    result = support.run([command, "verify", "--attack", "jvm-attach", "--", "sleep", "9"])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "jvm-attach: only for programs of this runtime: the program runs on no" in result.stderr


def start(runtime: Runtime, folder: Path, is_closed: bool) -> support.Running:
    """A runtime that harden started, closed or not."""
    options = closed(runtime) if is_closed else []
    before = runtime.before if is_closed else ()
    words = [*before, support.find_tool("harden"), "--", *STARTS[runtime.name](folder, *options)]
    return support.Running(words, cwd=folder)


def test_audit_says_of_a_hardened_runtime_that_it_is_open(
    runtime: Runtime, command: str, user_tmp: Path
) -> None:
    """It is not called hardened, and the command closes it."""
    with start(runtime, user_tmp, is_closed=False) as one:
        status = support.run([command, "status", str(one.pid)])
        posture = read_process(one.pid)
        (group,) = take(pids=[one.pid]).groups
    assert (posture.inspectable, posture.opens_itself) == (False, runtime.name)
    assert posture.verdict == "partial"
    assert f"{runtime.name} discloses its memory" in status.stdout
    assert (group.reason, group.finding) == ("opens_itself", "PH018")
    assert (*runtime.options, *runtime.before)[-1] in f"{group.fix} {group.command}".split()


def test_verify_judges_a_running_process_only_if_its_runtime_is_closed(
    runtime: Runtime, command: str, user_tmp: Path
) -> None:
    """Every report says which attack was not made, and that this proves nothing."""
    argv = [command, "verify", "--built-in", "--canary", SECRET, "--pid"]
    if not os.geteuid():
        argv.insert(2, "--as-root-without-ptrace")
    html, junit = user_tmp / "page.html", user_tmp / "junit.xml"
    with start(runtime, user_tmp, is_closed=False) as one:
        shown = support.run([*argv, str(one.pid)])
        files = ["--html", str(html), "--junit", str(junit)]
        result = support.run([*argv, str(one.pid), "--json", *files])
    assert (shown.returncode, result.returncode) == (3, 3)
    assert "kept every secret" not in shown.stdout + html.read_text()
    assert "1 of 10 attacks could not be judged" in shown.stdout.splitlines()[0]
    reason = f"its runtime, {runtime.name}, discloses its memory (explain PH018): use verify --"
    row = json.loads(result.stdout)["attacks"][-1]
    (cell,) = row["victims"].values()
    assert (row["name"], cell["outcome"]) == (ATTACKS[runtime.name], "inconclusive")
    for text in (shown.stdout, cell["evidence"], html.read_text(), junit.read_text()):
        assert reason in text
    with start(runtime, user_tmp, is_closed=True) as one:
        shown = support.run([*argv, str(one.pid)])
    assert (shown.returncode, "kept every secret" in shown.stdout) == (0, True)


def test_the_command_of_audit_starts_a_runtime_closed(runtime: Runtime, user_tmp: Path) -> None:
    """It works as it is printed, in the installed version of the runtime.

    There is none for Erlang, whose program needs variables of its starter.
    """
    with start(runtime, user_tmp, is_closed=False) as one:
        (group,) = take(pids=[one.pid]).groups
    assert bool(group.command) is not bool(runtime.starters)
    if not group.command:
        return
    command = group.command.replace("harden", support.find_tool("harden"), 1)
    folder, separator, words = command.rpartition(" && ")
    words = words.removeprefix("runuser -u nobody -- ").removeprefix("sudo -u nobody ")
    words = f"exec {words}"  # it runs as nobody anyway
    with support.Running(["sh", "-c", f"{folder}{separator}{words}"], cwd=user_tmp) as one:
        posture = read_process(one.pid)
    assert (posture.opens_itself, posture.verdict) == ("", "hardened")


def test_audit_calls_a_closed_runtime_hardened(runtime: Runtime, user_tmp: Path) -> None:
    """By its arguments, or by the signals that it does not take."""
    with start(runtime, user_tmp, is_closed=True) as one:
        posture = read_process(one.pid)
    assert (posture.opens_itself, posture.verdict) == ("", "hardened")


@pytest.mark.parametrize(
    ("name", "number", "pattern"),
    [
        ("the JVM", signal.SIGSEGV, "hs_err_pid*.log"),
        ("Erlang", signal.SIGUSR1, "erl_crash.dump"),
    ],
)
def test_a_signal_of_another_process_leaves_no_file_of_a_closed_runtime(
    name: str, number: signal.Signals, pattern: str, user_tmp: Path
) -> None:
    """The control is an open one, which writes what it has in memory."""
    left = {}
    for is_closed in (False, True):
        folder = user_tmp / str(is_closed)
        folder.mkdir()
        folder.chmod(0o777)
        with start(PARTS[name], folder, is_closed) as one:
            one.end_by(number)
        left[is_closed] = [path for path in folder.glob(pattern) if path.stat().st_size]
    assert left[False]
    assert not left[True]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Node.js", ("--report-on-signal",)),
        ("Node.js", ("--heapsnapshot-signal=SIGUSR2",)),
        ("the JVM", ("-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0",)),
        ("the JVM", ("-Dcom.sun.management.jmxremote",)),
        ("Erlang", ("-sname", "held@localhost")),
    ],
)
def test_an_option_that_opens_a_closed_runtime_in_another_way_is_found(
    name: str, options: tuple[str, ...], user_tmp: Path
) -> None:
    """No command closes it: the option has to go."""
    runtime = PARTS[name]
    words = STARTS[name](user_tmp, *runtime.options, *options)
    argv = [*runtime.before, support.find_tool("harden"), "--", *words]
    with running_epmd(user_tmp) as env, support.Running(argv, cwd=user_tmp, env=env) as one:
        (group,) = take(pids=[one.pid]).groups
        assert read_process(one.pid).opens_itself == name
    assert (group.finding, group.command) == ("PH018", "")
    assert f"without {options[0].partition('=')[0]}, with {runtime.closing}" in group.fix


@contextmanager
def running_epmd(home: Path) -> Iterator[dict[str, str]]:
    """The environment of Erlang nodes that find each other by a daemon that ends with us."""
    epmd = shutil.which("epmd")
    with reserve_port() as reserved:
        port = str(reserved.getsockname()[1])
        address = {"ERL_EPMD_PORT": port, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        env = {**os.environ, "HOME": str(home), **address}
        if epmd is None:
            yield env
            return
        with support.ending(subprocess.Popen([epmd], env=env)):
            names = [epmd, "-names"]
            support.wait_until(lambda: support.run(names, env=env).returncode == 0)
            yield env


ASK = (
    'io:format("~s~n", [case rpc:call(\'held@localhost\', os, getenv, ["TOKEN"]) of'
    ' {badrpc, _} -> "none"; Value -> Value end]), halt().'
)


@pytest.mark.parametrize("variable", ["", "ERL_AFLAGS", "ERL_FLAGS", "ERL_ZFLAGS"])
def test_a_closed_erlang_in_a_cluster_answers_every_process_of_its_user(
    variable: str, user_tmp: Path
) -> None:
    """The control is in none, and passes the same words to its program."""
    runtime, results = PARTS["Erlang"], {}
    erl, harden = support.find_tool("erl"), support.find_tool("harden")
    name = ("-sname", "held@localhost")
    for is_node in (False, True):
        words = name if is_node and not variable else ()
        argv = [*runtime.before, harden, "--", *start_erlang(user_tmp, *words), "-extra", *name]
        with running_epmd(user_tmp) as env:
            held = {**env, "TOKEN": SECRET}
            if is_node and variable:
                held[variable] = " ".join(name)
            with support.Running(argv, cwd=user_tmp, env=held) as one:
                opens = read_process(one.pid).opens_itself
                client = [erl, "-noshell", "-sname", "client@localhost", "-eval", ASK]
                answer = support.run_as_user(client, cwd=user_tmp, env=env).stdout
        results[is_node] = (opens == runtime.name, SECRET in answer)
    assert results == {False: (False, False), True: (True, True)}


HEAP_ON_SIGNAL = "--heapsnapshot-signal=SIGUSR2"
RECORDING = "-XX:StartFlightRecording=filename=recording.jfr"
FILES = {
    "env": f"NODE_OPTIONS={HEAP_ON_SIGNAL}\n",
    "node.config.json": '{"nodeOptions": {"heapsnapshot-signal": "SIGUSR2"}}\n',
    "options": f"{RECORDING}\n",
}
"""Files of options, by name."""


@pytest.mark.parametrize(
    ("name", "options", "variable"),
    [
        ("Node.js", (HEAP_ON_SIGNAL,), ""),
        ("Node.js", ("--env-file=env",), ""),
        ("Node.js", ("--env-file", "env"), ""),
        ("Node.js", ("--env-file-if-exists=env",), ""),
        ("Node.js", ("--experimental-config-file=node.config.json",), ""),
        ("Node.js", ("--experimental-default-config-file",), ""),
        ("Node.js", ("--config-file=node.config.json",), ""),
        ("Node.js", (f'"{HEAP_ON_SIGNAL}"'.replace("snap", "\\snap"),), "NODE_OPTIONS"),
        ("the JVM", (RECORDING,), ""),
        ("the JVM", ("-XX:VMOptionsFile=options",), ""),
        ("the JVM", ("@options",), ""),
        ("the JVM", (RECORDING,), "JAVA_TOOL_OPTIONS"),
        ("the JVM", ("-Dkey='a b'", f"'{RECORDING}'"), "JAVA_TOOL_OPTIONS"),
        ("the JVM", ("@options",), "JDK_JAVA_OPTIONS"),
        ("the JVM", ('-X"X:VMOptionsFile=options"',), "JDK_JAVA_OPTIONS"),
        ("the JVM", ("-XX:VMOptionsFile=options",), "JDK_JAVA_OPTIONS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_signal_makes_a_closed_runtime_write_a_secret_if_an_option_or_its_file_says_so(
    name: str, options: tuple[str, ...], variable: str, user_tmp: Path
) -> None:
    """The closing options are last. The control has no others."""
    runtime = PARTS[name]
    if variable:
        support.require_root()  # nobody else sees the environment
    elif name == "Node.js":
        node = [support.find_tool("node"), *options, "-e", "0"]
        if (support.run(node, cwd=make_files(user_tmp / "try")).returncode) == 9:
            pytest.skip(f"this Node.js has no {options[0]}")  # 9: Invalid Argument
    results = {}
    for is_opened in (False, True):
        folder = make_files(user_tmp / str(is_opened))
        used = options if is_opened and not variable else ()
        argv = [*STARTS[name](folder, *used, *runtime.options)]
        env = {**os.environ, "TMPDIR": str(folder), "TOKEN": TOKEN}
        if is_opened and variable:
            env[variable] = " ".join(options)
        words = [support.find_tool("harden"), "--", *argv]
        with support.Running(words, cwd=folder, env=env) as one:
            opens = read_process(one.pid).opens_itself
            results[is_opened] = (opens, can_read_files(one, WANTED[name], folder))
    assert results == {False: ("", False), True: (name, True)}


TOKEN = "tulips-are-yellow"  # noqa: S105 -- a made-up one

# The signal, and the secret: one from the heap, or one from the environment.
WANTED = {"Node.js": (signal.SIGUSR2, SECRET), "the JVM": (signal.SIGTERM, TOKEN)}


def make_files(folder: Path) -> Path:
    """Make a folder that everyone can change, with FILES."""
    folder.mkdir()
    folder.chmod(0o777)
    for name, content in FILES.items():
        (folder / name).write_text(content)
    return folder


def can_read_files(one: support.Running, wanted: tuple[signal.Signals, str], folder: Path) -> bool:
    """Whether a signal makes a process write a secret to a file, before it ends."""
    number, secret = wanted
    one.process.send_signal(number)

    def is_written() -> bool:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return any(secret.encode() in path.read_bytes() for path in files)

    support.wait_until(lambda: one.process.poll() is not None or is_written())
    found = is_written()
    one.end_by(signal.SIGTERM)  # the JVM removes its own files in /tmp then
    return found


def test_the_jvm_copies_the_options_of_a_variable_to_a_file_unless_an_option_prevents_it(
    user_tmp: Path,
) -> None:
    """As docs/harden.md says. It is the same user's file."""
    found = {}
    for option in ("-XX:+UsePerfData", "-XX:-UsePerfData"):
        words = start_java(user_tmp, *PARTS["the JVM"].options, option)
        env = {**os.environ, "JAVA_TOOL_OPTIONS": f"-Dkey={TOKEN}"}
        with support.Running([support.find_tool("harden"), "--", *words], env=env) as one:
            files = list(Path("/tmp").glob(f"hsperfdata_*/{one.pid}"))
            found[option] = any(TOKEN.encode() in path.read_bytes() for path in files)
            assert read_process(one.pid).opens_itself == ""
    assert found == {"-XX:+UsePerfData": True, "-XX:-UsePerfData": False}


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("Node.js", "NODE_OPTIONS", "--heapsnapshot-signal=SIGUSR2"),
        ("the JVM", "JAVA_TOOL_OPTIONS", "-Xmx32m -Dcom.sun.management.jmxremote"),
        ("the JVM", "_JAVA_OPTIONS", "-XX:-DisableAttachMechanism"),
    ],
)
def test_root_sees_that_a_variable_opens_a_closed_runtime(
    name: str, variable: str, value: str, user_tmp: Path
) -> None:
    """The environment of a hardened process is hidden from others."""
    support.require_root()
    words = STARTS[name](user_tmp, *PARTS[name].options)
    env = {"PATH": os.environ["PATH"], variable: value}
    with support.Running([support.find_tool("harden"), "--", *words], cwd=user_tmp, env=env) as one:
        posture = read_process(one.pid)
    assert (posture.opens_itself, posture.verdict) == (name, "partial")


REPLAYED = """
public class Compiled {{
    static final String SECRET = new String("{secret}".replace("_", "-"));
    static int work(int number) {{ int sum = number; {lines} return sum; }}
    public static void main(String[] arguments) {{
        System.out.println("ready");
        for (int number = 0;; number++) work(number);
    }}
}}
"""


def test_a_signal_while_a_closed_jvm_compiles_leaves_no_file(user_tmp: Path) -> None:
    """The control lacks the option that disables it; not each signal hits a compiling thread."""
    line = "sum += (SECRET.hashCode() ^ number) * {0} + SECRET.charAt((number & 7) + {0} % 9);"
    lines = "\n".join(line.format(number) for number in range(300))
    source = user_tmp / "Compiled.java"
    source.write_text(REPLAYED.format(secret=SECRET.replace("-", "_"), lines=lines))
    javac = [support.find_tool("javac"), "-d", str(user_tmp), str(source)]
    assert support.run(javac).returncode == 0
    source.unlink()
    *others, last = PARTS["the JVM"].options
    assert any(has_replay(user_tmp / f"open{number}", *others) for number in range(20))
    closed_ones = [has_replay(user_tmp / f"closed{number}", *others, last) for number in range(5)]
    assert not any(closed_ones)


def has_replay(folder: Path, *options: str) -> bool:
    """Whether a JVM writes its secret to a file when its compiling thread gets a signal."""
    folder.mkdir()
    folder.chmod(0o777)
    only = ("-XX:-TieredCompilation", "-XX:CompileCommand=compileonly,Compiled.*")
    words = ["-Xmx32m", *only, *options, "-cp", str(folder.parent), "Compiled"]
    argv = [support.find_tool("harden"), "--", support.find_tool("java"), *words]
    with support.Running(argv, cwd=folder, stderr=subprocess.DEVNULL) as one:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline and not hit_compiler(one.pid):
            continue
        with suppress(subprocess.TimeoutExpired):  # it was not hit, or hangs in its handler
            one.process.wait(5)
    return any(SECRET.encode() in path.read_bytes() for path in folder.glob("replay_pid*"))


def hit_compiler(pid: int) -> bool:
    """Send SIGSEGV to a thread that compiles now. Return False if there is none."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = rest = ""
        with suppress(OSError):  # it ended
            name, _, rest = (task / "stat").read_text().rpartition(") ")
        if "Compiler" in name and rest.startswith("R"):
            ctypes.CDLL(None).tgkill(pid, int(task.name), signal.SIGSEGV)
            return True
    return False


def test_an_option_behind_the_program_closes_nothing(user_tmp: Path) -> None:
    """It is an argument of the program."""
    words = [support.find_tool("harden"), "--", *start_node(user_tmp), "--disable-sigusr1"]
    with support.Running(words, cwd=user_tmp) as one:
        assert read_process(one.pid).opens_itself == "Node.js"


@pytest.mark.parametrize("other", [("--dns-result-order", "ipv4first"), ("--secure-heap", "4096")])
def test_options_of_node_behind_one_with_a_value_are_found(
    other: tuple[str, ...], user_tmp: Path
) -> None:
    """The one that closes it, and the one that opens it; the control has only the first."""
    closing = PARTS["Node.js"].options
    results = {}
    for opening in ((), (HEAP_ON_SIGNAL,)):
        folder = make_files(user_tmp / str(len(opening)))
        words = start_node(folder, *other, *closing, *other, *opening)
        argv = [support.find_tool("harden"), "--", *words]
        with support.Running(argv, cwd=folder) as one:
            opens = read_process(one.pid).opens_itself
            results[opening] = (opens, can_read_files(one, WANTED["Node.js"], folder))
    assert results == {(): ("", False), (HEAP_ON_SIGNAL,): ("Node.js", True)}


# Options that open a runtime again, after the one that closes it; a port takes the place of PORT.
# The tests run in a folder where the files have this content.
UNDOING = {
    "Node.js": (
        ("--inspect-port=127.0.0.1:PORT",),
        ("--inspect-port", "127.0.0.1:PORT"),
        ("--debug-port=127.0.0.1:PORT",),
        ("--inspect_port=127.0.0.1:PORT",),
        ("--inspect=127.0.0.1:PORT",),
    ),
    "the JVM": (
        ("-XX:-DisableAttachMechanism",),
        ("-XX:VMOptionsFile=again",),
        ("@again",),
    ),
}


@pytest.mark.parametrize(
    ("name", "undoing"),
    [(name, options) for name, rows in UNDOING.items() for options in rows],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_an_option_that_opens_a_closed_runtime_again_is_found(
    name: str, undoing: tuple[str, ...], user_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last option counts, in the runtime too. The control is the runtime that stays closed."""
    (user_tmp / "again").write_text("-XX:-DisableAttachMechanism\n")
    monkeypatch.chdir(user_tmp)  # for Java, which opens the file at its start
    runtime = PARTS[name]
    results = {}
    with reserve_port() as reserved:
        port = reserved.getsockname()[1]
        for order in ((), undoing):
            options = [word.replace("PORT", str(port)) for word in order]
            words = STARTS[name](user_tmp, *runtime.options, *options)
            with support.Running([support.find_tool("harden"), "--", *words], cwd=user_tmp) as one:
                # Of one that stays closed, there is no sign to wait for.
                seconds = support.TIMEOUT if order else 3
                stated = read_process(one.pid).opens_itself
                results[order] = (stated, can_open(name, one.pid, (9229, port), seconds))
    assert results == {(): ("", False), undoing: (name, True)}


def can_open(name: str, pid: int, ports: Sequence[int], seconds: float) -> bool:
    """Whether another process of the user can open a runtime, in so many seconds.

    ports -- where the inspector of Node.js may listen then
    """
    if name == "the JVM":
        return "OpenJDK" in support.run([support.find_tool("jcmd"), str(pid), "VM.version"]).stdout
    os.kill(pid, signal.SIGUSR1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(is_inspector(port, pid) for port in ports):
            return True
        time.sleep(0.05)
    return False


def is_inspector(port: int, pid: int) -> bool:
    """Whether the inspector of a process answers at a port, and not that of another test."""
    with suppress(OSError, ValueError, LookupError, HTTPException):
        inspector = Inspector(port)
        try:
            return inspector.evaluate("process.pid") == str(pid)
        finally:
            inspector.close()
    return False


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Node.js", ("--inspect-port=127.0.0.1:9229", "--trace-warnings")),
        ("Node.js", ("--inspect-port", "127.0.0.1:9229")),
        ("the JVM", ("-XX:-DisableAttachMechanism", "-Xrs")),
    ],
)
def test_the_command_of_audit_closes_a_runtime_that_has_an_option_to_open_it(
    name: str, options: tuple[str, ...], user_tmp: Path
) -> None:
    """The closing option comes after it."""
    words = [support.find_tool("harden"), "--", *STARTS[name](user_tmp, *options)]
    with support.Running(words, cwd=user_tmp) as one:
        (group,) = take(pids=[one.pid]).groups
    command = shlex.split(group.command)
    assert set(options) < set(command)
    words = [support.find_tool("harden"), *command[command.index("harden") + 1 :]]
    with support.Running(words, cwd=user_tmp) as one:
        assert read_process(one.pid).opens_itself == ""


def copy_node(folder: Path) -> str:
    """A Node.js under the name of another program."""
    return str(shutil.copy(support.find_tool("node"), folder / "my-server"))


@pytest.mark.parametrize(
    ("way", "name"),
    [
        ("exec", "Node.js"),
        ("child", "Node.js"),
        ("renamed", "Node.js"),
        ("child", "Erlang"),
    ],
)
def test_verify_recognizes_a_runtime_by_what_was_really_started(
    way: str, name: str, command: str, user_tmp: Path
) -> None:
    """Behind a start script, as its child, and under another name. erl is itself such a script."""
    words = STARTS[name](user_tmp)
    if way == "renamed":
        argv = [copy_node(user_tmp), *words[1:]]
    else:
        script = user_tmp / "start"
        before, after = ("exec ", "") if way == "exec" else ("", "\necho ended")
        script.write_text(f"#!/bin/sh\n{before}{shlex.join(words)}{after}\n")
        script.chmod(0o755)
        argv = [str(script)]
    options = ["--json", "--attack", ATTACKS[name], "--canary", SECRET, "--"]
    result = support.run([command, "verify", *options, *argv])
    rows = {row["name"]: row for row in json.loads(result.stdout)["attacks"]}
    row = rows[ATTACKS[name]]
    assert row["control"] == "leaked"
    assert row["victims"]["harden-own-name"]["outcome"] == "leaked"
    assert result.returncode == 1


def test_root_recognizes_a_hardened_runtime_under_another_name(user_tmp: Path) -> None:
    """By the symbols of its program; a program that is no runtime is hardened."""
    if os.getuid():
        support.fail_or_skip("root")
    _, *rest = start_node(user_tmp)
    harden = support.find_tool("harden")
    with support.Running([harden, "--", copy_node(user_tmp), *rest], cwd=user_tmp) as one:
        assert read_process(one.pid).opens_itself == "Node.js"
    waiting = ["sh", "-c", "trap : USR1 QUIT; echo ready; read line"]
    with support.Running([harden, "--", *waiting]) as one:
        posture = read_process(one.pid)
    assert (posture.opens_itself, posture.verdict) == ("", "hardened")


def test_root_recognizes_a_hardened_runtime_that_catches_no_signal_of_a_runtime(
    user_tmp: Path,
) -> None:
    """A JVM inside another program with -Xrs, to which a client attaches."""
    support.require_root()
    argv = build_program_with_jvm(user_tmp)
    env = {**os.environ, "JAVA_TOOL_OPTIONS": "-Xrs"}
    argv.insert(0, support.find_tool("harden"))
    with support.Running(argv, cwd=user_tmp, env=env) as one:
        posture = read_process(one.pid)
        client = [support.find_tool("jcmd"), str(one.pid), "VM.version"]
        jcmd = support.run_as_user(client, cwd=user_tmp)
    assert "OpenJDK" in jcmd.stdout, jcmd.stderr
    assert (posture.opens_itself, posture.verdict) == ("the JVM", "partial")


def test_root_recognizes_a_renamed_node_that_does_not_catch_its_signal(user_tmp: Path) -> None:
    """Another signal opens it."""
    support.require_root()
    _, *rest = start_node(user_tmp)
    argv = [copy_node(user_tmp), "--disable-sigusr1"]
    if support.run([*argv, "-e", "0"]).returncode == 9:  # Invalid Argument
        pytest.skip("this Node.js has no --disable-sigusr1")
    results = {}
    for options in ((), (HEAP_ON_SIGNAL,)):
        words = [support.find_tool("harden"), "--", *argv, *options, *rest]
        with support.Running(words, cwd=user_tmp) as one:
            results[options] = read_process(one.pid).opens_itself
    assert results == {(): "", (HEAP_ON_SIGNAL,): "Node.js"}


OPTIONS = PARTS["the JVM"].options


def audit_hardened(*argv: str, folder: Path) -> tuple[str | None, str]:
    """What audit says of a program that harden started: the open runtime, and the command."""
    with support.Running([support.find_tool("harden"), "--", *argv], cwd=folder) as one:
        (group,) = take(pids=[one.pid]).groups
        return read_process(one.pid).opens_itself, group.command


def build_program_with_jvm(folder: Path) -> list[str]:
    """The command that starts a program with a JVM inside."""
    java = Path(support.find_tool("java")).resolve()
    (library,) = java.parent.parent.glob("lib/**/server/libjvm.so")
    return [str(support.Compiler(PROGRAMS, folder)("has_jvm.c", "-ldl")), str(library)]


def test_an_option_of_java_closes_no_other_program_with_a_jvm(user_tmp: Path) -> None:
    """A client attaches to it. The control: it closes java, also under another name."""
    support.require_root()
    argv = [*build_program_with_jvm(user_tmp), *OPTIONS]
    assert audit_hardened(*argv, folder=user_tmp) == ("the JVM", "")
    with support.Running([support.find_tool("harden"), "--", *argv], cwd=user_tmp) as one:
        jcmd = support.run([support.find_tool("jcmd"), str(one.pid), "VM.version"], cwd=user_tmp)
        assert (jcmd.returncode, "OpenJDK" in jcmd.stdout) == (0, True), jcmd.stderr

    java = Path(support.find_tool("java")).resolve()
    (user_tmp / "bin").mkdir()
    (user_tmp / "lib").symlink_to(java.parent.parent / "lib")
    renamed = str(shutil.copy(java, user_tmp / "bin" / "my-server"))
    _, *rest = start_java(user_tmp)
    assert audit_hardened(renamed, *rest, folder=user_tmp)[0] == "the JVM"
    assert audit_hardened(renamed, *OPTIONS, *rest, folder=user_tmp)[0] == ""


@pytest.fixture
def pretended_jvm() -> Iterator[support.Running]:
    """A process that catches SIGQUIT, but opens no socket."""
    with support.Running(["sh", "-c", "trap : QUIT; echo ready; read line"]) as one:
        yield one
        for name in (f"/tmp/.attach_pid{one.pid}", f"/tmp/.java_pid{one.pid}"):
            Path(name).unlink(missing_ok=True)


def test_a_planted_link_is_not_followed_when_a_jvm_is_asked_to_open_its_socket(
    pretended_jvm: support.Running, user_tmp: Path
) -> None:
    """Anybody can guess its name in /tmp."""
    request = Path(f"/tmp/.attach_pid{pretended_jvm.pid}")
    request.symlink_to(user_tmp / "file")
    with pytest.raises(NoResultError, match=f"{request} already exists: remove it"):
        attach_to_jvm(pretended_jvm.pid)
    assert request.is_symlink()
    assert not (user_tmp / "file").exists()


def test_a_socket_that_a_jvm_does_not_answer_is_closed(pretended_jvm: support.Running) -> None:
    """Here a file has its name."""
    Path(f"/tmp/.java_pid{pretended_jvm.pid}").touch()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(ConnectionRefusedError) as raised:  # its traceback still has the socket
        attach_to_jvm(pretended_jvm.pid)
    assert os.listdir("/proc/self/fd") == before, raised
