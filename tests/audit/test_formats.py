"""The formats for machines: each is what its own readers and schemas accept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit.rules import PROCESS_RULES
from process_hardening.audit.rules.tables import RULES
from zoo import COMMAND, HARDENED, Animal, audit, audit_json

DOCS = Path(__file__).parents[2] / "docs"

HOSTILE = "name=<&\"'\\\n\x1b>\x0b"


def schema() -> Any:
    """The validator of the published schema."""
    jsonschema = support.import_module("jsonschema")
    document = json.loads((DOCS / "audit.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def test_json_is_as_its_schema_says(animal: Path, injected: Path) -> None:
    """Of all processes and of every kind of them, and a damaged document is not."""
    validator = schema()
    env = {"LD_PRELOAD": str(injected), "A_TOKEN": "x"}
    with (
        Animal(animal, HOSTILE, "--password", "x", env=env) as one,
        Animal(animal, *HARDENED) as hardened,
        Animal(animal, "zombie") as zombie,
    ):
        for arguments in (["--all"], ["--tree"], [one.pid, hardened.pid, zombie.pid]):
            document = audit_json(*arguments)
            validator.validate(document)
            pids = [process["pid"] for process in document["processes"]]
            assert {one.pid, hardened.pid} <= set(pids)
            for damage in ({"schema": 2}, {"processes": [{"pid": 1}]}, {"surprise": 1}):
                assert not validator.is_valid({**document, **damage})


def test_json_of_doctor_is_as_its_schema_says() -> None:
    """The same schema, another document of it."""
    done = support.run([COMMAND, "doctor", "--json", "--fail-on", "never"])
    assert done.returncode in (0, 3), done.stderr
    document = json.loads(done.stdout)
    schema().validate(document)
    assert {finding["id"] for finding in document["findings"]} <= set(RULES)


def test_openmetrics(animal: Path, user_tmp: Path) -> None:
    """Read by Prometheus' own parsers, that of OpenMetrics and that of the older format."""
    parser = support.import_module("prometheus_client.openmetrics.parser")
    older = support.import_module("prometheus_client.parser")
    path = user_tmp / "audit.prom"
    with Animal(animal, HOSTILE) as one, Animal(animal, *HARDENED, "name=safe") as safe:
        done = audit(one.pid, safe.pid, "--openmetrics", path)
        assert done.returncode == 1
        text = path.read_text()
    for parse in (parser.text_string_to_metric_families, older.text_string_to_metric_families):
        samples = [sample for family in parse(text) for sample in family.samples]
        by_verdict = {
            s.labels["verdict"]: s.value for s in samples if s.name == "process_hardening_processes"
        }
        assert by_verdict == {"hardened": 1, "exposed": 1, "partial": 0, "unknown": 0}
        named = [s for s in samples if s.name == "process_hardening_processes_by_name"]
        assert {s.labels["verdict"]: s.labels["name"] for s in named} == {
            "hardened": "safe",
            "exposed": "<&\"'\\\\n\\x1b>\\x0b",
        }
        assert {s.labels["program"] for s in named} == {"animal"}
        counts = {
            s.labels["id"]: s.value for s in samples if s.name == "process_hardening_findings"
        }
        assert counts["PH001"] == 1
        assert set(counts) == {rule.id for rule in PROCESS_RULES}
        complete = [s.value for s in samples if s.name == "process_hardening_audit_complete"]
        assert complete == [1]


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [
        (b"\x1bA", b"\\x1bA", "\\x1bA"),
        (b"\xffA", b"\\xffA", "\\xffA"),
        (b"\xc2\x9bA", b"\x9bA", "\\x9bA"),
    ],
)
def test_openmetrics_counts_names_that_look_alike_together(
    animal: Path, user_tmp: Path, first: bytes, second: bytes, label: str
) -> None:
    """Prometheus rejects a file that has the same series twice."""
    parser = support.import_module("prometheus_client.openmetrics.parser")
    path = user_tmp / "audit.prom"
    names = [f"name={os.fsdecode(name)}" for name in (first, second)]
    with Animal(animal, names[0]) as one, Animal(animal, names[1]) as two:
        done = audit(one.pid, two.pid, "--openmetrics", path)
    assert done.returncode == 1, done.stderr
    samples = [
        s for f in parser.text_string_to_metric_families(path.read_text()) for s in f.samples
    ]
    named = [s for s in samples if s.name == "process_hardening_processes_by_name"]
    assert [(s.labels["name"], s.value) for s in named] == [(label, 2)]


def test_two_forms_at_once(animal: Path, user_tmp: Path) -> None:
    """JSON on standard output, and metrics in a file."""
    path = user_tmp / "audit.prom"
    with Animal(animal) as one:
        done = audit(one.pid, "--json", "--openmetrics", path)
        assert json.loads(done.stdout)["schema"] == 1
        assert path.read_text().endswith("# EOF\n")
