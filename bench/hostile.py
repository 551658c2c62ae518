"""What one process that does its worst costs an audit.

Usage: python bench/hostile.py [--rounds N]; as root, for the file systems that do not answer.
Prints, for each, the least of N rounds in milliseconds: the CPU time of the audit, and the time
it took. That of a process that does nothing is taken off.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from process_hardening.audit.scan import scan
from process_hardening.environment import PRELOAD_LIBRARY

PROGRAMS = Path(__file__).resolve().parent.parent / "tests" / "audit" / "programs"
HARDENED = ("undump", "core=0,0")
SERVER = (sys.executable, str(PROGRAMS / "stopped_files.py"))
MOUNTS = ("unshare", "--mount", "--propagation=private")


@contextmanager
def running(argv: list[str], env: dict[str, str] | None = None) -> Iterator[int]:
    """The pid that a program of the zoo says."""
    with subprocess.Popen(
        argv,
        env={"PATH": os.defpath, **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().split()[0])
        process.communicate()


def measure(pid: int, rounds: int) -> tuple[float, float]:
    """The least CPU time and the least time of an audit of one process, in milliseconds."""
    seen = []
    for _ in range(rounds):
        cpu, begin = time.process_time(), time.perf_counter()
        scan([pid])
        seen.append((time.process_time() - cpu, time.perf_counter() - begin))
    return min(cpu for cpu, _ in seen) * 1000, min(wall for _, wall in seen) * 1000


def ask_for_ours(folder: Path, pages: int) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a process that has our library under many names."""
    names = [folder / str(number) / Path(PRELOAD_LIBRARY).name for number in range(63)]
    for name in names:
        name.parent.mkdir(exist_ok=True)
        if not name.exists():
            shutil.copy(PRELOAD_LIBRARY, name)
    words = [str(folder / "crowd"), str(pages), *map(str, (names[0], *names))]
    return words, {"LD_PRELOAD": ":".join(map(str, names))}


def hostile(folder: Path, animal: str) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """What it is, its command and its environment."""
    long = folder
    while len(str(long)) < 3500:
        long /= "d" * 250
    long.mkdir(parents=True)
    (long / "file").write_bytes(bytes(4096))
    me = [animal, *HARDENED]
    yield "4,900 variables", me, {f"V{number}": "" for number in range(4_900)}
    yield "100,000 variables", me, {f"V{number}": "" for number in range(100_000)}
    yield "20,000 arguments", [*me, *["key"] * 20_000], {}
    yield "60,000 mappings", [animal, "maps=60000", *HARDENED], {}
    yield "2,000 mappings with long names", [animal, "map", f"{long}/file", "2000", *HARDENED], {}
    yield "1,000 threads", [animal, "threads=999", *HARDENED], {}
    yield "5,000 threads", [animal, "threads=5000", *HARDENED], {}
    yield "5,000 libraries asked for", me, {"LD_PRELOAD": ":".join(["/none.so"] * 5000)}
    for count, needed in ((6_000, 0), (2_400, 25), (15, 4_000)):
        listed = [animal, "libraries", str(count), str(needed), *HARDENED, "wipe=0*"]
        yield f"{count:,} libraries in the loader's list that need {needed:,} each", listed, {}
    yield "4,000 files with code, 63 of them named like ours", *ask_for_ours(folder, 4000)
    yield "20,000 files with code, 63 of them named like ours", *ask_for_ours(folder, 20_000)
    if os.getuid() == 0 and os.access("/dev/fuse", os.W_OK):
        serve = [*MOUNTS, *SERVER, f"{folder}/fuse", animal]
        yield "a program on FUSE that is stopped", [*serve, f"{folder}/fuse/file", *HARDENED], {}
        listed = [animal, "list", f"{folder}/fuse/file", *HARDENED, "wipe=0*"]
        yield "a loader's list on FUSE that is stopped", [*serve, *listed], {}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="ph-bench-") as temporary:
        folder = Path(temporary)
        animal = str(folder / "animal")
        (folder / "fuse").mkdir()
        for name, options in (("animal", ["-pthread"]), ("crowd", ["-static"])):
            source = [str(PROGRAMS / f"{name}.c"), "-o", str(folder / name)]
            subprocess.run(["cc", "-std=c11", "-O2", *options, *source], check=True)
        with running([animal, *HARDENED]) as pid:
            least_cpu, least = measure(pid, rounds)
        print("| one process with | CPU, ms | time, ms |\n|---|---|---|")
        for what, argv, env in hostile(folder, animal):
            with running(argv, env) as pid:
                cpu, wall = measure(pid, rounds)
            print(f"| {what} | {cpu - least_cpu:.1f} | {wall - least:.1f} |", flush=True)


if __name__ == "__main__":
    main()
