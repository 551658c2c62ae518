"""`run` with every kind of program: it is the program, in all respects but one."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import starts
import support

EXECUTE_ONLY, PRELOAD, IN_PROCESS = "execute-only", "preload", "in-process"


class Kind:
    """A kind of program.

    argv -- makes its command line from the compiler and a folder of the unprivileged user
    methods -- those that can start it; the first is what `auto` takes
    """

    def __init__(
        self, argv: Callable[[support.Compiler, Path], list[str]], *methods: str, root: bool = False
    ) -> None:
        self.argv = argv
        self.methods = methods
        self.root = root


def script(first_line: str | None, name: str = "subject.py", mode: int = 0o755) -> Any:
    """The maker of a script with this first line."""
    return lambda _, folder: [starts.copy_script(name, folder, first_line, mode)]


def interpreted(interpreter: Callable[[], str], name: str = "subject.py") -> Any:
    """The maker of an interpreter's command line."""
    return lambda _, folder: [interpreter(), starts.copy_script(name, folder)]


def pyenv() -> str:
    """A Python of pyenv."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = sorted(glob.glob(f"{root}/versions/3.1?.*/bin/python3"))
    return found[-1] if found else support.fail_or_skip("a Python of pyenv")


def module(_: support.Compiler, folder: Path) -> list[str]:
    """Python -m, from the working directory."""
    starts.copy_script("subject.py", folder)
    return ["-m", "subject"]


KINDS = {
    "dynamic": Kind(lambda make, _: [str(make("subject.c"))], EXECUTE_ONLY, PRELOAD),
    "static": Kind(lambda make, _: [starts.build_static(make)], EXECUTE_ONLY),
    "static pie": Kind(
        lambda make, _: [str(make("subject.c", "-static-pie", name="static_pie"))], EXECUTE_ONLY
    ),
    "musl": Kind(
        lambda make, _: [str(make("subject.c", name="musl", cc="musl-gcc"))], EXECUTE_ONLY, PRELOAD
    ),
    "musl static": Kind(
        lambda make, _: [str(make("subject.c", "-static", name="musl_static", cc="musl-gcc"))],
        EXECUTE_ONLY,
    ),
    "$ORIGIN": Kind(lambda make, _: [starts.build_with_origin(make)], EXECUTE_ONLY, PRELOAD),
    "musl $ORIGIN": Kind(
        lambda make, _: [starts.build_with_origin(make, "musl-gcc")], EXECUTE_ONLY, PRELOAD
    ),
    "Debian's python": Kind(interpreted(lambda: "/usr/bin/python3"), EXECUTE_ONLY, PRELOAD),
    "venv": Kind(interpreted(lambda: sys.executable), EXECUTE_ONLY, PRELOAD),
    "pyenv": Kind(interpreted(pyenv), EXECUTE_ONLY, PRELOAD, root=True),
    "node": Kind(
        interpreted(lambda: starts.find_system_program("node"), "subject.js"),
        EXECUTE_ONLY,
        PRELOAD,
    ),
    "shell script": Kind(script(None, "subject.sh"), EXECUTE_ONLY, PRELOAD),
    "env python3": Kind(script("#!/usr/bin/env python3"), EXECUTE_ONLY, PRELOAD, IN_PROCESS),
    "env -S": Kind(script("#!/usr/bin/env -S python3 -u"), EXECUTE_ONLY, PRELOAD, IN_PROCESS),
    "script.py": Kind(script(None, mode=0o644), EXECUTE_ONLY, PRELOAD, IN_PROCESS),
    "-m": Kind(module, EXECUTE_ONLY, PRELOAD, IN_PROCESS),
}
USERS = ("user", "root")


class Started:
    """How one kind of program is started by one method as one user."""

    def __init__(self, argv: list[str], options: dict[str, Any]) -> None:
        self.argv = argv
        self.options = options

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return support.run([*self.argv, *arguments], **{**self.options, **options})

    def running(self, *arguments: str) -> support.Running:
        """Let it run beside the test."""
        plain = {"user": None, "group": None, "extra_groups": None}
        return support.Running([*self.argv, *arguments], **{**plain, **self.options})


def cases() -> list[Any]:
    """Every kind, method and user that go together; `auto` for the method that it takes."""
    return [
        pytest.param(kind, method, user, id=f"{kind}-{method}-{user}")
        for kind, entry in KINDS.items()
        for method in ("auto", *entry.methods[1:])
        for user in USERS
        if user == "root" or not entry.root
    ]


def start(
    compiler: support.Compiler, folder: Path, command: str, case: tuple[str, str, str]
) -> Started:
    """Prepare one case."""
    kind, method, user = case
    if user == "root":
        support.require_root()
    argv = KINDS[kind].argv(compiler, folder)
    words = [command, "run", "--method", method, *([] if kind == "-m" else ["--"]), *argv]
    # Not the tests' own PATH: a shim of pyenv is a script that becomes another program.
    env = {**starts.remove_loader_variables(), "PATH": "/usr/bin:/bin"}
    options: dict[str, Any] = {"cwd": folder, "env": env}
    return Started(words, {**options, **(support.user_options() if user == "user" else {})})


@pytest.fixture
def started(
    compiler: support.Compiler, user_tmp: Path, command: str, request: pytest.FixtureRequest
) -> Started:
    """The case that the test is about."""
    return start(compiler, user_tmp, command, request.param)


every_case = pytest.mark.parametrize(
    "started",
    [pytest.param(case.values, id=case.id) for case in cases()],
    indirect=True,
)


@every_case
def test_the_end_is_the_programs_own(started: Started) -> None:
    """Its exit status, or the signal that killed it; nothing is printed besides."""
    for arguments, status in ((["status", "0"], 0), (["status", "7"], 7), (["kill"], -9)):
        result = started.run(*arguments)
        assert (result.returncode, result.stdout, result.stderr) == (status, "", "")


@every_case
def test_the_process_is_the_program(started: Started) -> None:
    """Non-dumpable and without core dumps, with the pid, input and signals of a plain start."""
    with started.running("wait", "a b", "") as program:
        assert program.ready == "ready"
        assert support.read_dumpable(program.pid) == 0
        assert starts.read_core_limit(program.pid) == ["0", "0"]
        assert program.ask("hello") == "hello"
        if not ignores_sigpipe_itself(program.pid):
            assert signal.SIGPIPE not in starts.read_ignored_signals(program.pid)
        assert command_line(program.pid).endswith(b"wait\0a b\0\0")
        assert program.answer_to(signal.SIGTERM) == "term"
        assert program.answer() == ""
        assert program.process.wait(support.TIMEOUT) == 3


def command_line(pid: int) -> bytes:
    """What ps shows."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def ignores_sigpipe_itself(pid: int) -> bool:
    """Whether it is one of the interpreters that do."""
    name = command_line(pid).split(b"\0")[0]
    return b"python" in name or b"node" in name


