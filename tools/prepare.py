#!/usr/bin/env python3
"""Make the private environment that a make target runs in, and install the built wheel there.

Usage: python3 tools/prepare.py PURPOSE, where PURPOSE is a row of PURPOSES. Installs missing
Debian packages as root with apt-get, otherwise names them. Needs nothing but Python 3.10.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "compat"))
from catalogue import PROGRAMS  # noqa: E402

SYSTEM_PYTHON = Path("/usr/bin/python3")

# What is needed, how to see whether it is there, and the Debian package that has it.
Need = tuple[str, Callable[[], object], str]
BUILD: list[Need] = [
    ("a C compiler", lambda: shutil.which("cc"), "gcc"),
    ("the C library's headers", lambda: Path("/usr/include/stdio.h").exists(), "libc6-dev"),
    ("the venv module", lambda: importlib.util.find_spec("ensurepip"), "python3-venv"),
    (
        "Python's headers",
        lambda: Path(sysconfig.get_path("include"), "Python.h").exists(),
        "python3-dev",
    ),
]
TOOLS: list[Need] = [
    ("gdb and gcore", lambda: shutil.which("gcore"), "gdb"),
    ("strace", lambda: shutil.which("strace"), "strace"),
    ("proot", lambda: shutil.which("proot"), "proot"),
    ("lldb", lambda: shutil.which("lldb"), "lldb"),
    ("perf", lambda: shutil.which("perf"), "linux-perf"),
    ("musl-gcc", lambda: shutil.which("musl-gcc"), "musl-tools"),
    ("node", lambda: shutil.which("node"), "nodejs"),
    ("java", lambda: shutil.which("javac"), "default-jdk-headless"),
    ("erl", lambda: shutil.which("erl"), "erlang-base"),
    ("ssh-agent", lambda: shutil.which("ssh-agent"), "openssh-client"),
    ("vim", lambda: shutil.which("vim"), "vim"),
    ("a keyring", lambda: shutil.which("gnome-keyring-daemon"), "gnome-keyring"),
    ("secret-tool", lambda: shutil.which("secret-tool"), "libsecret-tools"),
    ("dbus-daemon", lambda: shutil.which("dbus-daemon"), "dbus-daemon"),
    ("zsh", lambda: shutil.which("zsh"), "zsh"),
    ("fish", lambda: shutil.which("fish"), "fish"),
    (
        "bash-completion",
        Path("/usr/share/bash-completion/bash_completion").exists,
        "bash-completion",
    ),
    ("chromium", lambda: shutil.which("chromium"), "chromium"),
    ("mandoc", lambda: shutil.which("mandoc"), "mandoc"),
    ("man", lambda: shutil.which("man"), "man-db"),
    ("systemd-analyze", lambda: shutil.which("systemd-analyze"), "systemd"),
    ("cron", lambda: shutil.which("cron"), "cron"),
    ("promtool", lambda: shutil.which("promtool"), "prometheus"),
    ("tmux", lambda: shutil.which("tmux"), "tmux"),
    ("clang", lambda: shutil.which("clang"), "clang"),
    ("ruby", lambda: shutil.which("ruby"), "ruby"),
    ("php", lambda: shutil.which("php"), "php-cli"),
    ("faketime", lambda: shutil.which("faketime"), "faketime"),
    ("bwrap", lambda: shutil.which("bwrap"), "bubblewrap"),
    ("qemu for programs of x86_64", lambda: shutil.which("qemu-x86_64"), "qemu-user"),
    ("qemu for x86_64", lambda: shutil.which("qemu-system-x86_64"), "qemu-system-x86"),
]
BENCH: list[Need] = [
    ("valgrind", lambda: shutil.which("valgrind"), "valgrind"),
    ("pscap", lambda: shutil.which("pscap"), "libcap-ng-utils"),
    ("checksec", lambda: shutil.which("checksec"), "checksec"),
]
COMPAT: list[Need] = [
    (
        "CPython's own tests",
        lambda: Path(sysconfig.get_path("stdlib"), "test", "test_asyncio").exists(),
        f"libpython3.{sys.version_info.minor}-testsuite",
    ),
    *(
        (program.name, lambda program=program: not program.missing(), " ".join(packages))
        for program in PROGRAMS
        if (packages := program.packages("apt")) and program.commands
    ),
]
MACHINES: list[Need] = [
    ("qemu for x86_64", lambda: shutil.which("qemu-system-x86_64"), "qemu-system-x86"),
    ("qemu for aarch64", lambda: shutil.which("qemu-system-aarch64"), "qemu-system-arm"),
    ("cpio", lambda: shutil.which("cpio"), "cpio"),
]
OTHER_MACHINES: list[Need] = [
    ("qemu for riscv64", lambda: shutil.which("qemu-system-riscv64"), "qemu-system-misc"),
]
WINDOWS: list[Need] = [("wine", Path("/usr/lib/wine/wine64").exists, "wine64")]
FUZZ: list[Need] = [("clang with libFuzzer", lambda: has_libfuzzer(), "clang libclang-rt-dev")]
PAGES: list[Need] = [
    ("sudo", lambda: shutil.which("sudo"), "sudo"),
    ("less", lambda: shutil.which("less"), "less"),
]
PYTHONS: list[Need] = [("debootstrap", lambda: shutil.which("debootstrap"), "debootstrap")]

VENV: list[Need] = [need for need in BUILD if need[0] == "the venv module"]
NODE: list[Need] = [need for need in TOOLS if need[0] == "node"]

# purpose: folder of the environment, Debian packages it cannot do without, packages that some
# of it can, requirement files
PURPOSES: dict[str, tuple[str, list[Need], list[Need], list[str]]] = {
    "demo": (".demo", BUILD, [], []),
    "test": (".venv", BUILD, TOOLS, ["tests/requirements.txt"]),
    "frozen": (
        ".venv",
        BUILD,
        TOOLS,
        ["tests/requirements.txt", "tests/deploy/requirements.txt"],
    ),
    "lint": (".venv", VENV, NODE, ["tests/requirements.txt"]),
    "bench": (".venv", BUILD, BENCH, ["tests/requirements.txt"]),
    "cross": (".venv", BUILD, [], ["tools/requirements.txt"]),
    "arches": (".venv", [*BUILD, *MACHINES, *OTHER_MACHINES], [], ["tools/requirements.txt"]),
    "windows": (".venv", [*BUILD, *WINDOWS], [], ["tools/requirements.txt"]),
    "pythons": (".venv", [*BUILD, *PYTHONS], [], []),
    "compat": (".compat", BUILD, COMPAT, ["compat/requirements.txt"]),
    "kernels": (".venv", [*BUILD, *MACHINES], [], ["tools/requirements.txt"]),
    "fuzz": (".venv", [*BUILD, *FUZZ], [], ["tests/fuzz/requirements.txt"]),
    "docs-check": (".venv", BUILD, [*TOOLS, *PAGES], ["tests/requirements.txt"]),
    "docs": (".venv", BUILD, [], ["tools/requirements-docs.txt"]),
    "dist": (".venv", BUILD, TOOLS, ["tools/requirements-dist.txt"]),
}

WITHOUT_WHEEL = {"lint"}
"""Purposes that read the sources only."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prepare: {text}", file=sys.stderr, flush=True)


