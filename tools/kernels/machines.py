"""Machines under test: a Debian kernel, a Python and our wheel, in the memory of a qemu."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import debian, zig
from tools.arches import ARCHITECTURES
from tools.debian import MatrixError, MissingError
from tools.kernels.guest import BRIEFLY, COMMANDS, MARK, PACKAGES, WITHOUT_LANDLOCK
from tools.kernels.zoo import ANIMAL, INJECTED

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "kernels"
WHEELS = ROOT / "build" / "wheel"
ATTACKS = ROOT / "src" / "process_hardening" / "verify" / "attacks"
ZOO = ROOT / "tests" / "audit" / "programs"

LIMIT_SECONDS = 3600
"""After this a machine is taken for hung: on an idle computer the slowest takes a fifth."""
_MEGABYTES = "1024"

_USERLAND_SUITE = "trixie"
_USERLAND = (
    *("base-files", "coreutils", "python3.13"),
    *("dpkg", "procps", "psmisc", "sysvinit-utils"),  # to find programs by name
)
_PYTHON = "/usr/bin/python3.13"
_PYTHON_HEADERS = "libpython3.13-dev"
# Neither opened nor imported by anything that runs there; the memory is small.
_UNNEEDED = (
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo",
    "usr/lib/python3.13/ensurepip",
    "usr/lib/python3.13/idlelib",
    "usr/lib/python3.13/pydoc_data",
    "usr/lib/python3.13/test",
    "usr/lib/python3.13/unittest",
    "usr/lib/python3.13/venv",
)

_INIT = f"""#!{_PYTHON}
import sys
sys.path.insert(0, "/")
from tools.kernels.guest import main
main()
"""

# The machine has no C compiler: its `cc` hands out what was compiled here from the same source.
_CC = f"""#!{_PYTHON}
import shutil, sys
if not sys.argv[-1].endswith("/injected.c"):
    sys.exit("cc: this one knows injected.c only")
shutil.copy("{INJECTED}", sys.argv[sys.argv.index("-o") + 1])
"""


@dataclass(frozen=True)
class Architecture:
    """What Debian, the compiler and qemu call it.

    name -- the kernel's own name; qemu -- program and options; package -- Debian's with the program
    """

    name: str
    debian: str
    qemu: tuple[str, ...]
    package: str
    console: str


def _find_architecture(name: str, package: str) -> Architecture:
    facts = ARCHITECTURES[name]
    return Architecture(name, facts.libraries, facts.qemu, package, facts.console)


X86_64 = _find_architecture("x86_64", "qemu-system-x86")
AARCH64 = _find_architecture("aarch64", "qemu-system-arm")

_HERE = AARCH64 if platform.machine() == AARCH64.name else X86_64


@dataclass(frozen=True)
class Machine:
    """A kernel to boot: the newest of a suite of Debian.

    more -- of its kernel's command line
    """

    name: str
    suite: str
    architecture: Architecture
    more: str = ""


MACHINES = {
    machine.name: machine
    for machine in (
        Machine("bookworm", "bookworm", X86_64),
        # The settings make the same difference as on trixie.
        Machine("trixie-arm64", "trixie", AARCH64, f"-- {BRIEFLY}"),
        Machine("trixie", "trixie", X86_64),
        Machine("forky", "forky", X86_64),
    )
}


def check_tools(machines: list[Machine]) -> None:
    """Raises MissingError, which names all that is missing and where to get it."""
    needed = {machine.architecture.qemu[0]: machine.architecture.package for machine in machines}
    needed |= {"cpio": "cpio", "apt-get": "apt", "dpkg-deb": "dpkg"}
    missing = {name: package for name, package in needed.items() if not shutil.which(name)}
    if missing:
        raise MissingError(
            f"missing here: {', '.join(missing)}: apt-get install {' '.join(missing.values())}"
        )
    if not list(WHEELS.glob("*.whl")) or importlib.util.find_spec("ziglang") is None:
        raise MissingError("no wheel or no ziglang yet: python3 tools/prepare.py kernels")


def _compile(architecture: Architecture, output: Path, *words: str | Path) -> None:
    target = f"{architecture.name}-linux-gnu.{zig.GLIBC}"
    debian.run([*zig.cc(target), "-std=c11", "-O2", *words, "-o", output])


def version() -> str:
    """The version of the wheel that is tried."""
    (wheel,) = WHEELS.glob("*.whl")
    return wheel.name.split("-")[1]


def _install(wheel: Path, packages: Path, commands: Path) -> None:
    """Unpack a wheel as pip does: modules there, commands here, programs executable."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, packages))
            if member.external_attr >> 16 & 0o111:
                path.chmod(0o755)
    for path in packages.glob("*.data/scripts/*"):
        path.rename(commands / path.name)


