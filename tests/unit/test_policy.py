"""Policy: what to do, not how."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import process_hardening as ph
from process_hardening import _native, errors
from process_hardening.environment import PRELOAD_ENTRY
from process_hardening.policy import DEFAULT, STEPS, STRICT, Policy, native_form
from process_hardening.variables import STRICT_VARIABLES

FLAGS = (
    *("inspection", "core_limit", "environment", "no_new_privs"),
    *("refuse_tracer", "refuse_bypass"),
)
DEFAULTS = {
    "inspection": True,
    "core_limit": True,
    "environment": True,
    "no_new_privs": False,
    "refuse_tracer": False,
    "clear": (),
    "keep": (),
    "children": "leave",
    "bypass_variable": "CODEX_SKIP_HARDENING",
    "refuse_bypass": False,
}


def fields_of(policy: Policy) -> dict[str, object]:
    """The fields of a policy that its documentation names."""
    return {name: getattr(policy, name) for name in DEFAULTS}


def test_default_is_what_the_specification_asks_for() -> None:
    """Inspection, core limit and environment; nothing beyond."""
    assert fields_of(DEFAULT) == DEFAULTS
    assert Policy() == DEFAULT


def test_strict_adds_steps_and_variables_and_leaves_nothing_out() -> None:
    """STRICT is DEFAULT and more."""
    more = {"no_new_privs": True, "refuse_tracer": True, "clear": tuple(STRICT_VARIABLES)}
    assert fields_of(STRICT) == {**DEFAULTS, **more}


def test_help_shows_every_field() -> None:
    """And its default."""
    parameters = inspect.signature(Policy).parameters.values()
    assert {one.kind for one in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert {one.name: one.default for one in parameters} == {**DEFAULTS, "seal": False}


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [0, 1, None, "yes", ()])
def test_a_flag_must_be_a_bool(name: str, value: Any) -> None:
    """Neither truthy nor falsy values are taken for a decision."""
    with pytest.raises(TypeError, match=f"^{name} must be True or False, not "):
        DEFAULT.replace(**{name: value})


@pytest.mark.parametrize("name", ["clear", "keep"])
@pytest.mark.parametrize(
    "value", ["LD_PRELOAD", b"LD_PRELOAD", 5, None, [b"LD_PRELOAD"], [None], ["A", 5]]
)
def test_patterns_must_be_a_sequence_of_str(name: str, value: Any) -> None:
    """A lone name, which would be taken for its letters, is an error too."""
    with pytest.raises(TypeError, match=f"^{name} must "):
        DEFAULT.replace(**{name: value})


@pytest.mark.parametrize("name", ["clear", "keep"])
@pytest.mark.parametrize("pattern", ["", "A=B", "A\0", "*A", "A*B", "A**", "=", "\0"])
def test_a_pattern_must_be_a_name_or_a_prefix(name: str, pattern: str) -> None:
    """A pattern that could never match is an error, not a silent hole."""
    fields: Any = {name: ["GOOD", pattern]}
    with pytest.raises(ValueError, match=f"^{name}: .* is not a variable name: write NAME or"):
        DEFAULT.replace(**fields)


@pytest.mark.parametrize("pattern", ["A", "A*", "*", "a.b", "é", "\udcff", "A B", "%FOO%"])
def test_what_the_kernel_takes_for_a_name_is_one(pattern: str) -> None:
    """Only NUL and the equals sign cannot be in a name; a star ends a prefix."""
    assert Policy(clear=(pattern,)).clear == (pattern,)


@pytest.mark.parametrize("keep", [["A:B"], [f"NAME_OF_A_VARIABLE_{n}" for n in range(200)]])
def test_what_children_are_to_keep_fits_in_a_variable(keep: list[str]) -> None:
    """Their library would drop what does not fit, and take a colon for the end of a name."""
    with pytest.raises(ValueError, match=r"^keep: "):
        Policy(keep=keep, children="harden")  # type: ignore[arg-type]  # any sequence will do
    assert Policy(keep=keep).keep == tuple(keep)  # type: ignore[arg-type]


def test_children_keep_as_many_names_as_fit_into_the_buffer_of_their_library() -> None:
    """Up to its last byte, which is NUL."""
    header = Path(__file__).parents[2] / "native" / "exec" / "handover.h"
    (size,) = map(int, re.findall(r"#define PH_LIST_SIZE (\d+)", header.read_text()))
    longest = "N" * (size - len(f"{_native.KEEP_VARIABLE}=\0"))
    assert Policy(keep=(longest,), children="harden").keep == (longest,)
    with pytest.raises(ValueError, match=f" at most {len(longest)} bytes$"):
        Policy(keep=(longest + "N",), children="harden")


def test_the_bypass_name_fits_into_the_buffer_of_the_library() -> None:
    """C refuses a longer name, or drops it at the next exec."""
    header = Path(__file__).parents[2] / "native" / "exec" / "handover.h"
    (size,) = map(int, re.findall(r"#define PH_BYPASS_SIZE (\d+)", header.read_text()))
    longest = "é" + "N" * (size - 3)
    assert Policy(bypass_variable=longest).bypass_variable == longest
    message = f"^bypass_variable: the name is too long: at most {size - 1} bytes$"
    with pytest.raises(ValueError, match=message):
        Policy(bypass_variable=longest + "N")


@pytest.mark.parametrize("name", ["", "A*", "A=secret", "A\0B"])
def test_the_name_of_a_bypass_variable_is_a_name_and_no_prefix(name: str) -> None:
    """The message does not offer a prefix, nor does it show a value."""
    with pytest.raises(ValueError, match=r"is not a variable name: write NAME or None$") as error:
        Policy(bypass_variable=name)
    assert "secret" not in str(error.value)


def test_a_debugger_can_step_into_a_policy() -> None:
    """It reads the local variables at each line, and adds its own."""

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        assert (event, argument, frame.f_locals) is not None
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        policy = Policy(keep=("A",))
    finally:
        sys.settrace(before)
    assert policy.keep == ("A",)


@pytest.mark.parametrize("value", ["yes", "", None, True, 1, "HARDEN"])
def test_children_are_hardened_or_left(value: Any) -> None:
    """A word that means nothing is not taken for a no."""
    with pytest.raises(ValueError, match=r"^children must be 'harden' or 'leave', not "):
        DEFAULT.replace(children=value)


@pytest.mark.parametrize(
    ("value", "error"), [(5, TypeError), ("", ValueError), ("A=1", ValueError), ("A*", ValueError)]
)
def test_the_bypass_variable_is_one_name_or_none(value: Any, error: type[Exception]) -> None:
    """It is neither a prefix nor an entry."""
    with pytest.raises(error, match=r"^bypass_variable"):
        Policy(bypass_variable=value)
    assert Policy(bypass_variable=None).bypass_variable is None


@pytest.mark.parametrize("iterable", [["A", "B*"], ("A", "B*"), {"A": 1, "B*": 2}, iter("AB")])
def test_patterns_become_a_tuple(iterable: Any) -> None:
    """What the caller does to a list afterwards changes no policy."""
    policy = Policy(keep=iterable)
    assert isinstance(policy.keep, tuple)
    assert [pattern[0] for pattern in policy.keep] == ["A", "B"]


def test_fields_are_keywords() -> None:
    """A row of five bools would say nothing to a reader."""
    with pytest.raises(TypeError):
        Policy(True)  # type: ignore[call-arg]


def test_an_unknown_field_is_an_error() -> None:
    """A misspelt field must not pass for a decision."""
    with pytest.raises(TypeError, match="inspections"):
        Policy(inspections=False)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="inspections"):
        DEFAULT.replace(inspections=False)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", [*DEFAULTS, "other"])
def test_a_policy_cannot_be_changed(name: str) -> None:
    """Neither set nor deleted: DEFAULT is shared by everybody."""
    with pytest.raises(AttributeError, match="is immutable"):
        setattr(DEFAULT, name, True)
    with pytest.raises(AttributeError):
        delattr(DEFAULT, name)
    assert fields_of(DEFAULT) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, not DEFAULTS[name]) for name in FLAGS]
    + [("clear", ("A",)), ("keep", ("B*",)), ("bypass_variable", None)],
)
def test_replace_changes_one_field(name: str, value: Any) -> None:
    """The rest stays, the original too; the two are different in every respect."""
    changed = DEFAULT.replace(**{name: value})
    assert fields_of(changed) == {**DEFAULTS, name: value}
    assert changed != DEFAULT
    assert hash(changed) != hash(DEFAULT)
    assert repr(changed) != repr(DEFAULT)
    assert fields_of(DEFAULT) == DEFAULTS


def test_equal_policies_are_one_key() -> None:
    """Equality and hash are of the fields; nothing else is equal."""
    assert {STRICT: 1, STRICT.replace(): 2} == {STRICT: 2}
    assert DEFAULT != STRICT
    assert tuple(DEFAULTS.values()) != DEFAULT


@pytest.mark.parametrize("policy", [DEFAULT, STRICT, Policy(keep=("A*",), bypass_variable=None)])
def test_repr_is_the_call_that_makes_it(policy: Policy) -> None:
    """The text can be pasted into a program."""
    assert eval(repr(policy), {"Policy": Policy}) == policy  # noqa: S307  # our own text


@pytest.mark.parametrize("policy", [DEFAULT, STRICT])
def test_a_policy_can_be_copied_and_sent(policy: Policy) -> None:
    """The arguments of a multiprocessing worker are sent so."""
    assert copy.copy(policy) == policy
    assert copy.deepcopy(policy) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301  # our own bytes


CODEX = "CODEX_SKIP_HARDENING"


@pytest.mark.parametrize(
    ("policy", "native"),
    [
        (DEFAULT, (0b00111, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (Policy(inspection=False), (0b00110, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (Policy(core_limit=False), (0b00101, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (Policy(environment=False), (0b00011, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (Policy(no_new_privs=True), (0b01111, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (Policy(seal=True), (0b11111, False, None, (PRELOAD_ENTRY,), CODEX, False)),
        (
            Policy(refuse_tracer=True, bypass_variable=None),
            (0b00111, True, None, (PRELOAD_ENTRY,), None, False),
        ),
        (Policy(refuse_bypass=True), (0b00111, False, None, (PRELOAD_ENTRY,), CODEX, True)),
        (
            Policy(clear=("A*", "\udcff"), keep=("B",), bypass_variable="C"),
            (
                0b00111,
                False,
                (*_native.LOADER_VARIABLES, b"A*", b"\xff"),
                (b"B", PRELOAD_ENTRY),
                "C",
                False,
            ),
        ),
    ],
)
def test_the_native_form_is_what_the_extension_takes(policy: Policy, native: object) -> None:
    """One bit a step, in the order of enum ph_step; names are bytes."""
    assert native_form(policy) == native


def test_the_steps_are_those_of_the_core() -> None:
    """Named once in C and once in Python; a Report has a field for each."""
    assert tuple(_native.STEPS) == STEPS
    assert tuple(ph.Report.__annotations__)[: len(STEPS)] == STEPS


def test_exit_codes_are_those_of_c() -> None:
    """Once in native/core/hardening.h and once in errors.py."""
    header = Path(__file__).parents[2] / "native" / "core" / "hardening.h"
    found = dict(re.findall(r"PH_EXIT_(\w+) = (\d+)", header.read_text()))
    assert {name: int(code) for name, code in found.items()} == {
        "USAGE": errors.USAGE_ERROR,
        "CANNOT": errors.CANNOT_PROTECT,
        "NOT_FOUND": errors.NOT_FOUND,
        "INSPECTION": errors.INSPECTION_ERROR,
        "PTRACE": errors.TRACER_ERROR,
        "CORE_LIMIT": errors.CORE_LIMIT_ERROR,
        "ENVIRONMENT": errors.ENVIRONMENT_ERROR,
    }
    of_steps: dict[str, int] = dict.fromkeys(STEPS, errors.INSPECTION_ERROR)
    of_steps["core_limit"] = errors.CORE_LIMIT_ERROR
    of_steps["environment"] = errors.ENVIRONMENT_ERROR
    assert of_steps == _native.STEPS


def test_the_package_has_the_same_objects() -> None:
    """The lazy names of the extension lead here."""
    assert ph.Policy is Policy
    assert ph.DEFAULT is DEFAULT
    assert ph.STRICT is STRICT
