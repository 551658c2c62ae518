"""The lines of --explain as JSON: their labels in the C code, and the keys in the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from process_hardening import startup_hook
from process_hardening.cli.facts import parse_facts, write_facts

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "native" / "launch"
ONLY_HARDEN = {"confined"}  # `run` starts itself again under `confine` instead


def read_labels(name: str) -> set[str]:
    """Return the labels that a C file prints with --explain."""
    calls = r'\b(?:say|ph_add_fact)\((?:&text, )?"([^"]+)"'
    return set(re.findall(calls, (LAUNCH / name).read_text()))


@pytest.mark.parametrize("name", ["explain.c", "confine.c"])
def test_every_label_of_the_c_code_becomes_a_key(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its value is kept as it is, whatever is in it; a warning is one of a list."""
    labels = sorted(read_labels(name))
    assert {"program", "warning"} < {*labels}
    value = "  a: b:  c "
    text = "".join(f"{label + ':':<18}{value}\n" for label in labels)
    write_facts(parse_facts(text), as_json=True)
    keys = {label.replace(" ", "_") for label in labels if label != "warning"}
    expected = {"schema": 1, "warnings": [value], **dict.fromkeys(keys, value)}
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("name", "page"), [("explain.c", "harden.md"), ("confine.c", "confine.md")]
)
def test_every_key_is_documented(name: str, page: str) -> None:
    """As `key`, in the part of the page that is about JSON."""
    text = (ROOT / "docs" / page).read_text()
    part = text[text.index("--explain --json") :].partition("\n## ")[0]
    labels = read_labels(name) - ONLY_HARDEN - {"warning"}
    keys = {label.replace(" ", "_") for label in labels} | {"schema", "warnings"}
    assert {key for key in keys if f"`{key}`" not in part} == set()


def test_values_begin_where_the_c_code_puts_them() -> None:
    """And every label leaves a blank before it."""
    (width,) = re.findall(r"#define LABEL_WIDTH (\d+)", (LAUNCH / "output.c").read_text())
    assert parse_facts("a:".ljust(int(width)) + "value") == [("a", "value")]
    labels = read_labels("explain.c") | read_labels("confine.c")
    assert max(len(f"{label}:") for label in labels) < int(width)


def test_the_start_up_hook_gives_the_same_causes_of_an_exposed_start() -> None:
    """As the launcher, in explain.h; only what was exposed differs."""
    (macro,) = re.findall(
        r"#define PH_EXPOSED_UNEXPECTEDLY((?:.*\\\n)+.*)", (LAUNCH / "explain.h").read_text()
    )
    in_c = "".join(re.findall(r'"(.*)"', macro))
    assert in_c.partition(": ")[2] == startup_hook._EXPOSED.partition(": ")[2] != ""


def test_several_warnings_are_a_list_and_none_is_an_empty_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So that nobody has to ask which of the two it is."""
    for warnings in ([], ["one"], ["one", "two"]):
        write_facts([("program", "x"), *(("warning", text) for text in warnings)], as_json=True)
        found = json.loads(capsys.readouterr().out)
        assert found == {"schema": 1, "program": "x", "warnings": warnings}
