"""Draw docs/images/demo.svg, a part of the table that `make demo` prints.

    python tools/demo_picture.py           attack, and write the picture
    python tools/demo_picture.py --check   write nothing; 1 when the picture shows something else

Runs the `process-hardening` that is installed beside this Python.
"""

from __future__ import annotations

import json
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "demo.svg"
COMMAND = Path(sys.executable).with_name("process-hardening")

ATTACKS = (
    "ptrace-attach",
    "proc-mem",
    "proc-environ",
    "process-vm-readv",
    "pidfd-getfd",
    "core-segv",
    "ld-preload",
    "launch-window",
)
COLUMNS = {
    "control": "not hardened",
    "pre-main": "pre_main_hardening()",
    "reexec": "with reexec=True",
    "harden-own-name": "harden",
}
"""Victims of verify, and what a reader calls them."""

LEFT, TOP, WIDTH, HEIGHT = 200, 44, 190, 30
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.page { fill: #ffffff } .line { stroke: #d1d9e0 }
.name { font-family: ui-monospace, monospace } .head { font-weight: 600 }
.leaked { fill: #b3261e; font-weight: 600 } .limit { fill: #8a5a00 } .blocked { fill: #1a7f37 }
.none { fill: #59636e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .page { fill: #0d1117 } .line { stroke: #30363d }
  .none { fill: #9198a1 }
  .leaked { fill: #ff8182 } .limit { fill: #e3b341 } .blocked { fill: #4ac26b }
}
"""


def run_attacks() -> list[dict[str, Any]]:
    """Attack every column with every attack; returns what `verify --json` says of each attack."""
    options = [f"--attack={name}" for name in ATTACKS]
    options += [f"--victim={name}" for name in COLUMNS if name != "control"]
    argv = [str(COMMAND), "verify", "--built-in", "--json", *options]
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True)
    found = {attack["name"]: attack for attack in json.loads(done.stdout)["attacks"]}
    return [found[name] for name in ATTACKS]


def describe_outcome(attack: dict[str, Any], column: str) -> tuple[str, str]:
    """Return the word of a cell as verify's table has it, and the class of its colour."""
    if column == "control":
        return attack["control"], attack["control"]
    victim = attack["victims"].get(column)
    if victim is None or victim["outcome"] == "unavailable":
        return "-", "none"
    if victim["known_limit"]:
        return f"{victim['outcome']}*", "limit"
    return victim["outcome"], victim["outcome"]


def draw_table(attacks: list[dict[str, Any]]) -> str:
    """Return the picture as SVG."""
    width, height = LEFT + WIDTH * len(COLUMNS), TOP + HEIGHT * len(attacks) + 12
    shapes = [f'<rect class="page" width="{width}" height="{height}" rx="6"/>']

    def write(x: int, y: int, kind: str, text: str) -> None:
        shapes.append(f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>')

    write(16, 28, "head", "attack")
    for column, title in enumerate(COLUMNS.values()):
        write(LEFT + WIDTH * column, 28, "head", title)
    for row, attack in enumerate(attacks):
        y = TOP + HEIGHT * row
        shapes.append(f'<line class="line" x1="0" x2="{width}" y1="{y}" y2="{y}"/>')
        write(16, y + 20, "name", attack["name"])
        for column, victim in enumerate(COLUMNS):
            word, kind = describe_outcome(attack, victim)
            write(LEFT + WIDTH * column, y + 20, kind, word)
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>Attacks on a plain and on hardened programs</title>\n"
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python tools/demo_picture.py [--check]", file=sys.stderr)
        return 2
    picture = draw_table(run_attacks())
    if PICTURE.is_file() and PICTURE.read_text() == picture:
        return 0
    if arguments:
        print(f"{PICTURE.name}: not what was seen here: run `make demo-picture`", file=sys.stderr)
        return 1
    PICTURE.write_text(picture)
    print(f"wrote {PICTURE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
