"""The completions of the wheel, in the shells themselves: what Tab makes of a line.

The command is a stub that prints its arguments, so that a line that was completed shows in them.
"""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import support

SHARE = Path(sys.prefix) / "share"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
STUB = """\
#!/bin/sh
printf 'got'
for argument; do printf '[%s]' "$argument"; done
echo ' end'
"""

# What is typed before Tab, and the arguments that the stub then gets.
LINES = [
    ("process-hardening expl", "[explain]"),
    ("process-hardening audit --fail-on hi", "[audit][--fail-on][high]"),
    ("process-hardening audit mer", "[audit][merge]"),
    ("process-hardening audit merge lon", "[audit][merge][long-name.txt]"),
    ("process-hardening audit --openm", "[audit][--openmetrics]"),
    ("process-hardening audit --tree --fail-on=med", "[audit][--tree][--fail-on=medium]"),
    ("process-hardening audit --baseline lon", "[audit][--baseline][long-name.txt]"),
    ("process-hardening verify --attack=process-vm-w", "[verify][--attack=process-vm-writev]"),
    ("process-hardening verify --evidence fol", "[verify][--evidence][folder"),
    ("process-hardening verify --victim execute", "[verify][--victim][execute-only]"),
    ("process-hardening explain PH11", "[explain][PH11"),
    ("process-hardening hook dis", "[hook][disable]"),
    ("process-hardening hook enable --on-r", "[hook][enable][--on-request]"),
    ("process-hardening run --keep X --metho", "[run][--keep][X][--method]"),
    ("process-hardening run --method in-p", "[run][--method][in-process]"),
    ("process-hardening run --explain --js", "[run][--explain][--json]"),
    ("process-hardening run zebra-", "[run][zebra-tool]"),
    ("process-hardening run --strict -- zebra-", "[run][--strict][--][zebra-tool]"),
    (
        "process-hardening run --keep X -- zebra-tool lon",
        "[run][--keep][X][--][zebra-tool][long-name.txt]",
    ),
    ("process-hardening verify -- zebra-", "[verify][--][zebra-tool]"),
    ("process-hardening help aud", "[help][audit]"),
    ("process-hardening help har", "[help][harden]"),
    ("process-hardening confine --allow", "[confine][--allow-signals]"),
    ("process-hardening hook status --js", "[hook][status][--json]"),
    ("harden --chil", "[--children]"),
    ("harden --method pre", "[--method][preload]"),
    ("harden --keep X -- zebra-tool lon", "[--keep][X][--][zebra-tool][long-name.txt]"),
    ("harden zebra-", "[zebra-tool]"),
    ("harden --strict zebra-", "[--strict][zebra-tool]"),
    ("confine --allow", "[--allow-signals]"),
    ("confine -- zebra-", "[--][zebra-tool]"),
    ("confine zebra-tool lon", "[zebra-tool][long-name.txt]"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder the shells start in: some files, and the only programs that there are."""
    home = tmp_path_factory.mktemp("home")
    (home / "long-name.txt").touch()
    (home / "folder").mkdir()
    (home / "bin").mkdir()
    for name in ("process-hardening", "harden", "confine", "zebra-tool"):
        (home / "bin" / name).write_text(STUB)
        (home / "bin" / name).chmod(0o755)
    return home


def start_of(shell: str, home: Path) -> tuple[list[str], str]:
    """How the shell starts without files of this machine's, and what loads the completion."""
    if shell == "bash":
        if not BASH_COMPLETION.exists():
            support.fail_or_skip("bash-completion")
        ours = SHARE / "bash-completion/completions/harden"
        return [
            support.find_tool("bash"),
            "--norc",
            "-i",
        ], f"source {BASH_COMPLETION}; source {ours}"
    if shell == "zsh":
        functions = SHARE / "zsh/site-functions"
        return (
            [support.find_tool("zsh"), "-f", "-i"],
            f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -d {home}/.dump",
        )
    ours = SHARE / "fish/vendor_completions.d/confine.fish"
    return [support.find_tool("fish"), "--no-config", "-i"], f"source {ours}"


class Terminal:
    """A shell that believes it talks to a person."""

    def __init__(self, argv: list[str], home: Path) -> None:
        environment = {
            "HOME": str(home),
            "PATH": str(home / "bin"),
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "PS1": "> ",
            "XDG_CONFIG_HOME": str(home),
            "XDG_DATA_HOME": str(home),
        }
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execve(argv[0], argv, environment)
        self.output = ""

    def type(self, keys: str, until: str) -> str:
        """Type, and return what is printed from then on up to a text that must come."""
        self.output = ""
        os.write(self.master, keys.encode())
        deadline = time.monotonic() + support.TIMEOUT
        while until not in self.output:
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            assert ready, f"{keys!r}: {until!r} did not come, but {self.output!r}"
            self.output += os.read(self.master, 65536).decode(errors="replace")
        return self.output

    def end(self) -> None:
        """Hang up."""
        os.close(self.master)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def terminal(request: pytest.FixtureRequest, home: Path) -> Iterator[Terminal]:
    """Each shell with the completion of the installed wheel."""
    argv, load = start_of(request.param, home)
    terminal = Terminal(argv, home)
    # The echo of the typed line has quotes where the output has none.
    terminal.type(f"{load}; echo rea''dy\n", "ready")
    yield terminal
    terminal.end()


@pytest.mark.parametrize(("typed", "expected"), LINES)
def test_tab_completes(terminal: Terminal, typed: str, expected: str) -> None:
    """Commands, options, values, files and the programs of `run`, `harden` and `confine`."""
    output = terminal.type(f"{typed}\t\n", " end")
    assert f"got{expected}" in output
