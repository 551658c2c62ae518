"""Run a workload as an unprivileged user, in namespaces of its own and without a network.

A workload is a folder of compat/workloads with `run.sh`, which starts programs by the command
`start`: plainly, or in the way at hand. `make.sh`, if there is one, runs once before, and
what it makes is copied for each way.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from catalogue import CACHES, FOLDERS, ROOT, Program
from ways import PLACE, PLAIN, WAYS

USER = 65534
FILTERED = ROOT / "tests" / "programs" / "filtered.py"
NAMESPACES = ["unshare", "--net", "--pid", "--ipc", "--mount-proc", "--fork", "--kill-child"]
METHOD = re.compile(r"^method: *([^;\n]*)", re.MULTILINE)
"""What `--explain` says of how a program is started."""
ANNOUNCEMENT = re.compile(r"^process-hardening: .*: cannot use execute-only .*\n", re.MULTILINE)
"""What `harden` prints before it falls back to preload. The table tells it in its own way."""
ENTER = f"""\
mount --bind "$1" {PLACE} && mount --bind {PLACE}/passwd /etc/passwd && ip link set lo up &&
cd {PLACE}/home || exit
shift
"$@"
exit $?
"""
"""The first process of the namespaces; it ends when the workload does, and all others with it."""


class Run(NamedTuple):
    """What a workload did: its status, output, files, and how `start` started its programs."""

    status: int
    output: str
    lines: list[str]
    files: dict[str, str]
    started: list[str]

    def last_line(self) -> str:
        """Return the last line that counts."""
        return " ".join(self.lines[-1].split()) if self.lines else ""

    def same_as(self, other: Run) -> bool:
        """Whether status, output and files are the same."""
        return (self.status, self.lines, self.files) == (other.status, other.lines, other.files)

    def differences(self, plain: Run) -> list[str]:
        """Return what is in one of the runs only, as lines of text."""
        lines = [f"status {plain.status}, here {self.status}"] * (self.status != plain.status)
        lines += [f"plain only: {line}" for line in plain.lines if line not in self.lines]
        lines += [f"here only: {line}" for line in self.lines if line not in plain.lines]
        names = sorted(plain.files.keys() | self.files.keys())
        lines += [
            f"file {name}: {plain.files.get(name, 'none')}, here {self.files.get(name, 'none')}"
            for name in names
            if plain.files.get(name) != self.files.get(name)
        ]
        return lines[:40] or ["the same lines in another order"]


class Template:
    """A workload's folder, as each way finds it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.temporary = tempfile.TemporaryDirectory(prefix="ph-compat-")
        self.folder = Path(self.temporary.name)

    def __enter__(self) -> Template:  # noqa: PYI034 -- typing.Self is of Python 3.11
        self.folder.chmod(0o755)
        made = self.folder / "made"
        shutil.copytree(self.program.workload, made / "home")
        lay_out(made)
        if (made / "home" / "make.sh").exists():
            result = self.execute(made, PLAIN, "make.sh")
            if result.returncode:
                sys.exit(f"compat.py: {self.program.slug}/make.sh failed: {result.stdout}")
        return self

    def __exit__(self, *_: object) -> None:
        self.temporary.cleanup()

    def run(self, way: str) -> Run:
        """Run the workload in a way."""
        scratch = self.folder / way
        # Unlike shutil.copytree(), cp also keeps owners and hard links.
        subprocess.run(["cp", "-a", self.folder / "made", scratch], check=True)
        result = self.execute(scratch, way, "run.sh")
        return Run(
            result.returncode,
            result.stdout,
            self.program.results(ANNOUNCEMENT.sub("", result.stdout)),
            dict(list_files(scratch, (*self.program.varies, *CACHES))),
            METHOD.findall((scratch / "started").read_text()),
        )

    def execute(self, scratch: Path, way: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the workload. A script that does not end in time has status 124."""
        (scratch / "bin" / "start").write_text(start_script(WAYS[way].start))
        (scratch / "bin" / "start").chmod(0o755)
        command = [*NAMESPACES, "sh", "-c", ENTER, "sh", str(scratch)]
        if not self.program.root:
            command += ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        command += ["timeout", "--kill-after=5", str(self.program.timeout)]
        command += [*WAYS[way].around, "sh", script]
        return subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )


def environment() -> dict[str, str]:
    """Return the environment of a workload."""
    return {
        "PATH": os.pathsep.join([f"{PLACE}/bin", *FOLDERS]),
        "HOME": f"{PLACE}/home",
        "TMPDIR": f"{PLACE}/tmp",
        "USER": "compat",
        "LOGNAME": "compat",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }


def lay_out(scratch: Path) -> None:
    """Add to a workload's home what every workload has beside it."""
    shutil.copytree(Path(__file__).with_name("bin"), scratch / "bin")
    shutil.copy(FILTERED, scratch / "bin")
    (scratch / "tmp").mkdir()
    (scratch / "started").touch()
    # sshd and others want a user with a home and a shell.
    (scratch / "passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\ncompat:x:{USER}:{USER}::{PLACE}/home:/bin/sh\n"
    )
    for path in (scratch, *scratch.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)


def start_script(words: Sequence[str]) -> str:
    """Return the command `start`: the command line that follows, in a way."""
    lines = ["#!/bin/sh"]
    if words:
        before, _, _ = " ".join(words).rpartition(" --")
        lines.append(f'{before} --explain -- "$@" >>{PLACE}/started 2>&1')
    return "\n".join([*lines, f'exec {" ".join(words)} "$@"', ""])


def list_files(scratch: Path, varies: Sequence[str]) -> list[tuple[str, str]]:
    """Describe the files that a workload left in its home and its folder for temporary files."""
    found = []
    for top in ("home", "tmp"):
        for path in sorted((scratch / top).rglob("*")):
            name = str(path.relative_to(scratch / top))
            if not any(fnmatch(name, pattern) for pattern in varies):
                found.append((f"{top}/{name}", describe(path)))
    return found


def describe(path: Path) -> str:
    """Return kind, mode and content of a file in short."""
    status = path.lstat()
    mode = stat.filemode(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return f"link to {path.readlink()}"
    if stat.S_ISREG(status.st_mode):
        return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    return mode
