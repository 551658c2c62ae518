"""Run the C tests on a Linux kernel of every architecture that the core has a system call for.

    python -m tools.arches [--record] [ARCHITECTURE ...]

Builds them with the compiler of PyPI's ziglang, boots a Debian kernel of that architecture under
qemu with nothing but the tests, busybox, glibc and musl in its memory, and reads the console.
A whole machine and not qemu-user: that one has neither seccomp filters nor the addresses of the
environment in /proc/self/stat, which the tests are about.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import debian, results, zig

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "arches"
SUITE = "forky"
BOOT_SECONDS = 300
"""After this a machine is taken for hung; the slowest takes a tenth of it."""


@dataclass(frozen=True)
class Architecture:
    """How tests are compiled for it, and what machine runs them.

    target -- what the compiler calls it
    abi -- the end of the compiler's name for its libc
    kernel -- Debian's names of its kernel: the architecture, the flavour
    libraries -- Debian's name of its libraries
    qemu -- the machine: program and options
    console -- the kernel's name of the serial line
    """

    target: str
    abi: str
    kernel: tuple[str, str]
    libraries: str
    qemu: tuple[str, ...]
    console: str


_PC = ("qemu-system-x86_64", "-cpu", "max")
_AMD64 = ("amd64", "cloud-amd64")
ARCHITECTURES = {
    "x86_64": Architecture("x86_64", "", _AMD64, "amd64", _PC, "ttyS0"),
    "i386": Architecture("x86", "", _AMD64, "i386", _PC, "ttyS0"),
    "aarch64": Architecture(
        "aarch64",
        "",
        ("arm64", "cloud-arm64"),
        "arm64",
        ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"),
        "ttyAMA0",
    ),
    "arm": Architecture(
        "arm",
        "eabihf",
        ("armhf", "armmp-lpae"),
        "armhf",
        ("qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15"),
        "ttyAMA0",
    ),
    "riscv64": Architecture(
        "riscv64",
        "",
        ("riscv64", "riscv64"),
        "riscv64",
        ("qemu-system-riscv64", "-M", "virt"),
        "ttyS0",
    ),
    "s390x": Architecture(
        "s390x",
        "",
        ("s390x", "s390x"),
        "s390x",
        ("qemu-system-s390x", "-cpu", "max"),
        "ttysclp0",
    ),
}

LINUX_TESTS = ("message", "environment", "linux", "preload", "launch")
UNCOUNTED = "report"
"""The test that makes no checks but ends with a status."""
FAKE = "platform_"
"""What the names of the tests against fakes begin with, which are the same everywhere."""

# The first process of the machine. Each test's words stand between two marks on the console.
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "== kernel $(/bin/busybox uname -r)"
{commands}
/bin/busybox poweroff -f
"""


def build_tests(architecture: Architecture, folder: Path) -> dict[str, list[str]]:
    """Build the C tests and return the command of each, by name."""
    target, abi = architecture.target, architecture.abi
    glibc = zig.compiler(f"{target}-linux-gnu{abi}.{zig.GLIBC}", folder / "cc-glibc")
    musl = zig.compiler(f"{target}-linux-musl{abi}", folder / "cc-musl", "-dynamic")
    build = folder / "tests"
    settings = {
        "PROCESS_HARDENING_TESTS": "ON",
        "PROCESS_HARDENING_CC_glibc": glibc,
        "PROCESS_HARDENING_CC_musl": musl,
    }
    zig.build(target, glibc, build, settings)
    listed = debian.run([zig.BIN / "ctest", "--test-dir", build, "--show-only=json-v1"])
    return {test["name"]: test["command"] for test in json.loads(listed)["tests"]}


