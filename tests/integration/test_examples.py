"""The examples do what they say. The chat has tests/tui/test_terminal.py, in a terminal."""

from __future__ import annotations

import hmac
import os
import pwd
import re
import secrets
import shutil
import socket
import sys
from itertools import chain
from pathlib import Path

import pytest

import support
import victims

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TUTORIALS = [ROOT / "docs" / "tutorials" / f"{name}.md" for name in ("chat", "agent", "daemon")]

READ_PARENT = "tr '\\0' '\\n' </proc/$PPID/environ | grep ^OPENAI_API_KEY="

SKIP = {"CODEX_SKIP_HARDENING": "1"}


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_shows_the_example(tutorial: Path) -> None:
    """Its Python is a part of the program that it is about."""
    files = EXAMPLES.glob(f"{tutorial.stem}*/*.py"), EXAMPLES.glob(f"{tutorial.stem}.py")
    program = "".join(file.read_text() for file in chain(*files))
    shown = re.findall(r"^```python\n(.*?)^```$", tutorial.read_text(), re.DOTALL | re.MULTILINE)
    assert shown
    for part in shown:
        assert part in program


def test_a_tool_of_the_agent_cannot_read_its_key(user_tmp: Path) -> None:
    """A command that a model asked for runs as the same user, and is its parent's attacker."""
    agent = str(shutil.copy(EXAMPLES / "agent.py", user_tmp))
    key = f"sk-{secrets.token_hex(16)}"
    for extra in (SKIP, {}):
        env = {**os.environ, "OPENAI_API_KEY": key, **extra}
        with support.Running([sys.executable, agent, "--trust-tools"], env=env) as running:
            assert f"a key of {len(key)} characters" in running.ready
            said = running.ask(f"({READ_PARENT} || echo refused) 2>/dev/null")
            assert said == (f"OPENAI_API_KEY={key}" if extra else "refused")
            assert running.ask("echo $((6 * 7))") == "42"


READ_SHELL = "tr '\\0' '\\n' </proc/$(cut -d ' ' -f 4 /proc/$PPID/stat)/environ | grep ^OPENAI"


def test_a_confined_tool_of_the_agent_cannot_read_the_key_in_the_shell(user_tmp: Path) -> None:
    """The shell that started the agent holds the key too, and is not hardened."""
    agent = str(shutil.copy(EXAMPLES / "agent.py", user_tmp))
    key = f"sk-{secrets.token_hex(16)}"
    for options in (["--trust-tools"], []):
        shell = ["sh", "-c", '"$@"; exit', "sh", sys.executable, agent, *options]
        with support.Running(shell, env={**os.environ, "OPENAI_API_KEY": key}) as running:
            output = running.ask(f"({READ_SHELL} || echo refused) 2>/dev/null")
            assert output == (f"OPENAI_API_KEY={key}" if options else "refused")
            assert running.ask("echo $((6 * 7))") == "42"


def test_the_agent_takes_its_key_from_a_descriptor(user_tmp: Path) -> None:
    """No environment has it then; the descriptor is closed before a tool starts."""
    agent = str(shutil.copy(EXAMPLES / "agent.py", user_tmp))
    key = f"sk-{secrets.token_hex(16)}"
    read, write = os.pipe()
    os.write(write, key.encode())
    os.close(write)
    argv = [sys.executable, agent, "--trust-tools", "--key-fd", str(read)]
    with support.Running(argv, pass_fds=[read]) as running:
        os.close(read)
        assert f"a key of {len(key)} characters" in running.ready
        assert running.ask("ls /proc/self/fd | tr '\\n' ' '; echo") == "0 1 2 3"


def test_a_tool_of_the_agent_gets_search_paths_and_no_key(user_tmp: Path) -> None:
    """child_env() hands on what the loader looks through, and nothing that it loads."""
    agent = str(shutil.copy(EXAMPLES / "agent.py", user_tmp))
    env = {**os.environ, "OPENAI_API_KEY": "sk-1", "LD_LIBRARY_PATH": "/none", "LD_PRELOAD": ""}
    with support.Running([sys.executable, agent], env=env) as running:
        said = running.ask("env | grep -E '^(LD_|OPENAI)' | tr '\\n' ' '; echo")
        assert said == "LD_LIBRARY_PATH=/none"


def test_the_daemon_is_closed_to_the_user_that_it_became(
    user_tmp: Path, suid_dumpable: support.Sysctl
) -> None:
    """Here a change of user undoes hardening (fs.suid_dumpable is 1): it comes after that."""
    support.require_root()
    suid_dumpable.set("1")
    user = pwd.getpwuid(support.USER).pw_name
    secret = secrets.token_hex(16).encode()
    key_file = user_tmp / "key"
    key_file.write_bytes(secret)
    key_file.chmod(0o600)
    for extra in (SKIP, {}):
        path = str(user_tmp / f"socket{len(extra)}")
        argv = [sys.executable, str(EXAMPLES / "daemon.py"), str(key_file), user, path]
        root = {"user": 0, "group": 0, "env": {**os.environ, **extra}}
        with support.Running(argv, **root) as daemon:
            assert daemon.ready == f"signing as {user}"
            core = user_tmp / f"core.{daemon.pid}"
            gcore = [support.find_tool("gcore"), "-o", str(user_tmp / "core"), str(daemon.pid)]
            said = support.run_as_user(gcore).stderr
            assert (core.exists() and secret in core.read_bytes()) == bool(extra), said
            assert (victims.NOT_PERMITTED in said) == (not extra)

            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                connection.sendall(b"a line\n")
                answer = connection.makefile().readline().strip()
            assert answer == hmac.new(secret, b"a line", "sha256").hexdigest()
