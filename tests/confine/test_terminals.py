"""What a confined tool does to others by terminals, as docs/confine.md says, and what stops it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

import support
from process_hardening.runtimes import runtime_of

PROGRAMS = Path(__file__).with_name("programs")
STOP = [sys.executable, str(PROGRAMS / "stop_group.py"), "JOB"]
JAVA = """
class Ready {
    public static void main(String[] arguments) throws Exception {
        System.out.println("ready");
        Thread.sleep(Long.MAX_VALUE);
    }
}
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "stopped"),
        (["CONFINE", "--"], "stopped"),
        (["setsid", "-w", "CONFINE", "--"], "runs"),
        (["script", "-qec"], "runs"),
    ],
    ids=["free", "confined", "in a session of its own", "on a terminal of its own"],
)
def test_jobs_are_stopped_by_a_tool_of_their_session_only(
    confine: str, words: list[str], expected: str
) -> None:
    prefix = [confine if word == "CONFINE" else word for word in words]
    command = [*prefix, *STOP]
    if "script" in words:
        command = [*prefix, shlex.join([confine, "--", *STOP]), "/dev/null"]
    argv = [sys.executable, str(PROGRAMS / "session.py"), *command]
    assert support.run_as_user(argv).stdout == f"{expected}\n"


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_the_quit_key_of_a_terminal_opens_a_jvm_that_was_not_closed(
    confine: str, is_closed: bool, user_tmp: Path
) -> None:
    """The tool may send it no signal; the kernel sends one for the terminal."""
    java = runtime_of("java")
    assert java is not None
    source = user_tmp / "Ready.java"
    source.write_text(JAVA)
    compile_it = [support.find_tool("javac"), "-d", str(user_tmp), str(source)]
    assert support.run(compile_it).returncode == 0
    options = [*java.options] if is_closed else []
    victim = [support.find_tool("java"), "-Xmx32m", *options, "-cp", str(user_tmp), "Ready"]
    argv = [sys.executable, str(PROGRAMS / "terminal.py"), confine, *victim]
    assert support.run_as_user(argv).stdout == ("dumped\n" if is_closed else "opened\n")
