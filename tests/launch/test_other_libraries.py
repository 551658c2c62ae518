"""harden --children, and programs that load a library of their own with LD_PRELOAD."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

import starts
import support
from process_hardening.environment import PRELOAD_LIBRARY as LIBRARY

CHILD = ["sh", "-c", '"$@"; exit $?', "sh"]
"""Starts what follows as a child."""

# What loads LIBRARY into the program that follows it, and into its children.
WRAPPERS = {
    "env": ["env", "LD_PRELOAD=LIBRARY"],
    "a shell": ["sh", "-c", 'LD_PRELOAD=LIBRARY exec "$@"', "sh"],
    "a child of a shell": ["sh", "-c", 'LD_PRELOAD=LIBRARY "$@"; exit $?', "sh"],
    "beside what is there": [
        *("sh", "-c"),
        'LD_PRELOAD="${LD_PRELOAD-}${LD_PRELOAD:+:}LIBRARY" exec "$@"',
        "sh",
    ],
    "before what is there": [
        *("sh", "-c"),
        'LD_PRELOAD="LIBRARY ${LD_PRELOAD-}" exec "$@"',
        "sh",
    ],
    "python, a child": [
        "/usr/bin/python3",
        "-c",
        "import os, subprocess, sys\n"
        "os.environ['LD_PRELOAD'] = 'LIBRARY'\n"
        "sys.exit(subprocess.call(sys.argv[1:]))",
    ],
}


@pytest.fixture(scope="session")
def answer(make: support.Compiler) -> str:
    """A library that `show` shows when it is loaded."""
    return str(make("answer.c", "-shared", "-fPIC", name="answer.so"))


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_library_of_a_programs_own_does_not_displace_ours(
    harden: str, make: support.Compiler, answer: str, wrapper: str, cc: str
) -> None:
    """The program and its children are hardened, and have that library as without `harden`."""
    show = str(make("show.c", name=f"show-{cc}", cc=cc))
    words = [word.replace("LIBRARY", answer) for word in WRAPPERS[wrapper]]
    for command in ([*words, show], [*words, *CHILD, show]):
        plain, hardened = starts.show(command), starts.show([harden, "--children", "--", *command])

        assert plain.value("answer") == hardened.value("answer") == "42"
        assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")


@pytest.mark.parametrize("wrapper", ["stdbuf -oL", "faketime 2001-02-03"])
def test_a_wrapper_that_loads_a_library_works_in_children_too(
    harden: str, show: str, wrapper: str
) -> None:
    """`stdbuf` adds its library to LD_PRELOAD; it stays there for the children."""
    support.find_tool(wrapper.split()[0])
    script = f'{show}; echo "preload $LD_PRELOAD"; date +"year %Y"; :'
    words = [*wrapper.split(), *CHILD, "sh", "-c", script]
    plain, hardened = (
        starts.show([*before, *words]) for before in ([], [harden, "--children", "--"])
    )

    assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")
    assert hardened.value("year") == plain.value("year")
    theirs = plain.value("preload")
    assert theirs
    assert theirs in hardened.value("preload")


def test_a_kept_library_and_ours_are_both_loaded_into_children(
    harden: str, show: str, answer: str
) -> None:
    """`--keep LD_PRELOAD` with --children."""
    words = ["env", f"LD_PRELOAD={answer}", harden, "--children", "--keep", "LD_PRELOAD", "--"]
    for command in ([show], [*CHILD, show]):
        shown = starts.show([*words, *command])

        assert (shown.value("answer"), shown.value("dumpable")) == ("42", "0")


def test_a_program_that_takes_the_library_out_has_hardened_children_all_the_same(
    harden: str, show: str
) -> None:
    """What asks for it is another variable: whoever takes that out too is obeyed."""
    words = [harden, "--children", "--", *CHILD]
    taken = ["env", "-u", "LD_PRELOAD", *CHILD, show]
    nothing = ["env", "-u", "PROCESS_HARDENING_CHILDREN", "-u", "LD_PRELOAD", *CHILD, show]

    assert starts.show([*words, *taken]).value("dumpable") == "0"
    assert starts.show([*words, *nothing]).value("dumpable") == "1"


def test_a_runtime_that_must_come_first_still_does(
    harden: str, show: str, make: support.Compiler
) -> None:
    """AddressSanitizer's, loaded into a program that was built without it."""
    asan = str(make("show.c", "-fsanitize=address", name="show-asan", cc="gcc"))
    runtime = support.run(["gcc", "-print-file-name=libasan.so"]).stdout.strip()
    for program in (show, asan):
        words = ["env", f"LD_PRELOAD={runtime}", "ASAN_OPTIONS=detect_leaks=0", *CHILD, program]

        assert starts.show(words).value("dumpable") == "1"
        assert starts.show([harden, "--children", "--", *words]).value("dumpable") == "0"


