"""What a posture comes to: the verdict and its sentence."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from machines import HARDENED
from process_hardening.audit.core_dumps import core_rules_of, crash_of
from process_hardening.audit.entries import Entry
from process_hardening.audit.rights import READING_CAPABILITIES
from process_hardening.state import UNLIMITED


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
        ({"opens_itself": "Node.js"}, "partial"),
        ({"opens_itself": None}, "unknown"),
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
    crash = crash_of(one, core_rules_of("core", False, (6, 18)))
    assert words in Entry(posture=one, user="user", crash=crash, findings=()).outcome


def test_the_capabilities_are_those_that_confine_gives_up() -> None:
    """And the two that Landlock keeps from reading others, without the one that only crashes."""
    source = (Path(__file__).parents[2] / "native" / "launch" / "domain.h").read_text()
    (low,) = re.findall(r"#define PH_BYPASSING_LOW \((.*)\)", source)
    (high,) = re.findall(r"#define PH_BYPASSING_HIGH \(1u << \((\d+) - 32\)\)", source)
    given_up = {int(bit) for bit in (*re.findall(r"1u << (\d+)", low), high)}
    (names,) = re.findall(r'#define PH_BYPASSING "(.*)"', source)
    assert {name for bit, name in READING_CAPABILITIES.items() if bit in given_up} == {
        *re.findall(r"CAP_\w+", names)
    } - {"CAP_SYS_NICE"}
    dac_read_search, sys_ptrace, sys_nice = 2, 19, 23
    assert sys_nice in given_up
    assert set(READING_CAPABILITIES) == given_up - {sys_nice} | {dac_read_search, sys_ptrace}
