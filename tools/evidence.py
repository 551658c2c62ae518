"""Run the specification's validation commands and all attacks, and keep the results.

    python tools/evidence.py FOLDER

Writes FOLDER/validation.txt (each command and its output) and, with `verify --evidence`, one dated
JSON record. Exits with verify's status, or with 1 when the output of a validation command is not
the expected one.
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

# The program of the specification's scenario; it prints a line when it is ready.
AGENT = [sys.executable, str(ROOT / "examples" / "agent.py")]

# The command ("{pid}" is the program), whether root runs it, and a pattern of its output.
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
        AGENT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **as_user()
    )
    lines, all_expected = [], True
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
            is_expected = bool(re.search(expected, done.stdout))
            all_expected = all_expected and is_expected
            shown = shell.replace(f"{COMMAND.parent}/", "").replace(str(program.pid), "$PID")
            output = done.stdout.strip().replace(str(program.pid), "$PID")
            lines += [f"$ {shown}", output, "as expected" if is_expected else "NOT as expected", ""]
    finally:
        program.kill()
        program.wait()
    (folder / "validation.txt").write_text("\n".join(lines))
    print("\n".join(lines))
    return all_expected


def main() -> int:
    """Write the evidence into the folder that is the only argument."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    all_expected = validate(folder)
    attacks = subprocess.run([COMMAND, "verify", "--evidence", str(folder)], check=False)
    return attacks.returncode or (0 if all_expected else 1)


if __name__ == "__main__":
    sys.exit(main())
