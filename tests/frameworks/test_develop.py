"""docs/develop.md, tool by tool: what happens to a program that hardens itself."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from subprocess import DEVNULL, CompletedProcess, Popen
from typing import Any

import pytest

import starts
import support
from process_hardening.verify.attacks.tools.debugpy_client import reserve_port

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "programs" / "develop"
HARDENED = "hardened ordinary"
AGAIN = "hardened execute-only"
BYPASSED = "exposed ordinary"
PLUGIN = 'pytest_plugins = ["process_hardening.pytest_plugin"]\n'


@pytest.fixture
def folder(user_tmp: Path) -> Path:
    """A folder of the unprivileged user with the programs."""
    shutil.copytree(PROGRAMS, user_tmp, dirs_exist_ok=True)
    for path in user_tmp.iterdir():
        shutil.chown(path, support.USER)
    return user_tmp


def environment(folder: Path, **env: str) -> dict[str, str]:
    """The environment of a developer who has no proxy and a home folder."""
    names = {"HOME": str(folder), "TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    plain = starts.remove_loader_variables()
    return {**{name: plain[name] for name in plain if "proxy" not in name.lower()}, **names, **env}


def develop(folder: Path, *words: str, variable: str = "", **options: Any) -> CompletedProcess[str]:
    """Run a tool of the test environment in the folder; MYAPP_DEV has the value of variable."""
    argv = [support.find_tool(words[0]), *words[1:]]
    env = environment(folder, **({"MYAPP_DEV": variable} if variable else {}))
    return support.run_as_user(argv, cwd=folder, env=env, **options)


def python(folder: Path, *words: str, **options: Any) -> CompletedProcess[str]:
    """Run the interpreter in the folder."""
    return develop(folder, "python", *words, **options)


def refused(result: CompletedProcess[str], host: str, status: int = 5) -> None:
    """The program ended with one line of ours, which names the host, the page and the variable."""
    assert result.returncode == status, f"{result.stdout}{result.stderr}"
    lines = [line for line in result.stderr.splitlines() if "process-hardening:" in line]
    assert len(lines) == 1
    assert host in lines[0]
    assert "(docs/develop.md); exiting with status" in lines[0]
    assert "=1 starts without hardening" in lines[0]


def find_line(file: Path, text: str) -> int:
    """The number of the first line of a file that has a text in it."""
    lines = file.read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


# --- Test runners -----------------------------------------------------------------


def test_the_example_test_names_a_call_that_was_deleted(folder: Path) -> None:
    """The files of docs/develop.md: with the call, the test passes."""
    page = (ROOT / "docs" / "develop.md").read_text()
    blocks = re.findall(r"<!-- file: work/(\S+) -->\n```python\n(.*?)```", page, re.DOTALL)
    files = dict(blocks)
    words = ["-m", "pytest", "-p", "no:cacheprovider", "test_myapp.py", "-k", "itself_first"]
    for text, problem in (
        (files["myapp.py"], ""),
        (files["myapp.py"].replace("    ph.pre_main_hardening(POLICY, reexec=True)\n", ""),
         "AssertionError: main() does not harden its process"),
    ):  # fmt: skip
        for name, content in {**files, "myapp.py": text}.items():
            (folder / name).write_text(content)
        result = python(folder, *words)
        assert result.returncode == bool(problem), result.stdout
        assert problem in result.stdout


@pytest.mark.parametrize("options", [[], ["-p", "process_hardening.pytest_plugin"], ["-n", "1"]])
def test_the_plugin_makes_main_testable(folder: Path, options: list[str]) -> None:
    """In plain pytest, with the plugin loaded twice, and in a worker of pytest-xdist."""
    (folder / "conftest.py").write_text(PLUGIN)
    result = python(folder, "-m", "pytest", "-q", *options, "check_myapp.py")
    assert result.returncode == 0, result.stdout
    assert "6 passed" in result.stdout


def test_a_conftest_that_hardens_pytest_does_so_with_the_plugin(folder: Path) -> None:
    """Only calls in tests are recorded."""
    call = "import process_hardening as ph\nph.pre_main_hardening()\nprint(ph.status().verdict)\n"
    (folder / "conftest.py").write_text(call + PLUGIN)
    result = python(folder, "-m", "pytest", "-q", "-s", "check_myapp.py")
    assert result.stdout.startswith("hardened\n")
    assert "6 passed" in result.stdout


@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_without_the_plugin_a_line_is_seen(folder: Path, capture: str) -> None:
    """Although pytest captures what programs print."""
    result = python(folder, "-m", "pytest", "-q", f"--capture={capture}", "check_without.py")
    refused(result, "inside pytest: load the plugin process_hardening.pytest_plugin")


def test_unittest(folder: Path) -> None:
    """Without reexec the test passes; with it the run ends with a line."""
    plain = python(folder, "-m", "unittest", "unit.Plain")
    assert (plain.returncode, HARDENED in plain.stdout) == (0, True)
    refused(python(folder, "-m", "unittest", "unit.Again"), "inside unittest")


@pytest.mark.parametrize(("words", "output"), [([], HARDENED), (["again"], AGAIN)])
def test_coverage(folder: Path, words: list[str], output: str) -> None:
    """It measures to the end; with reexec, what ran in the second start."""
    support.import_module("coverage")
    result = python(folder, "-m", "coverage", "run", "myapp.py", *words)
    assert (result.returncode, output in result.stdout) == (0, True), result.stderr
    report = python(folder, "-m", "coverage", "report", "--include=myapp.py", "--format=total")
    assert int(report.stdout) > 50


# --- Debuggers and prompts ----------------------------------------------------------


def test_pdb(folder: Path) -> None:
    """A debugger in the process reads it; one that starts again would be lost."""
    commands = "b main\nc\nn\nn\np report.inspection\nq\n"
    plain = python(folder, "-m", "pdb", "myapp.py", input=commands)
    assert "'applied'" in plain.stdout
    refused(python(folder, "-m", "pdb", "myapp.py", "again", input="c\n"), "inside a debugger")
    words = ("-m", "pdb", "myapp.py", "again")
    assert BYPASSED in python(folder, *words, input="c\nq\n", variable="1").stdout


def test_debugpy(folder: Path) -> None:
    """As VS Code starts it: breakpoints and values, though the process is hardened."""
    support.import_module("debugpy")
    file = str(folder / "myapp.py")
    line = find_line(folder / "myapp.py", "print(")
    words = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy"]
    with reserve_port() as reserved:
        port = str(reserved.getsockname()[1])
        listen = ["--listen", f"127.0.0.1:{port}"]
        argv = [*words, *listen, "--wait-for-client", file]
        with Popen(argv, cwd=folder, env=environment(folder), **support.user_options()) as program:
            try:
                client = python(folder, "debug_client.py", port, file, str(line))
                assert client.stdout == "main 'applied'\n", client.stderr
                assert program.wait(support.TIMEOUT) == 0
            finally:
                program.kill()
        refused(python(folder, "-m", "debugpy", *listen, file, "again"), "inside a debugger")


PROMPT = "import myapp\nmyapp.main([])\nmyapp.main(['again'])\nprint('went', 'on')\n"


@pytest.mark.parametrize("words", [["python", "-i"], ["ipython", "--simple-prompt"]], ids=" ".join)
def test_prompts(folder: Path, words: list[str]) -> None:
    """Hardening works there; starting again ends the prompt with a line."""
    result = develop(folder, *words, input=PROMPT)
    assert HARDENED in result.stdout
    assert "went on" not in result.stdout
    host = "an interactive prompt" if words[0] == "python" else "IPython or Jupyter"
    refused(result, f"inside {host}")


def test_jupyter_shows_the_line_in_the_notebook(folder: Path) -> None:
    """The kernel is gone afterwards; without reexec it stays."""
    support.import_module("jupyter_client")
    result = python(folder, "cells.py", "import myapp; myapp.main([])", "myapp.main(['again'])")
    shown = result.stdout.splitlines()
    assert shown[0].startswith(HARDENED)
    assert "it runs inside IPython or Jupyter" in shown[1]
    assert shown[1].endswith("(docs/develop.md)")
    assert shown[2:] == ["gone"]


# --- Tools that look from outside -----------------------------------------------------


def start(folder: Path, *words: str, variable: str = "") -> support.Running:
    """Start the program; it is ready once it has hardened itself."""
    env = environment(folder, MYAPP_DEV=variable)
    return support.Running([sys.executable, "myapp.py", "wait", *words], cwd=folder, env=env)


ATTACHING = {
    "py-spy": ["py-spy", "dump", "--pid"],
    "gdb": ["gdb", "-batch", "-ex", "p (int) getpid()", "-p"],
}


@pytest.mark.parametrize("tool", ["py-spy", "gdb"])
def test_a_tool_attaches_only_with_the_variable(folder: Path, tool: str) -> None:
    """The control is the program with MYAPP_DEV=1."""
    shows = {"py-spy": "myapp.py", "gdb": "$1 ="}[tool]
    for words in ([], ["again"]):
        with start(folder, *words) as program:
            result = develop(folder, *ATTACHING[tool], str(program.pid))
            assert shows not in result.stdout
    with start(folder, variable="1") as program:
        assert program.ready.startswith(BYPASSED)
        assert shows in develop(folder, *ATTACHING[tool], str(program.pid)).stdout


def test_py_spy_record_stops_at_the_call(folder: Path) -> None:
    """It takes the hardened process for one that has ended; with the variable it samples on."""
    command = ["py-spy", "record", "--idle", "-r", "20", "-d", "60", "-f", "raw", "-o", "profile"]
    program = ["--", sys.executable, "myapp.py", "sleep"]
    sample = f"main (myapp.py:{find_line(folder / 'myapp.py', 'time.sleep(2)')})"
    profile = folder / "profile"
    develop(folder, *command, *program)
    # It writes no file if it did not sample anything before the call.
    assert not profile.exists() or sample not in profile.read_text()
    develop(folder, *command, *program, variable="1")
    assert sample in profile.read_text()


def test_memray(folder: Path) -> None:
    """It runs in the process, with a thread that keeps it from starting again."""
    support.import_module("memray")
    run = ["-m", "memray", "run", "-f", "-o", "profile.bin", "myapp.py"]
    plain = python(folder, *run)
    assert (plain.returncode, HARDENED in plain.stdout) == (0, True)
    refused(python(folder, *run, "again"), "threads are running and would be lost")
    assert BYPASSED in python(folder, *run, "again", variable="1").stdout


def test_gdb_from_the_start(folder: Path) -> None:
    """It traces the program, which says so; what starts again refuses."""
    support.find_tool("gdb")
    gdb = ["gdb", "-batch", "-ex", "set startup-with-shell off", "-ex", "run", "--args"]
    program = [*gdb, sys.executable, "myapp.py"]
    assert "partial ordinary" in develop(folder, *program).stdout
    again = develop(folder, *program, "again")
    assert "a tracer is attached" in again.stdout + again.stderr
    assert "exited with code 06" in again.stdout
    assert BYPASSED in develop(folder, *program, "again", variable="1").stdout


def test_faulthandler(folder: Path) -> None:
    """Its traceback needs no core."""
    for words, output in (([], HARDENED), (["again"], AGAIN)):
        result = python(folder, "-X", "faulthandler", "myapp.py", "crash", *words)
        assert output in result.stdout
        assert "Fatal Python error: Segmentation fault" in result.stderr
        assert '/myapp.py", line' in result.stderr


# --- Reloaders ------------------------------------------------------------------------


def test_a_library_may_not_start_its_importer_again(folder: Path) -> None:
    """Refused in its import, whatever imports it, and not when it is the program."""
    result = python(folder, "-c", "import imports_it")
    refused(result, "imports_it calls pre_main_hardening() at import")
    assert python(folder, "imports_it.py").returncode == 0
    assert python(folder, "-m", "imports_it").returncode == 0


def test_uvicorn_reload_hardens_each_worker(folder: Path) -> None:
    """The answer comes from another process after a change."""
    options: dict[str, Any] = {"cwd": folder, "env": environment(folder), "stderr": DEVNULL}
    with reserve_port() as reserved:
        port: int = reserved.getsockname()[1]
        argv = [support.find_tool("uvicorn"), "--reload", "--port", str(port), "web:app"]
        with Popen(argv, **options, **support.user_options()) as reloader:
            try:
                verdict, first = ask(port, unlike="")
                again, second = ask(port, unlike=first, change=folder / "web.py")
            finally:
                reloader.terminate()
    assert (verdict, again) == ("hardened", "hardened")
    assert first != second


def ask(port: int, unlike: str, change: Path | None = None) -> tuple[str, str]:
    """The verdict and the pid of a worker that is another one than before.

    change -- a file to change; again after a while, for the reloader sees no change of a file whose
        time it has not noted yet
    """
    deadline = time.monotonic() + support.TIMEOUT
    change_at = 0.0
    while time.monotonic() < deadline:
        if change and time.monotonic() >= change_at:
            with change.open("a") as file:
                file.write("# changed\n")
            change_at = time.monotonic() + 10
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/", timeout=5
            ) as answer:
                verdict, pid = answer.read().decode().split()
        except OSError:
            pid = unlike
        if pid != unlike:
            return verdict, pid
        time.sleep(0.1)
    pytest.fail("no new worker answers")


def test_watchfiles_restarts_a_program_that_starts_again(folder: Path) -> None:
    """It is one process with one pid, so the signals of the reloader end it."""
    command = f"{sys.executable} {folder}/myapp.py again sleep wait"
    argv = [support.find_tool("watchfiles"), "--sigint-timeout", "1", command, str(folder)]
    with support.Running(argv, cwd=folder, env=environment(folder)) as reloader:
        assert reloader.ready.startswith(AGAIN)
        (folder / "changed.py").write_text("")
        assert reloader.answer().startswith(AGAIN)
        os.kill(reloader.pid, signal.SIGTERM)
