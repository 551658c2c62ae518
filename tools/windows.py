"""Run the core of Windows, which does nothing, under wine: it must say so and claim nothing.

python -m tools.windows [--record]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools import cross, debian
from tools.results import WINE, Row, record

TARGET = "x86_64-windows-gnu"
SECONDS = 300
"""The first start of wine makes its files, which takes 20."""
# Of tests/native/report.c.
EXPECTED = [
    "inspection: unsupported",
    "core_limit: unsupported",
    "environment: unsupported",
    "no_new_privs: unsupported",
    "seal: unsupported",
    "inspectable: -1",
    "dumpable: -1",
    "core limit known: 0",
]


def wine() -> str:
    """The path of wine for 64-bit programs, which Debian keeps out of PATH."""
    found = shutil.which("wine64", path=f"{os.environ.get('PATH', '')}:/usr/lib/wine")
    if not found:
        raise debian.MissingError("wine is not installed: apt-get install wine64")
    return found


def start(program: Path) -> tuple[int, str]:
    """Run a program for Windows; returns its status and what it printed."""
    with tempfile.TemporaryDirectory(prefix="ph-wine-") as folder:
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            "WINEPREFIX": f"{folder}/prefix",
            "WINEDEBUG": "-all",
            # Neither of them is there, and wine would ask to have them installed.
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }
        try:
            done = subprocess.run(
                [wine(), program],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise debian.MatrixError(str(error)) from None
        finally:
            # Its server outlives the program by some seconds, and writes into the folder.
            server = [str(Path(wine()).with_name("wineserver64")), "--kill", "--wait"]
            subprocess.run(server, env=env, timeout=SECONDS, check=False)
        return done.returncode, done.stdout


def main(arguments: Sequence[str]) -> int:
    """Print what the program said; return 1 when that claims anything, 2 when wine is missing."""
    if list(arguments) not in ([], ["--record"]):
        print("usage: python -m tools.windows [--record]", file=sys.stderr)
        return 2
    try:
        cross.build(TARGET)
        status, output = start(cross.output(TARGET))
    except debian.MatrixError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, debian.MissingError) else 1
    print(output, end="")
    if (status, output.splitlines()) != (0, EXPECTED):
        print(f"ended with {status}; expected was 0 and: {EXPECTED}", file=sys.stderr)
        return 1
    if arguments:
        record("windows", [Row(TARGET, WINE, f"{'; '.join(EXPECTED)}; status 0")])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
