"""Virtual environments of the unprivileged user, and the hook command for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import support
import victims
from process_hardening import hook_installer as installer
from programs.children import HOLD

HOOK = installer.NAME + ".pth"
ATTACKS = ("mem", "process_vm_readv")


class Venv:
    """A virtual environment of the unprivileged user, or of root, with process_hardening in it.

    has_commands -- also with the modules behind `python -m process_hardening`
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        base: str = sys.executable,
        root: bool = False,
        has_commands: bool = False,
    ) -> None:
        self.folder = folder
        self.run = support.run if root else support.run_as_user
        create_environment(folder, options or ("--without-pip",), base, root)
        self.python = str(folder / "bin" / "python")
        (self.site_packages,) = folder.glob("lib/python3.*/site-packages")
        self.hook = self.site_packages / HOOK
        without = () if has_commands else ("audit", "cli", "tui", "verify")
        victims.copy_package(self.site_packages / "process_hardening", *without)

    def files(self) -> dict[str, bytes]:
        """Everything in site-packages but byte code."""
        found = {}
        for path in sorted(self.site_packages.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[str(path.relative_to(self.site_packages))] = path.read_bytes()
        return found

    def names(self) -> dict[str, tuple[int, int, int, str | None]]:
        """What the folder of the interpreter has: mode, size, time and target of each."""
        found = {}
        for path in sorted((self.folder / "bin").iterdir()):
            facts = path.lstat()
            target = os.readlink(path) if path.is_symlink() else None
            found[path.name] = (facts.st_mode, facts.st_size, facts.st_mtime_ns, target)
        return found

    def call(self, command: str, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Call `process-hardening hook` for this environment, as its owner."""
        argv = [victims.find_command(), "hook", *command.split(), "--python", self.python, *words]
        return self.run(argv, **options)

    def leaks(self, programs: Path, *flags: str, **env: str) -> list[str]:
        """The attacks that get a canary out of a Python that is started with just this."""
        argv = [self.python, *flags, "-c", HOLD]
        with support.Running(argv, env=env) as holder:
            pid, address, canary = holder.ready.split()
            words = [pid, address, str(len(canary))]
            return [name for name in ATTACKS if canary in attacked(programs, name, *words)]


Files = dict[Path, "str | bytes | None"]
"""By relative path: the target of a link, the content of a file, or None for a folder."""


def create_environment(folder: Path, options: tuple[str, ...], base: str, root: bool) -> None:
    """Make an environment with `python -m venv`, or repeat what that made before."""
    if options != ("--without-pip",) or base != sys.executable:
        create = [base, "-m", "venv", *options, str(folder)]
        result = support.run(create) if root else support.run_as_user(create)
        assert result.returncode == 0, result.stderr
        return
    template, files = read_empty_environment()
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.mkdir()
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content.replace(os.fsencode(template), os.fsencode(folder)))
    if not root and os.getuid() == 0:
        for path in (folder, *(folder / name for name in files)):
            os.chown(path, support.USER, support.USER, follow_symlinks=False)


@cache
def read_empty_environment() -> tuple[Path, Files]:
    """Return the folder of an environment without packages, and what `python -m venv` made."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "venv"
        create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        subprocess.run(create, check=True)
        files: Files = {}
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                files[path.relative_to(folder)] = os.readlink(path)
            else:
                files[path.relative_to(folder)] = None if path.is_dir() else path.read_bytes()
        return folder, files


def link_standard_library(folder: Path, *copied: str) -> None:
    """Give an installation in a folder the standard library: links, and copies of some packages."""
    library = Path(sysconfig.get_path("stdlib"))
    own = folder / "lib" / library.name
    own.mkdir(parents=True)
    for path in library.iterdir():
        if path.name in copied:
            shutil.copytree(path, own / path.name)
        elif not path.name.endswith("-packages"):
            (own / path.name).symlink_to(path)


def attacked(programs: Path, *words: str) -> str:
    """What an attack of another process of the same user gets."""
    attack = [sys.executable, str(programs / "attack.py"), *words]
    return support.run_as_user(attack, errors="replace").stdout


def check(result: subprocess.CompletedProcess[str], status: int, text: str) -> None:
    """Fail unless it printed one line with this text, on the stream that goes with the status."""
    assert result.returncode == status, result.stdout + result.stderr
    line, nothing = result.stdout, result.stderr
    if status == 2:
        line, nothing = nothing, line
        assert line.startswith("process-hardening: ")
    assert nothing == ""
    assert line.count("\n") == 1
    assert text in line
