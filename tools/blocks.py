"""The code blocks of a page, and what is done with each: tools/pages.py says what decides it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.block_checks import CHECKS

_BLOCK = re.compile(
    r"(?P<notes>(?:^ *<!-- [^\n]*? -->\n)*)"
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$"
    r"|^<!-- hidden (?P<hidden>\w+)\n(?P<unseen>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)


class PageError(Exception):
    """A block that does not do what the page says; the message names page and line."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    line -- where its text begins in the page
    notes -- the comments above it
    hidden -- whether readers do not see it
    """

    line: int
    language: str
    text: str
    notes: tuple[str, ...] = ()
    hidden: bool = False

    def note(self, kind: str) -> str | None:
        """Return what follows `kind` in the comments above it; None if none is of that kind."""
        found = [note for note in self.notes if note.startswith(f"{kind} ")]
        return found[0].removeprefix(f"{kind} ") if found else None

    def action(self) -> str:
        """Return what is done with it: `type`, `write`, `run`, `check`, or `nothing`."""
        if self.note("terminal:"):
            return "type"
        if self.note("file:"):
            return "write"
        if self.language in ("console", "python") and not self.note("not run:"):
            return "run"
        return "check" if self.language in CHECKS else "nothing"


@dataclass
class Step:
    """A command of a console block, and what it should print."""

    line: int
    command: str
    as_root: bool = False
    output: list[str] = field(default_factory=list)


def read_blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page, those that readers do not see among them."""
    for found in _BLOCK.finditer(page):
        if found["hidden"]:
            line = page.count("\n", 0, found.start("unseen")) + 1
            yield Block(line, found["hidden"], found["unseen"].rstrip("\n"), hidden=True)
            continue
        indent = found["indent"]
        lines = [line.removeprefix(indent) for line in found["text"].splitlines()]
        first = page.count("\n", 0, found.start("text")) + 1
        notes = tuple(re.findall(r"<!-- (.*?) -->", found["notes"]))
        yield Block(first, found["language"], "\n".join(lines), notes)


def read_steps(block: Block) -> list[Step]:
    """Return the commands of a console block."""
    lines = list(enumerate(block.text.splitlines(), block.line))
    steps: list[Step] = []
    if not any(line.startswith(("$ ", "# ")) for _, line in lines):
        for number, line in lines:
            if steps and steps[-1].command.endswith("\\"):
                steps[-1].command += f"\n{line}"
            elif line:
                steps.append(Step(number, line))
        return steps
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