def has_libfuzzer() -> bool:
    """Whether clang is there with its fuzzer, which Debian has in a package of its own."""
    library = f"libclang_rt.fuzzer-{os.uname().machine}.a"
    clang = shutil.which("clang")
    found = clang and subprocess.check_output([clang, f"-print-file-name={library}"], text=True)
    return bool(found) and Path(str(found).strip()).is_absolute()


def is_reachable(path: Path) -> bool:
    """Whether every user can enter a folder: the tests' victims and attackers are not root."""
    return all(
        folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists()
    )


def check_python() -> None:
    """Exit if Python is too old; restart with the system's if other users cannot run this one."""
    if sys.version_info < (3, 10):
        sys.exit("prepare: Python 3.10 or later is needed: run `make PYTHON=python3.12 ...`")
    here = Path(sys.executable).resolve()
    other = SYSTEM_PYTHON.exists() and here != SYSTEM_PYTHON.resolve()
    if os.getuid() == 0 and other and not is_reachable(here):
        os.execv(SYSTEM_PYTHON, [str(SYSTEM_PYTHON), __file__, *sys.argv[1:]])


def install_packages(needs: list[Need]) -> list[Need]:
    """Install missing Debian packages, as root; returns the needs that are still not met."""
    missing = [need for need in needs if not need[1]()]
    if missing and os.getuid() == 0 and shutil.which("apt-get"):
        packages = " ".join(package for _, _, package in missing).split()
        say(f"apt-get install {' '.join(packages)}")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        subprocess.run(["apt-get", "update", "-q"], env=env, **quiet)  # type: ignore[call-overload]
        subprocess.run(install, env=env, **quiet)  # type: ignore[call-overload]
        importlib.invalidate_caches()
        missing = [need for need in missing if not need[1]()]
    for what, _, package in missing:
        say(f"missing: {what}: apt-get install {package}")
    return missing