@every_case
def test_input_goes_through_byte_for_byte(started: Started) -> None:
    """Nothing is read before the program reads."""
    content = bytes(range(256)) * 2000
    result = subprocess.run(
        [*started.argv, "copy"],
        **started.options,
        input=content,
        capture_output=True,
        timeout=support.TIMEOUT,
        check=True,
    )
    assert result.stdout == content
    assert result.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1])
@pytest.mark.parametrize("method", [EXECUTE_ONLY, PRELOAD])
def test_signals_have_their_default_effect(
    compiler: support.Compiler, user_tmp: Path, command: str, method: str, number: signal.Signals
) -> None:
    """Nothing stands between the sender and the program."""
    program = start(compiler, user_tmp, command, ("dynamic", method, "user"))
    with program.running("wait") as running:
        assert running.end_by(number) == -number


@pytest.mark.parametrize("kind", ["dynamic", "shell script", "musl"])
@pytest.mark.parametrize("method", [EXECUTE_ONLY, PRELOAD])
def test_a_closed_pipe_ends_the_program(
    compiler: support.Compiler, user_tmp: Path, command: str, kind: str, method: str
) -> None:
    """SIGPIPE is not ignored, as it would be after Python: `run yes | head` ends."""
    program = start(compiler, user_tmp, command, (kind, method, "user"))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = support.run(
            [*program.argv, "wait"], **program.options, capture_output=False, stdout=writer
        )
    finally:
        os.close(writer)
    assert result.returncode == -signal.SIGPIPE


