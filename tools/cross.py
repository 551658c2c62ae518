"""Compile the C core for every system it has a platform file for.

Uses the compiler and the system headers of PyPI's ziglang package. This proves
that the code compiles against those systems' headers, not that it works there:
tests/native/test_platforms.c runs it against fakes, and only a machine of that
kind can tell the rest.

    python tools/cross.py [TARGET ...]
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

NATIVE = Path(__file__).resolve().parent.parent / "native"
CORE = ("harden.c", "environment.c", "message.c")
LINUX = ("platform/linux.c", "platform/linux_secret.c", "platform/linux_window.c", "preload.c")
OTHER = ("platform/other_secret.c", "platform/other_window.c")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")

TARGETS: dict[str, tuple[str, ...]] = {
    "x86_64-macos": ("platform/macos.c", *OTHER),
    "aarch64-macos": ("platform/macos.c", *OTHER),
    "x86_64-freebsd": ("platform/freebsd.c", *OTHER),
    "aarch64-freebsd": ("platform/freebsd.c", *OTHER),
    "x86_64-openbsd": ("platform/openbsd.c", *OTHER),
    "x86_64-netbsd": ("platform/netbsd.c", *OTHER),
    "x86_64-windows-gnu": ("platform/windows.c", *OTHER),
    "x86_64-linux-musl": LINUX,
    "aarch64-linux-musl": LINUX,
    "aarch64-linux-gnu": LINUX,
    "riscv64-linux-gnu": LINUX,
}


def compile_source(target: str, source: str, directory: Path) -> str:
    """Compile one file to an object. Return what the compiler said, "" if all went well."""
    output = directory / f"{target}-{Path(source).stem}.o"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-std=c11", "-O2"]
    command += [*WARNINGS, "-c", str(NATIVE / source), "-o", str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        return result.stderr or f"the compiler ended with status {result.returncode}\n"
    return "" if output.is_file() else f"{source}: no object was written\n"


def main(arguments: Sequence[str]) -> int:
    """Print a row for each target; return 1 when one did not compile, 2 when none could."""
    unknown = [name for name in arguments if name not in TARGETS]
    if unknown:
        print(f"no such target: {', '.join(unknown)}; known: {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    if importlib.util.find_spec("ziglang") is None:
        print("ziglang is not installed: python -m pip install ziglang==0.17.1", file=sys.stderr)
        return 2
    failed = False
    width = max(map(len, TARGETS))
    print(f"{'target':<{width}}  {'result':<6}  files")
    with tempfile.TemporaryDirectory() as directory:
        for target in arguments or TARGETS:
            sources = (*CORE, *TARGETS[target])
            complaints = [compile_source(target, source, Path(directory)) for source in sources]
            result = "failed" if any(complaints) else "ok"
            print(f"{target:<{width}}  {result:<6}  {' '.join(sources)}", flush=True)
            sys.stderr.writelines(complaints)
            failed = failed or result == "failed"
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