def environment_folder(name: str) -> Path:
    """Return the environment's folder: in the checkout, or else where other users can enter."""
    link = ROOT / name
    if os.getuid() or is_reachable(ROOT):
        return link
    digest = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    folder = Path(f"/var/tmp/process-hardening-{digest}") / name.lstrip(".")
    folder.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(folder)
    return folder


def install_wheel(pip: list[str | Path]) -> None:
    """Build the wheel into build/wheel and install it with the environment's pip."""
    wheels = ROOT / "build" / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    say("building the wheel")
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--force-reinstall", "--no-deps", wheel], check=True)


def install_programs(folder: Path) -> None:
    """Install what `make compat` needs beside Debian's packages and those of PyPI."""
    shutil.copy(ROOT / "compat" / "package.json", folder)
    if shutil.which("npm"):
        npm: list[str | Path] = [
            "npm",
            "install",
            "--no-fund",
            "--no-audit",
            "--silent",
            "--prefix",
            folder,
        ]
        subprocess.run(npm, check=True)
        for name in ("bun", "deno"):  # The first start puts the program in its place.
            path = folder / "node_modules" / ".bin" / name
            subprocess.run([path, "--version"], check=True, stdout=subprocess.DEVNULL)
    source = folder / "click-source"
    if not source.exists():
        download_source(folder, "click", source)


def download_source(folder: Path, name: str, source: Path) -> None:
    """Unpack the source of an installed package of PyPI, with its tests, into a folder."""
    script = f"from importlib import metadata; print(metadata.version({name!r}))"
    python = folder / "bin" / "python"
    version = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as temporary:
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "-q",
            "download",
        ]
        what = f"{name}=={version.stdout.strip()}"
        options: list[str] = ["--no-deps", "--no-binary=:all:", "-d", temporary]
        subprocess.run([*pip, *options, what], check=True)
        (archive,) = Path(temporary).glob("*.tar.gz")
        shutil.unpack_archive(archive, Path(temporary) / "unpacked")
        (unpacked,) = (Path(temporary) / "unpacked").iterdir()
        shutil.move(unpacked, source)


def main() -> None:
    """Prepare the environment for the purpose on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in PURPOSES:
        sys.exit(f"usage: python3 tools/prepare.py {'|'.join(PURPOSES)}")
    check_python()
    purpose = sys.argv[1]
    name, required, wanted, requirements = PURPOSES[purpose]
    if install_packages(required):
        sys.exit(1)
    install_packages(wanted)  # the tests report what is still missing

    folder = environment_folder(name)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    # Not this process's: a mask of 077 would hide the files from the other users.
    os.umask(0o022)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        # The entry scripts of an older pip import re; those of uv never did.
        subprocess.run([*pip, "install", "--upgrade", "pip>=26"], check=True)
        # Its .pth file makes each start of Python slower by a twentieth, and there are thousands.
        subprocess.run([*pip, "uninstall", "-y", "setuptools"], check=True)
    if purpose not in WITHOUT_WHEEL:
        install_wheel(pip)
    for file in requirements:
        subprocess.run([*pip, "install", "-r", ROOT / file], check=True)
    if purpose == "compat":
        install_programs(folder)
    say(f"{folder} is ready")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"prepare: failed: {' '.join(map(str, error.cmd))}")