def pack(architecture: Architecture, folder: Path, commands: dict[str, list[str]]) -> Path:
    """Make the machine's file system: everything it needs, as an archive for its memory."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("proc", "tmp", "dev"):
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    unneeded = shutil.ignore_patterns("share", "gconv", "locale")
    for name in ("libc6", "musl", "busybox-static"):
        package = debian.package(SUITE, architecture.libraries, name)
        shutil.copytree(package, root, symlinks=True, dirs_exist_ok=True, ignore=unneeded)
    # Debian has merged these; its packages hold no link.
    for name in ("bin", "lib", "lib64"):
        if (root / "usr" / name).exists() and not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    # At the same path, so that the commands hold.
    build = folder / "tests"
    for command in commands.values():
        for word in command:
            path = Path(word.rpartition("=")[2])
            if path.is_relative_to(build):
                (root / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / path.relative_to("/"))
    lines = [
        f'echo "== test {name}"; {" ".join(command)}; echo "== ended $?"'
        for name, command in commands.items()
    ]
    (root / "init").write_text(INIT.format(commands="\n".join(lines)))
    (root / "init").chmod(0o755)
    archive = folder / "initramfs"
    names = "\n".join(str(path.relative_to(root)) for path in root.rglob("*"))
    if not shutil.which("cpio"):
        raise debian.MissingError("cpio is not installed: apt-get install cpio")
    with archive.open("wb") as file:
        cpio = ["cpio", "--quiet", "-o", "-H", "newc"]
        subprocess.run(cpio, cwd=root, input=names.encode(), stdout=file, check=True)
    return archive


def boot(architecture: Architecture, folder: Path, archive: Path) -> str:
    """Run the machine until it powers off and return what its console said."""
    kernel = debian.kernel(SUITE, *architecture.kernel)
    machine = [*architecture.qemu, "-accel", "tcg", "-m", "1024", "-nographic", "-no-reboot"]
    line = f"console={architecture.console} panic=-1 quiet rdinit=/init"
    command: list[str | Path] = [*machine, "-net", "none", "-append", line]
    command += ["-kernel", kernel, "-initrd", archive]
    log = folder / "console.log"
    with log.open("wb") as file:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=BOOT_SECONDS,
                check=True,
            )
        except FileNotFoundError:
            raise debian.MissingError(f"{machine[0]} is not installed") from None
        except subprocess.SubprocessError as error:
            raise debian.MatrixError(f"{machine[0]}: {error}; its console: {log}") from None
    return log.read_text(errors="replace").replace("\r", "")


def judge(console: str, names: Sequence[str]) -> tuple[bool, str, dict[str, str]]:
    """Whether every test passed, the kernel's release, and what each test said last."""
    kernel = re.search(r"== kernel (\S+)\n", console)
    found = re.findall(r"^== test (\S+)\n(.*?)^== ended (\d+)$", console, re.M | re.S)
    said = {name: (text.strip().splitlines() or [""])[-1] for name, text, _ in found}
    passed = {name for name, _, status in found if status == "0"}
    counted = {name for name in names if re.fullmatch(r"\d+ checks, 0 failed", said.get(name, ""))}
    right = passed == set(names) and counted == set(names) - {UNCOUNTED}
    return right, kernel[1] if kernel else "unknown", said


def row(
    name: str, kernel: str, said: dict[str, str], tests: Sequence[str], passed: bool, kind: str
) -> results.Row:
    """A row of docs/: how many checks some tests made."""
    if not passed:
        return results.Row(name, results.FAILED, kernel)
    counts = {test: said[test].partition(" ")[0] for test in tests}
    if len(tests) == 1:
        return results.Row(name, kind, counts[tests[0]])
    shown = ", ".join(f"{test} {count}" for test, count in counts.items())
    return results.Row(name, kind, f"{kernel}: {shown}")


def main(arguments: Sequence[str]) -> int:
    """Print what each architecture's tests said; return 1 or 2 when one failed or is not here."""
    parser = argparse.ArgumentParser(description="run the C tests on every architecture")
    parser.add_argument("--record", action="store_true", help="keep what was seen for docs/")
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE")
    options = parser.parse_args(arguments)
    chosen = options.architectures or list(ARCHITECTURES)
    if unknown := set(chosen) - set(ARCHITECTURES):
        parser.error(
            f"no such architecture: {', '.join(unknown)}; known: {', '.join(ARCHITECTURES)}"
        )
    rows: list[results.Row] = []
    fakes: list[results.Row] = []
    status = 0
    for name in chosen:
        architecture = ARCHITECTURES[name]
        folder = BUILD / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            commands = build_tests(architecture, folder)
            console = boot(architecture, folder, pack(architecture, folder, commands))
        except debian.MatrixError as error:
            print(f"{name}: {error}", file=sys.stderr)
            rows.append(results.Row(name, results.FAILED, str(error)))
            status = max(status, 2 if isinstance(error, debian.MissingError) else 1)
            continue
        passed, kernel, said = judge(console, list(commands))
        for test in commands:
            print(f"{name:<8} {kernel:<26} {test:<18} {said.get(test, 'did not end')}", flush=True)
        if not passed:
            print(f"{name}: failed: see {folder / 'console.log'}", file=sys.stderr)
            status = max(status, 1)
        rows.append(row(name, f"Linux {kernel}", said, LINUX_TESTS, passed, results.KERNEL))
        fakes = [
            row(test[len(FAKE) :], "", said, [test], passed, results.FAKE)
            for test in commands
            if test.startswith(FAKE)
        ]
    if options.record and not options.architectures:
        results.record("arches", rows)
        results.record("fakes", fakes)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
