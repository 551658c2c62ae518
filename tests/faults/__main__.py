"""Let every system call of ours fail and lie, and attack what is started all the same.

    PYTHONPATH=tests python -m faults            # all of it: `make faults`, which writes the page
    PYTHONPATH=tests python -m faults --quick    # what `make test` has time for

Needs root: the supervisor reads the maps of processes that nobody else may read.
"""

from __future__ import annotations

import argparse
import errno
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import support
from faults import oracle, report
from faults.experiment import BAD, HARDENED, OUTCOMES, Fault, Outcome, run
from faults.subjects import CONTROL, SUBJECTS, Subject, make_paths
from faults.supervisor import Call

LIE = 0
RESULTS = (LIE, errno.EPERM, errno.ENOSYS, errno.EMFILE, errno.EACCES)
RESULTS_ONCE = (LIE, errno.EPERM, errno.EMFILE)
TURNS = 2
"""How often a call at one place is hit by itself: loops are not followed to their end."""

QUICK = (
    "prctl",
    "seccomp",
    "fchmod",
    "fcntl",
    "memfd_create",
    "execveat",
    "openat",
    "statx",
    "prlimit64",
    "clone",
    "unshare",
    "setns",
    "fsopen",
    "fsconfig",
    "fsmount",
    "dup3",
    "socketpair",
    "close_range",
    "capset",
    "capget",
    "getpid",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "getdents64",
    "kill",
)
"""The calls of the quick run: those that protect, or say whether something does."""
QUICK_SUBJECTS = (
    "pre_main_hardening(STRICT), sealed",
    "harden",
    "harden, in a memfd",
    "harden env PROGRAM",
    "harden --confine",
)


@dataclass(frozen=True)
class Trial:
    """A subject below some faults."""

    subject: int
    faults: tuple[Fault, ...]


