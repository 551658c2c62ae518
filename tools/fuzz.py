"""Fuzz the parsers of the C and the Python parts, all side by side, for a chosen time.

    python -m tools.fuzz [--seconds N] [--only NAME,NAME]
    python -m tools.fuzz --keep

Those in C (tests/fuzz/native/) are built with clang, its libFuzzer and its sanitizers; those in
Python (tests/fuzz/targets.py) run under atheris. Each begins with the inputs of
tests/fuzz/corpus/NAME and adds those that reach more code to build/fuzz/corpus/NAME, where the next
run goes on. The input that breaks one ends its run and stays in build/fuzz/found: put it into
tests/fuzz/corpus/NAME, which `make test` tries, and fix what it breaks. --keep copies the smallest
inputs that reach each part of the code to tests/fuzz/corpus/NAME.

Status 1 when something broke.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.markdown import make_table

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "fuzz"
BUILD = ROOT / "build" / "fuzz"
NATIVE = ("environment", "message", "exceptions", "options", "program", "stand_in", "script",
          "proc_text")  # fmt: skip
LONGEST_INPUT = 8192
LONGEST_KEPT = 2048
MEMORY = "/dev/shm"
"""Where files are written fastest: most targets read files."""
BLOCKED = 900
"""Seconds after which an input waits for something that will not come. One that takes 20 seconds of
the processor ends its target earlier."""


@dataclass(frozen=True)
class Target:
    """Something to fuzz: its name, and the words that start it under libFuzzer."""

    name: str
    command: tuple[str, ...]

    @property
    def corpus(self) -> Path:
        """Where its inputs of this and earlier runs are."""
        return BUILD / "corpus" / self.name

    @property
    def seeds(self) -> Path:
        """Where its inputs in the repository are."""
        return TESTS / "corpus" / self.name

    def start(self, log: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start it with options of libFuzzer; what it prints goes to a file."""
        dictionary = TESTS / "dictionaries" / self.name
        words = [*self.command, *options, f"-max_len={LONGEST_INPUT}"]
        if dictionary.exists():
            words.append(f"-dict={dictionary}")
        env = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        if os.path.isdir(MEMORY):
            env["TMPDIR"] = MEMORY
        with log.open("wb") as file:
            return subprocess.Popen(
                [*words, str(self.corpus), str(self.seeds)],
                cwd=BUILD / "found",
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )


def build_native() -> list[Target]:
    """Build the targets in C."""
    folder = BUILD / "native"
    beside = Path(sys.executable).parent
    cmake = shutil.which("cmake", path=f"{beside}{os.pathsep}{os.environ['PATH']}") or "cmake"
    configure: list[str | Path] = [
        *(cmake, "-S", ROOT, "-B", folder, "-DCMAKE_C_COMPILER=clang"),
        *("-DPROCESS_HARDENING_FUZZ=ON", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"),
    ]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    build: list[str | Path] = [cmake, "--build", folder, "--target", "fuzz", "--parallel"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    programs = folder / "tests" / "fuzz" / "native"
    return [Target(name, (str(programs / f"fuzz_{name}"),)) for name in NATIVE]


def list_python() -> list[Target]:
    """The targets in Python, if there is an atheris for this Python."""
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: no atheris for this Python: without the targets in Python", file=sys.stderr)
        return []
    sys.path.insert(0, str(ROOT / "tests"))
    from fuzz.targets import TARGETS

    program = str(TESTS / "under_atheris.py")
    return [Target(name, (sys.executable, program, name)) for name in TARGETS]


def describe(target: Target, log: Path, status: int) -> tuple[str, ...]:
    """What a run came to: executions, edges reached, inputs, and whether it broke."""
    text = log.read_text(errors="replace")
    executions = [int(n) for n in re.findall(r"stat::number_of_executed_units: (\d+)", text)]
    executions += [int(n) for n in re.findall(r"^#(\d+)\t", text, re.MULTILINE)]
    edges = [int(n) for n in re.findall(r"\bcov: (\d+)", text)]
    found = re.findall(r"Test unit written to (\S+)", text)
    outcome = "nothing broke" if status == 0 else f"broke: {', '.join(found) or f'see {log}'}"
    inputs = len(list(target.corpus.iterdir()))
    return (
        target.name,
        f"{max(executions, default=0):,}",
        f"{max(edges, default=0):,}",
        f"{inputs:,}",
        outcome,
    )


def fuzz(targets: Sequence[Target], seconds: int) -> int:
    """Run all targets side by side. Returns 1 when something broke, else 0."""
    logs = BUILD / "logs"
    for folder in (logs, BUILD / "found", *(target.corpus for target in targets)):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"fuzz: {len(targets)} targets for {seconds} seconds; logs in {logs}", file=sys.stderr)
    options = (f"-max_total_time={seconds}", f"-timeout={BLOCKED}", "-print_final_stats=1")
    running = []
    for target in targets:
        log = logs / f"{target.name}.log"
        process = target.start(log, (*options, f"-artifact_prefix={target.name}-"))
        running.append((target, log, process))
    try:
        statuses = [process.wait() for _, _, process in running]  # libFuzzer ends what hangs
    finally:
        for _, _, process in running:
            process.kill()
    results = zip(running, statuses, strict=True)
    rows = [describe(target, log, status) for (target, log, _), status in results]
    print(make_table(("target", "executions", "edges reached", "inputs", "result"), rows))
    return int(any(statuses))


def keep(targets: Iterable[Target]) -> None:
    """Add to the repository's corpus what reaches more code than it does, the smallest first."""
    for target in targets:
        options = ("-merge=1", "-use_counters=0", f"-max_len={LONGEST_KEPT}")
        words: list[str | Path] = [*target.command, *options, target.seeds, target.corpus]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        subprocess.run(words, cwd=BUILD / "found", env=env, check=True, stderr=subprocess.DEVNULL)


def main() -> int:
    """Fuzz what the command line asks for."""
    parser = argparse.ArgumentParser(description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=int, default=60, help="how long; default: 60")
    parser.add_argument("--only", help="names of targets, joined by commas; default: all")
    parser.add_argument("--keep", action="store_true", help="copy what was found to tests/fuzz")
    options = parser.parse_args()
    os.nice(19 - os.nice(0))
    targets = [*build_native(), *list_python()]
    wanted = set((options.only or ",".join(target.name for target in targets)).split(","))
    unknown = wanted - {target.name for target in targets}
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    targets = [target for target in targets if target.name in wanted]
    if options.keep:
        keep(targets)
        return 0
    return fuzz(targets, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
