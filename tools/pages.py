"""Run the code blocks of a page of the documentation and compare their output.

    python -m tools.pages README.md docs/tutorials/agent.md

What a block means:

- `console` is a session in bash. Lines after `$ ` or `# ` (a shell of root) are commands, `> `
  goes on with one; other lines are the output. A block without prompts is commands only. A command
  without output must succeed.
- `python` is a program, unless it is a part of a file in examples/.
- Anything else is not run.

In an expected output, a number stands for any number, `...` for any text, and a line `...` for any
lines. A comment above a block changes what is done:

- `<!-- not run: REASON -->`
- `<!-- may exit with 1 -->`
- `<!-- file: NAME -->`: the block is written into that file.
- `<!-- terminal: shows TEXT -->`: the command runs in a terminal, until the next block of this kind
  or the end of the page. The page goes on when the terminal shows the text.
- `<!-- terminal: type LINE -->`: the line is typed there, and the last line of the block appears.

All blocks of a page share one working folder, a copy of the repository, one shell per user and one
virtual environment, in which a page may install what it wants. What is not installed there comes
from the environment of the Python that runs this.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".*", "build", "dist", "__pycache__", "results", "*-results.json"
)

TIMEOUT = 300.0
"""Seconds that one command may take."""

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<note>[^\n]*?) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class PageError(Exception):
    """A block that does not do what the page says; the message names page and line."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    line -- where its text begins in the page
    note -- the comment above it
    """

    line: int
    language: str
    text: str
    note: str


@dataclass
class Step:
    """A command of a console block, and what it should print."""

    line: int
    command: str
    as_root: bool = False
    output: list[str] = field(default_factory=list)


def read_blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page that name their language."""
    for found in _BLOCK.finditer(page):
        indent = found["indent"]
        lines = [line.removeprefix(indent) for line in found["text"].splitlines()]
        first = page.count("\n", 0, found.start("text")) + 1
        yield Block(first, found["language"], "\n".join(lines), found["note"] or "")


def read_steps(block: Block) -> list[Step]:
    """Return the commands of a console block."""
    lines = list(enumerate(block.text.splitlines(), block.line))
    if not any(line.startswith(("$ ", "# ")) for _, line in lines):
        return [Step(number, line) for number, line in lines if line]
    steps: list[Step] = []
    for number, line in lines:
        if line.startswith(("$ ", "# ")):
            steps.append(Step(number, line[2:], line[0] == "#"))
        elif line.startswith("> ") and steps and not steps[-1].output:
            steps[-1].command += f"\n{line[2:]}"
        elif steps:
            steps[-1].output.append(line)
        else:
            raise PageError(f"line {number}: output before the first command")
    return steps


def is_shown(expected: list[str], output: list[str]) -> bool:
    """Tell whether an output is what a page shows, but for numbers and what `...` stands for."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
            continue
        words = re.escape(line.strip()).replace(r"\.\.\.", ".*")
        pattern += re.sub(r"\d+", r"\\d+", words) + r"\n"
    text = "".join(f"{line.strip()}\n" for line in output if line.strip())
    return re.fullmatch(pattern, text) is not None


class Shell:
    """A bash that keeps its variables, folder and background jobs from one command to the next."""

    def __init__(self, folder: Path, environment: dict[str, str], user: int | None) -> None:
        """Start it; `user` is whom it runs as, None for the caller."""
        change = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
            **change,  # type: ignore[call-overload]
        )

    def run(self, command: str) -> tuple[int, list[str]]:
        """Run a command; returns its status and the lines that it printed.

        Raises TimeoutError when it does not end.
        """
        assert self.process.stdin
        assert self.process.stdout
        mark = secrets.token_hex(8)
        line = f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' {mark} $?\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        deadline = time.monotonic() + TIMEOUT
        output = b""
        while not (end := re.search(rf"\n{mark} (\d+)\n".encode(), output)):
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                raise EOFError
            output += read
        return int(end[1]), output[: end.start()].decode(errors="replace").splitlines()

    def close(self) -> None:
        """End the shell and what it left running: all of it is in the shell's process group."""
        assert self.process.stdin
        assert self.process.stdout
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Terminal:
    """A terminal in which one program of a page runs."""

    SIZE = struct.pack("4H", 30, 100, 0, 0)

    def __init__(self, user: int | None) -> None:
        """Open it; `user` may use it."""
        self.near, self.far = pty.openpty()
        self.name = os.ttyname(self.far)
        fcntl.ioctl(self.far, termios.TIOCSWINSZ, self.SIZE)
        if user is not None:
            os.chown(self.name, user, -1)

    def wait_for(self, text: str) -> None:
        """Read until the program has shown a text; raises TimeoutError."""
        deadline = time.monotonic() + TIMEOUT
        output = b""
        while text.encode() not in output:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.near], [], [], left)[0]:
                raise TimeoutError
            output += os.read(self.near, 65536)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self.near, f"{line}\r".encode())

    def close(self) -> None:
        """Take the terminal away, which ends what runs in it."""
        os.close(self.far)
        os.close(self.near)


