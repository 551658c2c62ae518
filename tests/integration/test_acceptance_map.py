"""docs/acceptance.md names every part of the specification, and only tests that exist."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "docs" / "acceptance.md"
ACCEPTANCE = "tests/integration/test_acceptance.py"
C_TESTS = "tests/native/test_c.py"

SPECIFICATION = [
    *("P1", "P1.1", "P1.2", "P1.3", "P2", "P2.1", "P2.2", "P3", "P3.1", "P3.2"),
    *("E1", "E2", "E3", "E4", "E5"),
    *("FR1", "FR2", "FR3", "FR4", "FR5", "FR6"),
    *("NFR-Performance", "NFR-Security", "NFR-Reliability", "NFR-Compatibility"),
    *("SC1", "SC2", "SC3", "SC4", "SC5", "SC6"),
    *("VC1", "VC2", "VC3", "VC4"),
    "CL1",
]
"""What the specification consists of, in its order."""


@functools.cache
def functions_in(file: str) -> set[str]:
    """The names of the test functions of a file; none when there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    body = ast.parse(path.read_text()).body
    return {
        node.name for node in body if isinstance(node, functions) and node.name.startswith("test_")
    }


@functools.cache
def c_tests() -> set[str]:
    """The names of the C tests that test_c.py expects to run: all sets in it."""
    body = ast.parse((ROOT / C_TESTS).read_text()).body
    values = (node.value for node in body if isinstance(node, ast.Assign))
    return {
        name for value in values if isinstance(value, ast.Set) for name in ast.literal_eval(value)
    }


def rows_of(text: str) -> list[list[str]]:
    """The cells of the rows of all tables, without their heads."""
    rows = []
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if cells[0] and set(cells[0]) != {"-"}:
                rows.append(cells)
    return rows


def number_in(test: str) -> str:
    """The number, as in SPECIFICATION, that a test of the specification has in its name."""
    for number in sorted(SPECIFICATION, key=len, reverse=True):
        if test.startswith(f"test_{re.sub('[.-]', '_', number).lower()}_"):
            return number
    return ""


def faults_of(text: str) -> list[str]:
    """What is wrong with a map, a line each."""
    rows = rows_of(text)
    faults = []
    if [row[0] for row in rows] != SPECIFICATION:
        faults.append("rows: not those of the specification, in its order")
    named = {}
    for number, *cells in rows:
        if len(cells) != 3 or not all(cells):
            faults.append(f"{number}: an empty cell")
            continue
        _, shown_by, checked = cells
        tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", shown_by)
        named[number] = {test for file, test in tests if file == ACCEPTANCE}
        if not tests:
            faults.append(f"{number}: names no test")
        faults += [
            f"{number}: {file} has no {test}"
            for file, test in tests
            if test not in functions_in(file)
        ]
        faults += [
            f"{number}: there is no C test {name}"
            for name in re.findall(r"`ctest (\w+)`", shown_by)
            if name not in c_tests()
        ]
        faults += [
            f"{number}: there is no make target {name}"
            for name in re.findall(r"`make (\w+)`", shown_by)
            if f"\n{name}:" not in (ROOT / "Makefile").read_text()
        ]
        if not re.search(r"\b(kernel|fake|compiled)\b", checked):
            faults.append(f"{number}: does not say how it was checked")
    faults += [
        f"{test}: not in the row that it is named after"
        for test in sorted(functions_in(ACCEPTANCE))
        if test not in named.get(number_in(test), set())
    ]
    return faults


def test_the_map_is_complete() -> None:
    """Every part of the specification has a row, and every row has tests that exist."""
    assert faults_of(MAP.read_text()) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (r"\| E4 .*\n", "", "rows: not those of the specification, in its order"),
        (r"(\| E4 [^|]*)", r"| E3a | more | `tests/x.py::test_x` | kernel |\n\1", "rows: not"),
        (r"(\| SC6 )[^|]*", r"\1| ", "SC6: an empty cell"),
        (r"(\| SC6 \| [^|]*)\| [^|]*", r"\1| looked at it ", "SC6: names no test"),
        (r"::test_vc3_gdb_says\w*", "::test_vc3_is_gone", f"VC3: {ACCEPTANCE} has no test_vc3_is"),
        (r"::test_vc3_gdb_says\w*", "::test_gone", "test_vc3_gdb_says_operation_not_permitted: "),
        ("test_core_dumps.py", "test_gone.py", "P1: tests/integration/test_gone.py has no test_a"),
        ("ctest platform_macos", "ctest platform_beos", "P2.2: there is no C test platform_beos"),
        ("make cross", "make believe", "NFR-Compatibility: there is no make target believe"),
        (r"(\| P1.2 .*)kernel \|", r"\1yes |", "P1.2: does not say how it was checked"),
    ],
)
def test_a_fault_in_the_map_is_found(before: str, after: str, fault: str) -> None:
    """The check above sees each kind of fault."""
    text = re.sub(before, after, MAP.read_text())
    assert [found for found in faults_of(text) if found.startswith(fault)], faults_of(text)
