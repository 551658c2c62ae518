"""What the sections of docs/frameworks.md say beyond the table: where a recipe ends, and tools."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

import support
from applications import BLOCKED, Application
from keyrings import LOOK_UP, run_keyring

LEAKED = {"process_vm_readv": "leaked", "mem": "leaked"}


@contextmanager
def run(folder: Path, example: str, line: str) -> Iterator[tuple[Application, Popen[str]]]:
    """Run an example by a command line."""
    application = Application(folder, example)
    with application.started(shlex.split(line), user=True) as process:
        yield application, process


def ask(process: Popen[str], line: str) -> str:
    """Write a line to its standard input; returns what it prints until it prints END."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    output = ""
    while not output.endswith("END\n"):
        part = process.stdout.readline()
        assert part, f"{line}: {output}"
        output += part
    return output


def ask_tool(process: Popen[str], command: str) -> str:
    """What a tool prints that runs a command of the shell."""
    return ask(process, f"{command}; echo END").removesuffix("END\n")


# --- Command-line programs -------------------------------------------------------------


@pytest.mark.parametrize(("example", "entry"), [("typer", "app"), ("click", "sign")])
def test_an_entry_point_beside_main_hardens_nothing(
    example: str, entry: str, user_tmp: Path
) -> None:
    """As `sign = "sign:app"` in pyproject.toml would be."""
    line = f"python -c 'import sign; sign.{entry}()'"
    with run(user_tmp, example, line) as (application, process):
        assert application.scan(application.printed(process)) == LEAKED


# --- Web applications ------------------------------------------------------------------


def test_a_call_in_the_module_leaves_the_supervisor_of_uvicorn_open(user_tmp: Path) -> None:
    """Its workers are hardened, its own environment is readable."""
    application = Application(user_tmp, "fastapi")
    module = "import process_hardening as ph\n\nph.pre_main_hardening()\n\nfrom app import app\n"
    (application.home / "module.py").write_text(module)
    argv = shlex.split("uvicorn --workers 2 module:app")
    with application.started(argv, user=True) as process:
        assert application.scan(application.requested(process)) == BLOCKED
        attack = [sys.executable, str(application.programs / "attack.py"), "environ"]
        result = support.run_as_user([*attack, str(process.pid), "0", "0"])
        assert "SECRET_FILE=" in result.stdout, result.stderr


def test_django_stays_hardened_when_it_reloads(user_tmp: Path) -> None:
    """Both of its processes have the settings: the reloader, and the server that it starts."""
    application = Application(user_tmp, "django")
    line = f"python manage.py runserver {application.port}"
    with application.started(shlex.split(line), user=True) as process:
        first = application.requested(process)
        assert first != process.pid
        touched = 0.0

        def request_another() -> str:
            nonlocal touched
            if time.monotonic() > touched + 5:  # the first comes too early for a new reloader
                touched = time.monotonic()
                os.utime(application.home / "urls.py")
            answer = application.request()
            return "" if answer == str(first) else answer

        second = application.until(process, request_another)
        for pid in (process.pid, second):
            assert application.scan(pid) == BLOCKED
    argv = shlex.split(f"env CODEX_SKIP_HARDENING=1 {line}")
    with application.started(argv, user=True) as process:
        application.requested(process)
        assert application.scan(process.pid) == LEAKED


# --- Agents ----------------------------------------------------------------------------

AGENT = "sh -c 'exec python agent.py 3<$SECRET_FILE'"
SERVER = "python ../programs/mcp_client.py hardened"


@pytest.fixture
def victim() -> Iterator[support.Running]:
    """A process of the same user that holds a key in its environment."""
    env = {"PATH": os.environ["PATH"], "OTHER_KEY": "sk-of-another-process"}
    with support.Running(["sh", "-c", "echo ready; read line"], env=env) as running:
        yield running


@pytest.mark.parametrize(("example", "line"), [("langchain", AGENT), ("mcp", SERVER)])
def test_a_tool_reads_no_process_and_gets_no_key(
    example: str, line: str, victim: support.Running, user_tmp: Path
) -> None:
    """Neither of another process, which is not hardened, nor of the program that started it."""
    with run(user_tmp, example, line) as (application, process):
        application.printed(process)
        for command in (f"cat /proc/{victim.pid}/environ", "cat /proc/$PPID/environ"):
            assert "Permission denied" in ask_tool(process, command)
        assert "not permitted" in ask_tool(process, f"kill -0 {victim.pid}")
        assert application.canary not in ask_tool(process, "env")
        assert ask_tool(process, "ls /proc/self/fd").split() == ["0", "1", "2", "3"]


def test_a_hardened_client_protects_no_mcp_server(victim: support.Running, user_tmp: Path) -> None:
    """The SDK hands six variables on and none of ours. Its tools read other processes."""
    line = "harden --children -- python ../programs/mcp_client.py plain"
    with run(user_tmp, "mcp", line) as (application, process):
        server = application.printed(process)
        assert application.scan(server) == LEAKED
        assert application.scan(process.pid) == BLOCKED
        assert "sk-of-another" in ask_tool(process, f"cat /proc/{victim.pid}/environ; echo")


# --- Secrets ---------------------------------------------------------------------------

ENV_FILE = """\
API_KEY={canary}
LD_PRELOAD=/nonexistent/attacker.so
BASH_ENV=attacker.sh
"""


@pytest.mark.parametrize("recipe", [False, True])
def test_what_an_env_file_sets_for_the_loader_reaches_no_command(
    recipe: bool, user_tmp: Path
) -> None:
    """Nor does the key; without the two lines they do."""
    application = Application(user_tmp, "dotenv")
    (application.home / ".env").write_text(ENV_FILE.format(canary=application.canary))
    (application.home / "attacker.sh").write_text("echo attacked\n")
    program = application.home / "app.py"
    if not recipe:
        text = program.read_text().replace("    ph.rescrub()\n", "")
        program.write_text(text.replace('ph.take_env("API_KEY")', 'os.environ["API_KEY"]'))
    with application.started(["python", "app.py"], user=True) as process:
        application.printed(process)
        output = ask(process, "bash -c 'env; echo END'")
    found = [text in output for text in ("attacked\n", "LD_PRELOAD=", application.canary)]
    assert found == [not recipe] * 3, output


def test_the_configuration_of_keyring_runs_no_code_in_the_program(user_tmp: Path) -> None:
    """Which it does where the program names no backend. The keyring itself answers whoever asks."""
    application = Application(user_tmp, "keyring")
    settings = application.home / ".config" / "python_keyring"
    settings.mkdir(parents=True)
    (settings / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring=attacker.Keyring\nkeyring-path={application.home}/bad\n"
    )
    (application.home / "bad").mkdir()
    (application.home / "bad" / "attacker.py").write_text(
        "import sys\n"
        "from keyring.backends.SecretService import Keyring\n"
        'print("attacked", file=sys.stderr, flush=True)\n'
    )
    with run_keyring(application):
        for line, attacked in (
            ("python ../programs/fetch_password.py", True),
            ("python sign.py", False),
        ):
            with application.started(shlex.split(line), user=True) as process:
                application.printed(process)
                assert ("attacked" in application.log.read_text()) == attacked
        env = application.environment()
        assert support.run_as_user(LOOK_UP, env=env).stdout.strip() == application.canary
