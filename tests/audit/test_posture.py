"""What a posture comes to: the verdict, where a crash puts the memory, and its sentence."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from process_hardening.audit.posture import (
    FILE,
    NOWHERE,
    PIPE,
    READING_CAPABILITIES,
    SOCKET,
    Posture,
    core_rules_of,
    crash_of,
    describe_outcome,
)
from process_hardening.audit.procfs import UNLIMITED

NEW, OLD = (6, 18), (6, 1)

HARDENED = Posture(
    pid=1,
    uid=1000,
    dumpable=0,
    inspectable=False,
    core_limit=(0, 0),
    tracer_pid=0,
    loader_variables=(),
    injected_libraries=(),
    other_user_namespace=False,
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "hardened"),
        ({"inspectable": None, "dumpable": None}, "unknown"),
        ({"inspectable": True, "dumpable": 1}, "exposed"),
        ({"dumpable": None}, "unknown"),
        ({"dumpable": 2}, "partial"),
        ({"core_limit": (0, 1)}, "partial"),
        ({"core_limit": None}, "unknown"),
        ({"tracer_pid": 7}, "partial"),
        ({"tracer_pid": None}, "unknown"),
        ({"loader_variables": ("LD_PRELOAD",)}, "partial"),
        ({"loader_variables": None}, "unknown"),
        ({"loader_variables": None, "protected": ("loader_variables",)}, "hardened"),
        ({"injected_libraries": ("/x.so",)}, "partial"),
        ({"injected_libraries": None}, "unknown"),
        ({"injected_libraries": None, "protected": ("injected_libraries",)}, "hardened"),
        ({"injected_libraries": None, "tracer_pid": 7}, "partial"),
        ({"other_user_namespace": True}, "partial"),
        ({"other_user_namespace": None}, "unknown"),
        ({"tracer_pid": None, "protected": ("tracer_pid",)}, "unknown"),
        ({"core_limit": None, "protected": ("core_limit",)}, "unknown"),
        ({"kind": "zombie"}, "unknown"),
        ({"kind": "kernel thread"}, "unknown"),
    ],
    ids=str,
)
def test_the_verdict(fields: dict[str, Any], expected: str) -> None:
    """What is readable is exposed, one open door makes it partial, one unseen door unknown."""
    assert HARDENED.replace(**fields).verdict == expected


def test_never_hardened_without_proof() -> None:
    """Of all combinations, only the one with everything proven is hardened."""
    choices: dict[str, list[Any]] = {
        "inspectable": [None, True, False],
        "core_limit": [None, (0, 0), (0, UNLIMITED)],
        "tracer_pid": [None, 0, 5],
        "injected_libraries": [None, (), ("/x",)],
        "loader_variables": [None, (), ("LD_X",)],
        "other_user_namespace": [None, False, True],
    }
    hardened = [
        values
        for values in itertools.product(*choices.values())
        if HARDENED.replace(**dict(zip(choices, values, strict=True))).verdict == "hardened"
    ]
    assert hardened == [(False, (0, 0), 0, (), (), False)]


# FACTS, "Core dumps": RLIMIT_CORE and dumpable, for a file, a pipe and a socket.
@pytest.mark.parametrize(
    ("limit", "dumpable", "of_file", "of_pipe", "of_socket"),
    [
        ((0, 0), 0, NOWHERE, NOWHERE, NOWHERE),
        ((UNLIMITED, UNLIMITED), 0, NOWHERE, NOWHERE, NOWHERE),
        ((0, 0), 1, NOWHERE, PIPE, SOCKET),
        ((1, 1), 1, NOWHERE, NOWHERE, SOCKET),
        ((4095, UNLIMITED), 1, NOWHERE, PIPE, SOCKET),
        ((4096, UNLIMITED), 1, FILE, PIPE, SOCKET),
        ((UNLIMITED, UNLIMITED), 1, FILE, PIPE, SOCKET),
        ((UNLIMITED, UNLIMITED), 2, FILE, PIPE, SOCKET),
        ((0, UNLIMITED), 2, NOWHERE, PIPE, SOCKET),
        (None, 1, None, None, SOCKET),
        ((0, 0), None, None, None, None),
    ],
    ids=str,
)
def test_where_a_crash_puts_the_memory(
    limit: tuple[int, int] | None,
    dumpable: int | None,
    of_file: str | None,
    of_pipe: str | None,
    of_socket: str | None,
) -> None:
    """Core limit, dumpable and pattern decide together."""
    one = HARDENED.replace(core_limit=limit, dumpable=dumpable, inspectable=dumpable == 1)
    expected = {"/var/core/%p": of_file, "|/usr/lib/handler %p": of_pipe, "@/run/s": of_socket}
    for pattern, destination in expected.items():
        crash = crash_of(one, core_rules_of(pattern, False, NEW))
        assert crash.destination == destination, pattern
        if destination not in (None, NOWHERE):
            assert crash.reader == {1: "owner", 2: "root"}[dumpable or 0]


@pytest.mark.parametrize(
    ("pattern", "uses_pid", "kernel", "kind", "target"),
    [
        ("core", False, NEW, FILE, "core"),
        ("", False, NEW, NOWHERE, ""),
        ("", True, NEW, FILE, ".PID"),
        ("|/bin/false", False, NEW, NOWHERE, "/bin/false"),
        ("|/usr/share/apport/apport -p%p", False, NEW, PIPE, "/usr/share/apport/apport"),
        ("|", False, NEW, NOWHERE, ""),
        ("@/run/coredump.socket", False, NEW, SOCKET, "/run/coredump.socket"),
        ("@@/run/coredump.socket", False, NEW, SOCKET, "/run/coredump.socket"),
        ("@/run/coredump.socket", False, OLD, FILE, "@/run/coredump.socket"),
        (None, False, NEW, None, ""),
    ],
)
def test_the_pattern(
    pattern: str | None, uses_pid: bool, kernel: tuple[int, int], kind: str | None, target: str
) -> None:
    """The pattern is parsed as core(5) says; before Linux 6.16, @ begins the name of a file."""
    rules = core_rules_of(pattern, uses_pid, kernel)
    assert (rules.kind, rules.target) == (kind, target)


def test_root_s_core_goes_to_absolute_paths_only() -> None:
    """With suid_dumpable 2 a relative pattern leaves nothing (proc_sys_fs(5))."""
    one = HARDENED.replace(dumpable=2, core_limit=(UNLIMITED, UNLIMITED))
    assert crash_of(one, core_rules_of("core", False, NEW)).destination == NOWHERE
    assert crash_of(one, core_rules_of("/core", False, NEW)).destination == FILE


def test_a_soft_limit_is_no_lock() -> None:
    """Any process of the user can raise a soft limit of 0, and the sentence says so."""
    one = HARDENED.replace(dumpable=1, inspectable=True, core_limit=(0, UNLIMITED))
    crash = crash_of(one, core_rules_of("core", False, NEW))
    assert (crash.destination, crash.can_be_raised) == (NOWHERE, True)
    assert "raises the core limit" in describe_outcome(one, crash)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "the same user cannot read"),
        ({"inspectable": True, "dumpable": 1}, "any process of the same user can read"),
        ({"inspectable": True, "dumpable": 1, "uid": 0}, "even without CAP_SYS_PTRACE"),
        ({"inspectable": True, "dumpable": 1, "remote_debugging": True}, "run Python code in it"),
        ({"tracer_pid": 7}, "process 7 traces it"),
        ({"inspectable": None, "dumpable": None}, "it is unknown"),
        ({"other_user_namespace": True}, "the owner of its user namespace"),
        ({"kind": "zombie"}, "a zombie has no memory"),
    ],
)
def test_the_sentence(fields: dict[str, Any], words: str) -> None:
    """The sentence begins with what an attacker gets."""
    one = HARDENED.replace(**fields)
    assert words in describe_outcome(one, crash_of(one, core_rules_of("core", False, NEW)))


def test_the_capabilities_are_those_that_confine_gives_up() -> None:
    """And the two that Landlock keeps from reading others, without the one that only crashes."""
    source = (Path(__file__).parents[2] / "native" / "launch" / "domain.c").read_text()
    (low,) = re.findall(r"#define BYPASSING_LOW \((.*)\)", source)
    (high,) = re.findall(r"#define BYPASSING_HIGH \(1u << \((\d+) - 32\)\)", source)
    given_up = {int(bit) for bit in (*re.findall(r"1u << (\d+)", low), high)}
    dac_read_search, sys_ptrace, sys_nice = 2, 19, 23
    assert sys_nice in given_up
    assert set(READING_CAPABILITIES) == given_up - {sys_nice} | {dac_read_search, sys_ptrace}
