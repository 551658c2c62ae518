"""The one verdict on a process: judge_process() of process_hardening.state."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from process_hardening.state import EXPOSED, HARDENED, PARTIAL, UNKNOWN, judge_process

GOOD: dict[str, Any] = {
    "inspectable": False,
    "dumpable": 0,
    "core_limit": (0, 0),
    "tracer_pid": 0,
    "loader_variables": (),
    "injected_libraries": (),
    "other_user_namespace": False,
}
"""What is observed of a process about which nothing contradicts that it is hardened."""

CONTRADICTIONS: list[dict[str, Any]] = [
    {"dumpable": 2},
    {"core_limit": (0, 1)},
    {"core_limit": (1, 1)},
    {"tracer_pid": 1},
    {"loader_variables": ("LD_PRELOAD",)},
    {"injected_libraries": ("/x.so",)},
    {"other_user_namespace": True},
]


def judge(**changes: Any) -> str:
    """Return the verdict on a good process with some observations changed."""
    verdict, _ = judge_process(**{**GOOD, **changes})
    return verdict


def missing(**changes: Any) -> tuple[str, ...]:
    """Return the missing facts that make the verdict on a good process unknown, with changes."""
    _, names = judge_process(**{**GOOD, **changes})
    return names


def test_a_process_with_nothing_against_it_is_hardened() -> None:
    assert judge() == HARDENED


@pytest.mark.parametrize("field", GOOD)
def test_what_was_not_seen_is_never_taken_for_hardened(field: str) -> None:
    assert judge(**{field: None}) == UNKNOWN
    assert missing(**{field: None}) == (field,)


@pytest.mark.parametrize("field", [name for name in GOOD if name != "inspectable"])
def test_what_is_excused_may_be_unseen(field: str) -> None:
    assert judge(**{field: None}, excused={field}) == HARDENED
    assert missing(**{field: None}, excused={field}) == ()


@pytest.mark.parametrize("contradiction", CONTRADICTIONS, ids=str)
def test_one_contradiction_makes_it_partial(contradiction: dict[str, Any]) -> None:
    assert judge(**contradiction) == PARTIAL
    unseen = {name: None for name in GOOD if name != "inspectable" and name not in contradiction}
    assert judge(**contradiction, **unseen) == PARTIAL, "what is seen outweighs what is not"
    assert missing(**contradiction, **unseen) == ()


@pytest.mark.parametrize("contradiction", [{}, *CONTRADICTIONS], ids=str)
def test_an_inspectable_process_is_exposed_whatever_else_it_is(
    contradiction: dict[str, Any],
) -> None:
    assert judge(**contradiction, inspectable=True) == EXPOSED


def test_a_process_without_memory_has_no_verdict() -> None:
    assert judge(has_memory=False, inspectable=True) == UNKNOWN
    assert missing(has_memory=False, inspectable=None) == ()


def test_of_a_process_that_may_be_readable_nothing_else_is_missing() -> None:
    assert missing(**dict.fromkeys(GOOD)) == ("inspectable",)


def test_all_missing_facts_are_named_in_one_order() -> None:
    names = tuple(name for name in GOOD if name != "inspectable")
    assert missing(**dict.fromkeys(names)) == names


def test_only_the_good_observations_make_a_process_hardened() -> None:
    values = {
        "inspectable": (False, True, None),
        "dumpable": (0, 1, 2, None),
        "core_limit": ((0, 0), (0, 1), None),
        "tracer_pid": (0, 1, None),
        "loader_variables": ((), ("LD_AUDIT",), None),
    }
    # A process that others may not read has dumpable 1 only by other means, such as Yama.
    hardened = [
        dict(zip(values, observed, strict=True))
        for observed in product(*values.values())
        if judge(**dict(zip(values, observed, strict=True))) == HARDENED
    ]
    assert [case for case in hardened if case["dumpable"] == 0] == [
        {name: GOOD[name] for name in values}
    ]
    assert all(case | {"dumpable": 0} == {name: GOOD[name] for name in values} for case in hardened)