@pytest.mark.parametrize("kind", KINDS)
def test_auto_takes_the_strongest_method(
    compiler: support.Compiler, user_tmp: Path, command: str, kind: str
) -> None:
    """Execute-only, also for a program that needs its own folder."""
    if KINDS[kind].root:
        support.require_root()
    user = "root" if KINDS[kind].root else "user"
    program = start(compiler, user_tmp, command, (kind, "auto", user))
    at = program.argv.index("--method")
    program.argv[at:at] = ["--explain"]
    text = program.run("status", "0").stdout
    method = next(line for line in text.splitlines() if line.startswith("method:"))
    assert method.split()[1] == f"{KINDS[kind].methods[0]}:"


@pytest.mark.parametrize(
    "first_line",
    [
        "#!{subject}",
        "#! {subject}",
        "#!\t {subject} \t",
        "#!{subject} tell",
        "#!{subject}\ttell",
        "#!{subject}   a b\tc  ",
        "#!{subject} -x --y=z 'q'",
        "#!{subject} é\udcff",
        "#!{subject} a\0b",
        "#!{subject}\0b",
        "#!{subject} a\r",
        "#!{script}",
        "#!{script} a",
        "#!/usr/bin/env {subject}",
        "#!/usr/bin/env subject",
        "#!/usr/bin/env -S subject tell 'a b' \"c\" d",
        "#!/usr/bin/env -S A=1 B=2 subject a",
        "#!/usr/bin/env -S A=\udcff subject a",
        "#!/usr/bin/env --split-string=subject a",
    ],
)
@pytest.mark.parametrize("method", [EXECUTE_ONLY, PRELOAD])
def test_a_first_line_means_what_it_means_to_the_kernel(
    compiler: support.Compiler, user_tmp: Path, command: str, first_line: str, method: str
) -> None:
    """The same arguments and variables as when the kernel (and env) starts the script."""
    subject = compiler("subject.c")
    outer = user_tmp / "outer"
    outer.write_text(f"#!{subject} through\n")
    path = user_tmp / "script"
    line = first_line.format(subject=subject, script=outer)
    path.write_bytes(os.fsencode(line) + b"\n")
    outer.chmod(0o755)
    path.chmod(0o755)
    env = {"PATH": f"{compiler.folder}:/usr/bin:/bin", "OTHER": "1"}
    options = {**support.user_options(), "env": env}
    plain = support.run([str(path), "tell", ""], **options)
    protected = support.run(
        [command, "run", "--method", method, "--", str(path), "tell", ""], **options
    )
    expected, told = starts.Shown(plain.stdout), starts.Shown(protected.stdout)
    assert told.arguments == expected.arguments
    assert sorted(told.variables) == sorted(expected.variables)
    assert told.number("dumpable") == 0


def test_a_script_is_found_as_the_shell_finds_it(
    compiler: support.Compiler, user_tmp: Path, command: str
) -> None:
    """In PATH, in order, past what is not executable; the name in argv[0] is the one given."""
    subject = compiler("subject.c")
    for name in ("first", "second"):
        (user_tmp / name).mkdir()
    (user_tmp / "first" / "tool").write_text("not executable")
    (user_tmp / "second" / "tool").symlink_to(subject)
    env = {"PATH": f"/nowhere:{user_tmp}/first:{user_tmp}/second:/usr/bin"}
    told = starts.show([command, "run", "tool"], env=env)
    assert told.arguments == [b"tool"]


def test_a_script_in_the_working_directory_needs_no_path(user_tmp: Path, command: str) -> None:
    """SCRIPT.py as after `python`: without a path, executable or not, with a #! line or not."""
    path = user_tmp / "app.py"
    path.write_text("import sys; print(sys.argv, sys.path[0])")
    for mode in (0o644, 0o755):
        path.chmod(mode)
        result = support.run_as_user([command, "run", "app.py", "a"], cwd=user_tmp)
        assert result.stdout == f"['app.py', 'a'] {user_tmp}\n", result.stderr


def test_a_venv_stays_one(user_tmp: Path, command: str) -> None:
    """Prefix and executable lead to the environment, whatever the method."""
    path = user_tmp / "prefix.py"
    path.write_text("import sys; print(sys.prefix, sys.executable)")
    for method in ("auto", PRELOAD, IN_PROCESS):
        result = support.run_as_user([command, "run", "--method", method, "--", str(path)])
        prefix, executable = result.stdout.split()
        assert prefix == sys.prefix
        assert os.path.samefile(executable, sys.executable)
        assert executable.startswith(sys.prefix)