def _build_package(architecture: Architecture, package: Path, commands: Path) -> None:
    """Compile what the package has in C for another architecture."""
    headers = debian.package(_USERLAND_SUITE, architecture.debian, _PYTHON_HEADERS) / "usr/include"
    work = package.with_name("compiled")
    work.mkdir()
    cc = zig.compiler(f"{architecture.name}-linux-gnu.{zig.GLIBC}", work / "cc", f"-I{headers}")
    settings = {
        "Python_INCLUDE_DIR": headers / "python3.13",
        # What scikit-build-core tells.
        "SKBUILD_PROJECT_VERSION": version(),
        "SKBUILD_SABI_COMPONENT": "Development.SABIModule",
        "SKBUILD_SABI_VERSION": "3.10",
        "SKBUILD_SCRIPTS_DIR": commands,
        "SKBUILD_DATA_DIR": work / "data",
    }
    zig.build(architecture.name, cc, work / "build", settings)
    debian.run([zig.BIN / "cmake", "--install", work / "build", "--prefix", package.parent])
    shutil.rmtree(work)


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _payload(architecture: Architecture, folder: Path) -> None:
    """Put into a folder what is ours: the wheel, the programs of the zoo, the guest."""
    packages = folder / PACKAGES[1:]
    commands = folder / COMMANDS[1:]
    commands.mkdir(parents=True)
    (wheel,) = WHEELS.glob("*.whl")
    _install(wheel, packages, commands)
    if architecture.name != platform.machine():
        _build_package(architecture, packages / "process_hardening", commands)
    (folder / "zoo").mkdir()
    _compile(architecture, folder / ANIMAL[1:], "-pthread", ZOO / "animal.c")
    _compile(architecture, folder / INJECTED[1:], "-shared", "-fPIC", ATTACKS / "injected.c")
    shutil.copytree(Path(__file__).parent, folder / "tools" / "kernels", ignore=_not_source)
    _write_program(folder / "init", _INIT)
    _write_program(folder / "usr" / "bin" / "cc", _CC)


_not_source = shutil.ignore_patterns("__pycache__")


def _archive(folder: Path) -> bytes:
    """The folder as the kernel unpacks it into its memory, all of it root's."""
    names = "\0".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    command = ["cpio", "--quiet", "--null", "-o", "-H", "newc", "-R", "0:0"]
    return subprocess.run(
        command, cwd=folder, input=names.encode(), stdout=subprocess.PIPE, check=True
    ).stdout


def _userland(architecture: Architecture) -> Path:
    """The folder with the programs of Debian that a machine has."""
    folder = debian.packages(_USERLAND_SUITE, architecture.debian, _USERLAND)
    done = folder / ".compiled"
    if not done.exists():
        for name in _UNNEEDED:
            shutil.rmtree(folder / name, ignore_errors=True)
        _compile_python(folder)
        done.touch()
    return folder