class Runner:
    """Runs the blocks of one page in a folder of its own."""

    def __init__(self, name: str, folder: Path, user: int | None = None) -> None:
        """Copy the repository into the folder; `user` owns it and runs the commands after `$ `."""
        self.name = name
        self.user = user
        self.clone = folder / "process-hardening"
        self.shells: dict[bool, Shell] = {}
        self.terminal: Terminal | None = None
        shutil.copytree(ROOT, self.clone, ignore=NOT_COPIED, symlinks=True)
        make_environment(folder / "venv")
        if user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
        scripts = f"{folder / 'venv' / 'bin'}:{Path(sys.executable).parent}"
        kept = ("LANG", "LC_ALL", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL")
        self.environment = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "dumb",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def shell(self, as_root: bool) -> Shell:
        """Return the shell of root or of the user, started when it is first needed."""
        if as_root not in self.shells:
            user = None if as_root else self.user
            self.shells[as_root] = Shell(self.clone, self.environment, user)
        return self.shells[as_root]

    def run_step(self, step: Step, statuses: set[int]) -> None:
        """Run a command and compare; raises PageError."""
        where = f"{self.name}:{step.line}: {step.command}"
        try:
            status, output = self.shell(step.as_root).run(step.command)
        except TimeoutError:
            raise PageError(f"{where}\nstill running after {TIMEOUT:.0f} seconds") from None
        except EOFError:
            raise PageError(f"{where}\nthe shell ended") from None
        shown = "\n".join(output)
        if step.output and not is_shown(step.output, output):
            expected = "\n".join(step.output)
            raise PageError(f"{where}\nshould print:\n{expected}\nprinted:\n{shown}")
        if not step.output and status not in statuses:
            raise PageError(f"{where}\nexit status {status}\n{shown}")

    def run_block(self, block: Block) -> None:
        """Run a block, or write the file that it is; raises PageError."""
        statuses = {0, *map(int, re.findall(r"^may exit with (\d+)$", block.note))}
        named = re.fullmatch(r"file: (\S+)", block.note)
        if block.note.startswith("not run: "):
            return
        if block.note.startswith("terminal: "):
            self.use_terminal(block)
        elif named:
            path = self.clone / named[1].replace("~", self.environment["HOME"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{block.text}\n")
        elif block.language == "console":
            for step in read_steps(block):
                self.run_step(step, statuses)
        elif block.language == "python" and not is_part_of_an_example(block.text):
            (self.clone / "block.py").write_text(f"{block.text}\n")
            self.run_step(Step(block.line, "python block.py"), statuses)

    def use_terminal(self, block: Block) -> None:
        """Start the command of a block in a terminal, or type into it; raises PageError."""
        _, verb, text = block.note.split(" ", 2)
        if verb == "shows":
            self.end_program()
            self.terminal = Terminal(self.user)
            (step,) = read_steps(block)
            command = f"{step.command}\n}} <>{self.terminal.name} >&0 2>&0 & {{ :"
            self.run_step(Step(step.line, command), {0})
        assert self.terminal, f"line {block.line}: no program runs in a terminal"
        if verb == "type":
            self.terminal.type(text)
            text = block.text.splitlines()[-1].strip()
        try:
            self.terminal.wait_for(text)
        except TimeoutError:
            raise PageError(f"{self.name}:{block.line}: the terminal never showed {text}") from None

    def end_program(self) -> None:
        """End what runs in the terminal, and take the terminal away."""
        if self.terminal:
            kill = "for job in $(jobs -p); do pkill -KILL -P $job; kill -KILL $job; done"
            self.shell(as_root=False).run(kill)
            self.terminal.close()
            self.terminal = None

    def run_page(self, page: str) -> int:
        """Run all blocks of a page; returns how many. Raises PageError at the first that fails."""
        blocks = list(read_blocks(page))
        try:
            for block in blocks:
                self.run_block(block)
        finally:
            for shell in self.shells.values():
                shell.close()
            if self.terminal:
                self.terminal.close()
        return len(blocks)


def make_environment(folder: Path) -> None:
    """Make a virtual environment that falls back on the packages of this one."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "fall-back.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


def is_part_of_an_example(code: str) -> bool:
    """Tell whether a Python block is shown from a file in examples/."""
    return any(code in path.read_text() for path in (ROOT / "examples").rglob("*.py"))


def main(names: list[str]) -> int:
    """Run the pages; returns 1 when one fails."""
    if not names:
        print("usage: python -m tools.pages PAGE...", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                count = Runner(name, Path(folder)).run_page((ROOT / name).read_text())
                print(f"{name}: {count} blocks")
            except PageError as error:
                print(error, file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
