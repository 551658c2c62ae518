"""Build the C for every system that it has a platform file for, but Linux: see arches.py.

Uses the compiler, the headers and the libraries of PyPI's ziglang package. This proves that the
code compiles (the extensions with the headers of this machine's Python), that
tests/native/headers/SYSTEM.c holds (each constant, type and function that the platform file or its
fake relies on) and that every symbol of the core is found. It does not prove that it works there:
tests/native/test_platforms.c runs it against fakes, and only a machine of that kind can tell the
rest.

    python -m tools.cross [--record] [TARGET ...]
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tools import debian, zig
from tools.results import COMPILED, FAILED, IN_PART, Row, record

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "cross"
CORE = (
    "harden.c",
    "environment.c",
    "failure.c",
    "initial_block.c",
    "message.c",
    "pattern.c",
)
HELPERS = ("secret/other.c", "window/other.c")
BINDING = ("module.c", "guard.c", "secret/module.c", "window/module.c")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")

FREESTANDING = ("-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fvisibility=hidden")
DEFINED = "-Wl,-z,defs"  # no symbol of ours is missing

TARGETS = {
    "aarch64-macos": "macos",
    "x86_64-macos": "macos",
    "aarch64-freebsd": "freebsd",
    "x86_64-freebsd": "freebsd",
    "aarch64-openbsd": "openbsd",
    "x86_64-openbsd": "openbsd",
    "aarch64-netbsd": "netbsd",
    "x86_64-netbsd": "netbsd",
    "aarch64-windows-gnu": "windows",
    "x86_64-windows-gnu": "windows",
    "aarch64-linux-android": "linux",
    "x86_64-linux-android": "linux",
}
"""The compiler's name of a target, and the name of its platform file."""
SHARED: dict[str, tuple[str, ...]] = {
    "linux": ("linux_proc.c", "linux_start.c", "linux_tracer.c"),
    "windows": (),
}
"""The other platform files of a system, if they are not posix.c."""


def output(target: str) -> Path:
    """Where the program or library for a target is put."""
    return BUILD / f"{target}.exe"


def without_libc(target: str) -> list[str | Path]:
    """The arguments for a system whose C library the compiler does not have: Android's.

    The preload library needs none, but the numbers in headers, which are the kernel's: musl's
    headers have the same.
    """
    (package,) = importlib.util.find_spec("ziglang").submodule_search_locations  # type: ignore[union-attr, misc]
    lib = Path(package) / "lib"
    machine = target.partition("-")[0]
    names = [f"{machine}-linux-musl", "generic-musl", f"{machine}-linux-any", "any-linux-any"]
    names[2] = names[2].replace("x86_64", "x86")
    folders = [lib / "include", *(lib / "libc" / "include" / name for name in names)]
    headers = [word for folder in folders for word in ("-isystem", folder)]
    sources = [
        path for part in ("exec", "preload") for path in (ROOT / "native" / part).glob("*.c")
    ]
    return [*FREESTANDING, DEFINED, "-nostdinc", *headers, *sources]


def python_headers(target: str) -> Path:
    """The headers of this Python, for a target whose own pyconfig.h is not here.

    The stable ABI depends on sizes alone, which all these systems share but for Windows' long.
    """
    folder = BUILD / f"{target}-python"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sysconfig.get_path("include"), folder, ignore=lambda *_: ["pyconfig.h"])
    sizes = {"SHORT": 2, "INT": 4, "LONG": 8, "LONG_LONG": 8, "SIZE_T": 8, "VOID_P": 8}
    sizes |= {"WCHAR_T": 4, "TIME_T": 8, "FLOAT": 4, "DOUBLE": 8}
    if TARGETS[target] == "windows":
        sizes |= {"LONG": 4, "WCHAR_T": 2}
    lines = (f"#define SIZEOF_{name} {size}\n" for name, size in sizes.items())
    (folder / "pyconfig.h").write_text("".join(lines))
    return folder


def compile_binding(cc: list[str], target: str) -> None:
    """Compile what Python calls; it is linked with nothing. Raises MatrixError."""
    headers = python_headers(target)
    stable_abi = ["-DPy_LIMITED_API=0x030A0000", '-DPH_VERSION=""']
    for name in BINDING:
        source, compiled = ROOT / "native" / name, BUILD / f"{target}-{name.replace('/', '-')}.o"
        words: list[str | Path] = ["-isystem", headers, "-c", source, "-o", compiled]
        debian.run([*cc, *WARNINGS, *stable_abi, *words])


def build(target: str) -> str:
    """Link what a target can have; returns what held.

    Raises MatrixError when the compiler complains.
    """
    system = TARGETS[target]
    native, tests = ROOT / "native", ROOT / "tests" / "native"
    core = native / "core"
    platform = [f"{system}.c", *SHARED.get(system, ("posix.c",))]
    sources = [*(core / name for name in CORE)]
    sources += [core / "platform" / name for name in platform]
    BUILD.mkdir(parents=True, exist_ok=True)
    cc = [*zig.cc(target), "-std=c11", "-O2"]
    if system == "linux":
        rest, seen = without_libc(target), "the preload library, with musl's headers; linked"
    else:
        rest = ["-I", core, "-I", native, *(native / name for name in HELPERS)]
        rest += [tests / "headers" / f"{system}.c", tests / "report.c"]
        seen = f"platform/{system}.c and headers/{system}.c; linked; the extensions' C"
        compile_binding(cc, target)
    command = [*cc, *WARNINGS, *sources, *rest, "-o", output(target)]
    debian.run(command, log=BUILD / f"{target}.log")
    return seen


def main(arguments: Sequence[str]) -> int:
    """Print a row for each target; return 1 when one did not compile, 2 when none could."""
    parser = argparse.ArgumentParser(description="build the C core for other systems")
    parser.add_argument("--record", action="store_true", help="keep what was seen for docs/")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args(arguments)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(unknown)}; known: {', '.join(TARGETS)}")
    if importlib.util.find_spec("ziglang") is None:
        print("ziglang is not installed: make cross", file=sys.stderr)
        return 2
    rows = []
    for target in options.targets or TARGETS:
        try:
            kind = IN_PART if TARGETS[target] == "linux" else COMPILED
            rows.append(Row(target, kind, build(target)))
        except debian.MatrixError as error:
            rows.append(Row(target, FAILED, str(error)))
        print(f"{target:<22} {rows[-1].kind:<16} {rows[-1].seen}", flush=True)
    if options.record and not options.targets:
        record("cross", rows)
    return 1 if any(row.kind == FAILED for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