@pytest.mark.parametrize("spawn", ["posix_spawn", "system", "subprocess"])
def test_a_child_that_libc_starts_with_another_library_alone_is_not_hardened(
    harden: str, show: str, answer: str, spawn: str
) -> None:
    """They hand the environment to the kernel by themselves (docs/children.md)."""
    program = str(Path(__file__).with_name("programs") / "spawn.py")
    words = ["/usr/bin/python3", program, spawn, show, answer]
    shown = starts.show([harden, "--children", "--", *words])

    assert (shown.value("answer"), shown.value("dumpable")) == ("42", "1")


def test_check_child_does_not_promise_that_such_a_child_is_hardened(
    harden: str, show: str, answer: str
) -> None:
    """Whatever starts it: by exec it would be."""
    code = """
import os, sys, process_hardening
program, os.environ["LD_PRELOAD"] = sys.argv[1:]
print(process_hardening.check_child(program).reason)
"""
    words = [sys.executable, "-c", code, show, answer]
    result = support.run_as_user([harden, "--children", "--", *words])

    assert result.stdout == "LD_PRELOAD in its environment does not name the preload library\n"


def test_without_children_a_child_keeps_the_environment_that_it_gets(
    harden: str, show: str, answer: str
) -> None:
    """The control: the library is for this process alone."""
    script = f"LD_PRELOAD={shlex.quote(answer)} {shlex.quote(show)}; :"
    shown = starts.show([harden, "--", "sh", "-c", script])

    assert (shown.value("answer"), shown.value("dumpable")) == ("42", "1")


@pytest.fixture(scope="session")
def with_entries(make: support.Compiler) -> str:
    """Becomes a program with exactly the given entries."""
    return str(make("with_entries.c"))


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
@pytest.mark.parametrize("options", [[], ["--children"]], ids=["alone", "with --children"])
@pytest.mark.parametrize("second", ["", "OURS"], ids=["empty", "ours"])
def test_several_entries_with_libraries_do_not_keep_ours_out(
    harden: str, make: support.Compiler, with_entries: str, cc: str, options: list[str], second: str
) -> None:
    """Of several, glibc's loader takes the last, and musl's the first."""
    show = str(make("show.c", name=f"show-{cc}", cc=cc))
    entries = ["PROCESS_HARDENING_CHILDREN=1", "LD_PRELOAD=", f"LD_PRELOAD={second}"]
    words = [with_entries, *(entry.replace("OURS", LIBRARY) for entry in entries), "--", show]
    shown = starts.show([harden, *options, "--", *words])

    if not second:
        assert starts.show(words).value("dumpable") == "1"
    assert shown.value("dumpable") == "0"


@pytest.mark.parametrize("options", [["--method=preload"], ["--children", "--method=preload"], []])
def test_the_launcher_leaves_one_of_several_entries_with_libraries(
    harden: str, answer: str, show: str, with_entries: str, options: list[str]
) -> None:
    """It fills the entry that the loader reads."""
    words = [show] if options else ["/usr/bin/env", show]
    before = [with_entries, "LD_PRELOAD=", f"LD_PRELOAD={answer}", "--"]
    plain = starts.show([*before, *words])
    hardened = starts.show([*before, harden, "--keep=LD_PRELOAD", *options, "--", *words])

    assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")
    assert plain.value("answer") == hardened.value("answer") == "42"


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_our_library_counts_as_named_only_where_both_loaders_split(
    harden: str, make: support.Compiler, cc: str
) -> None:
    """After a tab, musl's loader finds it and glibc's does not."""
    show = str(make("show.c", name=f"show-{cc}", cc=cc))
    words = ["env", f"LD_PRELOAD=\t{LIBRARY}", show]
    result = support.run_as_user([harden, *words])

    assert result.returncode == 0, result.stderr
    assert starts.Shown(result.stdout).value("dumpable") == "0"


def test_python_does_not_rely_on_one_of_several_entries(show: str, with_entries: str) -> None:
    """The first, which getenv(3) finds, names our library; glibc's loader takes the last."""
    code = (
        "import sys, process_hardening as ph\n"
        "print(bool(ph.check_child(sys.argv[1])))\n"
        "try: ph.harden_children(keep=['LD_PRELOAD'])\n"
        "except ph.HardeningError as error: print(error)"
    )
    words = [sys.executable, "-c", code, show]
    entries = [f"LD_PRELOAD={LIBRARY}", "PROCESS_HARDENING_CHILDREN=1", "PROCESS_HARDENING_KEEP="]
    one, several = (
        support.run_as_user([with_entries, *entries, *more, "--", *words])
        for more in ([], ["LD_PRELOAD="])
    )

    assert (one.returncode, one.stdout) == (0, "True\n")
    assert several.stdout.startswith("False\n")
    assert "LD_PRELOAD is set more than once" in several.stdout
