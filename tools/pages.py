"""Run the code blocks of a page of the documentation and compare their output.

    python -m tools.pages README.md docs/tutorials/agent.md

What a block means:

- `console` is a session in bash. Lines after `$ ` or `# ` (a shell of root) are commands, `> `
  goes on with one; other lines are the output. A block without prompts is commands only. A command
  without output must succeed.
- `python` is a program, unless it is a part of a file in examples/.
- Anything else is checked by tools/block_checks.py, unless it is a part of such a file.

In an expected output, a number stands for any number, `...` for any text, and a line `...` for any
lines. Comments above a block change what is done:

- `<!-- not run: REASON -->`: it is only checked.
- `<!-- may exit with 1 -->`
- `<!-- file: NAME -->`: the block is written into that file.
- `<!-- terminal: shows TEXT -->`: the command runs in a terminal, until the next block of this kind
  or the end of the page. The page goes on when the terminal shows the text.
- `<!-- terminal: type LINE -->`: the line is typed there, and the last line of the block appears.

A comment that begins with a line `<!-- hidden console` and ends with a line `-->` is a block that
readers do not see. A `hidden python` is the beginning of the next Python block.

A page with `<!-- run by make docs-check -->` is slow or changes the machine: `make docs-check` runs
it in a throwaway place (tools/throwaway.py).

All blocks of a page share one working folder, a copy of the repository, one shell per user and one
virtual environment, in which a page may install what it wants, such as the wheel
in ~. What is not installed there comes from the environment of the Python that runs this.
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
import venv
from collections.abc import Collection
from functools import cache, cached_property
from pathlib import Path

from tools import throwaway
from tools.block_checks import CHECKS
from tools.blocks import Block, PageError, Step, read_blocks, read_steps

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".*", "build", "dist", "__pycache__", "results", "*-results.json"
)

USER = 65534
"""Whom a page runs as that root starts: nobody."""

TIMEOUT = 300.0
"""Seconds that one command may take."""

BY_DOCS_CHECK = "<!-- run by make docs-check -->\n"


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
        """Read until the program has shown a text; raises TimeoutError with what it did show."""
        deadline = time.monotonic() + TIMEOUT
        output = b""
        while text.encode() not in output:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.near], [], [], left)[0]:
                raise TimeoutError(output.decode(errors="replace"))
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

    def __init__(
        self,
        name: str,
        folder: Path,
        user: int | None = None,
        parts: Collection[str] | None = None,
    ) -> None:
        """`user` owns the folder and runs the commands after `$ `.

        parts -- what the page reads of the repository, None for everything
        """
        self.name = name
        self.folder = folder
        self.user = user
        self.parts = parts
        self.shells: dict[bool, Shell] = {}
        self.terminal: Terminal | None = None
        self.beginning = ""
        scripts = f"{folder / 'venv' / 'bin'}:{Path(sys.executable).parent}"
        kept = ("LANG", "LC_ALL", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL")
        self.environment = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "dumb",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    @cached_property
    def clone(self) -> Path:
        """Copy the repository into the folder when a block first needs it."""

        def leave_out(folder: str, names: list[str]) -> set[str]:
            left_out = NOT_COPIED(folder, names)
            if self.parts is not None and folder == str(ROOT):
                left_out |= set(names).difference(self.parts)
            return left_out

        clone = self.folder / "process-hardening"
        shutil.copytree(ROOT, clone, ignore=leave_out, symlinks=True)
        for wheel in (ROOT / "build" / "wheel").glob("*.whl"):
            shutil.copy(wheel, self.folder)
        make_environment(self.folder / "venv")
        (clone / ".venv").symlink_to(self.folder / "venv")
        if self.user is not None:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.user, self.user, follow_symlinks=False)
        return clone

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
        """Do with a block what its kind and its comments say; raises PageError."""
        action = block.action()
        if action == "type":
            self.use_terminal(block)
        elif action == "write":
            self.write_file(block)
        elif action == "run" and block.language == "console":
            statuses = {0, int(block.note("may exit with") or 0)}
            for step in read_steps(block):
                self.run_step(step, statuses)
        elif action == "run":
            self.run_python(block)
        if action in ("write", "check") and not is_part_of_an_example(block.text):
            check_block(self.name, block)

    def write_file(self, block: Block) -> None:
        """Write a block into the file that it is."""
        path = self.clone / str(block.note("file:")).replace("~", self.environment["HOME"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{block.text}\n")

    def run_python(self, block: Block) -> None:
        """Run a program with the hidden beginning that it may have; raises PageError."""
        if block.hidden:
            self.beginning = f"{block.text}\n"
        elif self.beginning or not is_part_of_an_example(block.text):
            (self.clone / "block.py").write_text(f"{self.beginning}{block.text}\n")
            self.beginning = ""
            self.run_step(Step(block.line, "python block.py"), {0})

    def use_terminal(self, block: Block) -> None:
        """Start the command of a block in a terminal, or type into it; raises PageError."""
        verb, text = str(block.note("terminal:")).split(" ", 1)
        if verb == "shows":
            for step in read_steps(block):
                self.start_in_terminal(step)
                self.wait_for(text, block)
            return
        assert self.terminal, f"line {block.line}: no program runs in a terminal"
        self.terminal.type(text)
        self.wait_for(block.text.splitlines()[-1].strip(), block)

    def start_in_terminal(self, step: Step) -> None:
        """Start a command in a new terminal."""
        self.end_program()
        self.terminal = Terminal(self.user)
        command = f"{step.command}\n}} <>{self.terminal.name} >&0 2>&0 & {{ :"
        self.run_step(Step(step.line, command), {0})

    def wait_for(self, text: str, block: Block) -> None:
        """Wait until the terminal shows a text; raises PageError."""
        assert self.terminal
        try:
            self.terminal.wait_for(text)
        except TimeoutError as error:
            where = f"{self.name}:{block.line}"
            raise PageError(f"{where}: the terminal never showed {text}: {error!s:.2000}") from None

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
    """Make a virtual environment that falls back on the packages of this one, pip among them."""
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "fall-back.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m pip "$@"\n')
    pip.chmod(0o755)


def is_part_of_an_example(code: str) -> bool:
    """Tell whether a block is shown from a file in examples/, each of which has a test."""
    return any(code in text for text in read_examples())


@cache
def read_examples() -> list[str]:
    """Return the texts of the files in examples/."""
    files = [path for path in (ROOT / "examples").rglob("*") if path.is_file()]
    return [path.read_text(errors="replace") for path in files]


def check_block(name: str, block: Block) -> None:
    """Check a block that cannot be run, or that is a file; raises PageError."""
    check = CHECKS.get(block.language)
    complaints = check(block.text) if check else ""
    if complaints:
        raise PageError(f"{name}:{block.line}: {complaints}")


def find_pages() -> list[str]:
    """Return the pages that have blocks."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in paths if "```" in path.read_text())


def is_run_by_docs_check(name: str) -> bool:
    """Tell whether `make docs-check` runs a page, and `make test` does not."""
    return BY_DOCS_CHECK in (ROOT / name).read_text()


def run_as_user(name: str) -> bool:
    """Run a page in a temporary folder, as an unprivileged user; tell whether it works."""
    user = None if os.getuid() else USER
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        try:
            count = Runner(name, Path(folder), user).run_page((ROOT / name).read_text())
        except PageError as error:
            print(error, file=sys.stderr)
            return False
    print(f"{name}: {count} blocks, {time.monotonic() - started:.0f} s", flush=True)
    return True


def main(arguments: list[str]) -> int:
    """Run the pages, without names those of `make docs-check`; returns 1 when one fails.

    After --here, this is the throwaway place that such a page needs.
    """
    here = arguments[:1] == ["--here"]
    names = arguments[here:] or [name for name in find_pages() if is_run_by_docs_check(name)]
    argv = [sys.executable, "-m", "tools.pages", "--here"]
    works = [
        run_as_user(name)
        if here or not is_run_by_docs_check(name)
        else throwaway.run([*argv, name], cwd=ROOT) == 0
        for name in names
    ]
    return 0 if all(works) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