def _compile_python(folder: Path) -> None:
    """Compile all that is in Python below a folder: emulated, that would take minutes.

    Python must not compare the times of source and compiled file: the kernel that unpacks them does
    not keep them.
    """
    here = debian.packages(_USERLAND_SUITE, _HERE.debian, _USERLAND)
    (loader,) = here.glob("usr/lib/*/ld-linux-*.so.*")
    words: list[str | Path] = [loader, "--library-path", loader.parent, here / _PYTHON[1:], "-I"]
    words += ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    debian.run([*words, "-s", folder, "-p", "/", folder])


def _prepare(machine: Machine, folder: Path) -> tuple[Path, Path]:
    """Get or make what a machine boots: its kernel, and the file system in its memory."""
    architecture = machine.architecture
    kernel = debian.kernel(machine.suite, architecture.debian, architecture.debian)
    userland = _userland(architecture)
    payload = folder / "payload"
    payload.mkdir()
    _payload(architecture, payload)
    _compile_python(payload)
    memory = folder / "initramfs"
    memory.write_bytes(_archive(userland) + _archive(payload))
    return kernel, memory


_NO_LANDLOCK = f"lsm=yama -- {WITHOUT_LANDLOCK}"

_running: list[subprocess.Popen[str]] = []
_preparing = threading.Lock()  # downloads, and what machines share


def stop() -> None:
    """End all machines."""
    for process in _running:
        process.kill()


def boot(
    command: Sequence[str], log: Path, watch: Callable[[dict[str, Any]], None], limit: float
) -> list[dict[str, Any]]:
    """Run a machine until it powers off and return what it told; watch sees each as it comes.

    command -- starts it, with its console on standard output; log -- keeps all that is said there

    Raises MatrixError when it did not come to its end, or not within limit seconds.
    """
    told: list[dict[str, Any]] = []
    begun = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        _running.append(process)
        watchdog = threading.Timer(limit, process.kill)
        watchdog.start()
        try:
            assert process.stdout
            for text in process.stdout:
                file.write(text)
                file.flush()
                if text.startswith(MARK):
                    told.append(json.loads(text[len(MARK) :]))
                    watch(told[-1])
        finally:
            watchdog.cancel()
            process.kill()
            process.communicate()
            _running.remove(process)
    if told and told[-1].get("done"):
        return told
    hung = time.monotonic() - begun >= limit
    why = f"did not end within {limit:.0f} seconds" if hung else "ended too early"
    lines = [text.strip() for text in log.read_text(errors="replace").splitlines() if text.strip()]
    last = lines[-1] if lines else "nothing"
    raise MatrixError(f"{why}; it said last: {last[:200]!r}; all of it: {log}")


def _command(machine: Machine, kernel: Path, memory: Path, more: str) -> list[str]:
    """The words that start a machine.

    more -- of its kernel's command line
    """
    line = f"console={machine.architecture.console} quiet loglevel=1 panic=-1 random.trust_cpu=1"
    # Its clock counts instructions: how busy this computer is changes nothing in there.
    clock = ["-accel", "tcg", "-smp", "1", "-icount", "shift=0,sleep=off"]
    command = [*machine.architecture.qemu, *clock, "-m", _MEGABYTES]
    command += ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]
    return [*command, "-kernel", str(kernel), "-initrd", str(memory), "-append", f"{line} {more}"]


def try_out(machine: Machine, watch: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """Make a machine, boot it and return what it told; of it, only the console's logs are kept.

    Raises MatrixError when it cannot be made or does not come to its end.
    """
    folder = BUILD / machine.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    told = []
    try:
        with _preparing:
            kernel, memory = _prepare(machine, folder)
        for name, more in (("without-landlock", _NO_LANDLOCK), ("console", machine.more)):
            command = _command(machine, kernel, memory, more)
            told += boot(command, folder / f"{name}.log", watch, LIMIT_SECONDS)
        return told
    finally:
        shutil.rmtree(folder / "payload", ignore_errors=True)
        (folder / "initramfs").unlink(missing_ok=True)