def read_numbers() -> dict[str, int]:
    """The numbers of the system calls of this machine, by name, from the C library's headers."""
    command = [support.find_tool("cc"), "-E", "-dM", "-include", "sys/syscall.h", "-"]
    text = subprocess.run(command, input="", capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        _, name, *value = line.split()
        if name.startswith("__NR_") and value and value[0].isdigit():
            found[name.removeprefix("__NR_")] = int(value[0])
    return found


_paths: dict[str, str] = {}
_numbers: dict[str, int] = {}
_victim: oracle.Outside | None = None


def _attempt(trial: Trial) -> Outcome:
    """Make one run, in a worker, which has an outside process of its own."""
    global _victim
    subject = SUBJECTS[trial.subject]
    if _victim is None:
        _victim = oracle.Outside(support.USER)
    return run(subject, trial.faults, _paths, _numbers, _victim)


def plan_singles(subject: int, calls: Iterable[Call]) -> Iterator[Trial]:
    """Each call once: it lies, is forbidden, or lacks a descriptor."""
    for call in dict.fromkeys(calls):
        if call.turn <= TURNS:
            for result in RESULTS_ONCE:
                yield Trial(subject, (Fault(call, result),))


def plan_numbers(subject: int, calls: Iterable[Call]) -> Iterator[Trial]:
    """All calls of a number, with each result."""
    for number in sorted({call.number for call in calls}):
        for result in RESULTS:
            yield Trial(subject, (Fault(number, result),))


def plan_pairs(subject: int, calls: Iterable[Call]) -> Iterator[Trial]:
    """All calls of two numbers, of which the first lies."""
    numbers = sorted({call.number for call in calls})
    for one, other in itertools.permutations(numbers, 2):
        for result in (LIE, errno.EPERM, errno.EACCES):
            if result != LIE or one < other:
                yield Trial(subject, (Fault(one, LIE), Fault(other, result)))


def describe(trial: Trial, names: dict[int, str]) -> str:
    """The faults of a trial, in words."""
    words = []
    for fault in trial.faults:
        result = errno.errorcode[fault.result] if fault.result else "0"
        if isinstance(fault.call, Call):
            image, place, number, turn = fault.call
            words.append(f"{names[number]}={result} ({image}+{place:#x}, turn {turn})")
        else:
            words.append(f"every {names[fault.call]}={result}")
    return ", ".join(words)


def _is_quick(trial: Trial) -> bool:
    wanted = {_numbers[name] for name in QUICK if name in _numbers}
    (fault,) = trial.faults
    if isinstance(fault.call, int):
        return fault.call in wanted and fault.result in (LIE, errno.EPERM)
    return fault.call.number in wanted and fault.call.turn == 1 and fault.result == LIE


def check_control() -> None:
    """The attacker finds everything in a process that nothing protects, or nothing is proven."""
    found = run(CONTROL, (), _paths, _numbers, None)
    for leak in ("its memory was read", "core limit", "loader variable"):
        assert leak in found.why, f"inconclusive: {leak}: {found}"


def measure(subject: int, is_quick: bool, with_pairs: bool) -> tuple[Outcome, list[Trial]]:
    """Record the calls of a subject that nothing disturbs, and plan the faults."""
    first = _attempt(Trial(subject, ()))
    trials = [*plan_singles(subject, first.calls), *plan_numbers(subject, first.calls)]
    if is_quick:
        return first, [trial for trial in trials if _is_quick(trial)]
    return first, [*trials, *(plan_pairs(subject, first.calls) if with_pairs else ())]


def expected(subject: Subject, first: Outcome) -> bool:
    """Whether the undisturbed run ended as it should: hardened, or refused where it is traced."""
    return (first.kind == HARDENED) != subject.is_traced


def choose(beginning: str, is_quick: bool) -> list[str]:
    """The names of the subjects: one of them, or those that begin so."""
    all_names = [subject.name for subject in SUBJECTS]
    if beginning in all_names:
        return [beginning]
    names = QUICK_SUBJECTS if is_quick else all_names
    return [name for name in names if name.startswith(beginning)]


def main() -> int:
    """Run, print a line for each subject and each finding; status 1 if there is one."""
    global _paths, _numbers
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what `make test` has time for")
    parser.add_argument("--only", default="", help="a subject, or all whose names begin so")
    parser.add_argument("--pairs", action="store_true", help="two calls at a time, too")
    parser.add_argument("--json", help="write the results there")
    parser.add_argument("--record", action="store_true", help="write the rows into docs/faults.md")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if os.getuid():
        print("faults: needs root", file=sys.stderr)
        return 2
    _numbers = read_numbers()
    names = {number: name for name, number in _numbers.items()}
    chosen = choose(options.only, options.quick)
    rows = []
    bad = 0
    with (
        support.keep_suid_dumpable(),
        tempfile.TemporaryDirectory(prefix="ph-faults-") as name,
    ):
        Path(name).chmod(0o755)
        _paths = make_paths(Path(name))
        check_control()
        with ProcessPoolExecutor(options.jobs) as pool:
            for index, subject in enumerate(SUBJECTS):
                if subject.name not in chosen:
                    continue
                begin = time.monotonic()
                first, trials = pool.submit(measure, index, options.quick, options.pairs).result()
                if not expected(subject, first):
                    print(f"{subject.name}: undisturbed: {first.kind}: {first.why}")
                    bad += 1
                outcomes = list(pool.map(_attempt, trials, chunksize=8))
                row = report.Row.count(subject.name, first, trials, outcomes, names)
                rows.append(row)
                if options.record:
                    report.record([row], [each.name for each in SUBJECTS])
                print(f"{row.in_words()}; {time.monotonic() - begin:.0f} s", flush=True)
                for trial, outcome in zip(trials, outcomes, strict=True):
                    if outcome.kind in BAD:
                        bad += 1
                        print(f"  {outcome.kind}: {describe(trial, names)}: {outcome.why}")
    if options.json:
        Path(options.json).write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    kinds = sum((Counter(row.kinds) for row in rows), Counter[str]())
    print("; ".join(f"{kinds[kind]} {kind}" for kind in OUTCOMES if kinds[kind]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
