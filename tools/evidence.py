"""Run the specification's validation commands and all attacks, and keep what came of them.

    python tools/evidence.py FOLDER

Writes FOLDER/validation.txt (each command and what it printed) and, by `verify --evidence`, one
dated JSON record. Ends with verify's status, or 1 when a validation command did not give what was
expected.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COMMAND = Path(sys.executable).with_name("process-hardening")
USER = 65534 if os.getuid() == 0 else os.getuid()

# The program of the specification's scenario, which says when it is ready.
TUI = [sys.executable, str(ROOT / "examples" / "agent.py")]

# What to run ("{pid}" is the program), as root or as its own user, and what must be in the output.
VALIDATION: list[tuple[str, bool, str]] = [
    ("grep 'Max core file size' /proc/{pid}/limits", False, r"size +0 +0 +bytes"),
    ("gdb -p {pid} -batch -ex quit 2>&1 | tail -n 4", False, r"Operation not permitted"),
    ("grep -a -o -z 'LD_[A-Z_]*' /proc/{pid}/environ; echo found nothing: $?", True, r"nothing: 1"),
    (f"{COMMAND} status {{pid}}", True, r": hardened"),
]


def as_user() -> dict[str, Any]:
    """The arguments that make subprocess start a program as the unprivileged user."""
    return {} if os.getuid() else {"user": USER, "group": USER, "extra_groups": []}


def validate(folder: Path) -> bool:
    """Run the validation commands against a program. Returns whether all were as expected."""
    env = {**os.environ, "LD_PRELOAD": "/tmp/test.so", "OPENAI_API_KEY": "not-a-real-key"}
    program = subprocess.Popen(
        TUI, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **as_user()
    )
    lines, holds = [], True
    try:
        assert program.stdout is not None
        program.stdout.readline()
        for command, as_root, expected in VALIDATION:
            shell = command.format(pid=program.pid)
            done = subprocess.run(
                ["/bin/sh", "-c", shell],
                capture_output=True,
                text=True,
                **({} if as_root else as_user()),
            )
            met = bool(re.search(expected, done.stdout))
            holds = holds and met
            shown = shell.replace(f"{COMMAND.parent}/", "").replace(str(program.pid), "$PID")
            output = done.stdout.strip().replace(str(program.pid), "$PID")
            lines += [f"$ {shown}", output, "as expected" if met else "NOT as expected", ""]
    finally:
        program.kill()
        program.wait()
    (folder / "validation.txt").write_text("\n".join(lines))
    print("\n".join(lines))
    return holds


def main() -> int:
    """Write the evidence into the folder that is the only argument."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    holds = validate(folder)
    attacks = subprocess.run([COMMAND, "verify", "--evidence", str(folder)], check=False)
    return attacks.returncode or (0 if holds else 1)


if __name__ == "__main__":
    sys.exit(main())
