"""The ways into a fleet: the Ansible fact and playbook, and the alert rules."""

from __future__ import annotations

import configparser
import json
import pwd
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

import support
from zoo import COMMAND, HARDENED, Animal, audit

EXAMPLES = Path(__file__).parents[2] / "examples"
ANSIBLE = EXAMPLES / "ansible"
PATH = "/usr/bin:/bin"
WITH_COMMAND = f"{Path(COMMAND).parent}:{PATH}"


def play(
    folder: Path,
    hosts: Collection[str],
    *arguments: str,
    playbook: Path = ANSIBLE / "audit.yml",
    path: str = WITH_COMMAND,
    **variables: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a playbook over hosts of the inventory, with folders of its own for what it writes."""
    values = {"facts_folder": str(folder / "facts.d"), "report_folder": str(folder / "reports")}
    argv = [support.find_tool("ansible-playbook"), "-i", str(ANSIBLE / "inventory.ini"),
            str(playbook), "--limit", ",".join(hosts), *arguments,
            "-e", json.dumps({**values, **variables})]  # fmt: skip
    env = {
        "PATH": path,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
    }
    return support.run(argv, cwd=str(folder), env=env)


def play_each(
    folder: Path, given: Mapping[str, Mapping[str, Any]], *arguments: str, **options: Any
) -> str:
    """Return what the playbook prints when each host has variables and a folder of its own.

    given -- the hosts and their variables, as if by -e; options -- those of play() for all
    """
    for host, variables in given.items():
        (folder / f"{host}.json").write_text(json.dumps(variables))
    include = {"ansible.builtin.include_vars": f"{folder}/{{{{ inventory_hostname }}}}.json"}
    plays = [
        {"hosts": "all", "gather_facts": False, "tasks": [include]},
        {"import_playbook": str(ANSIBLE / "audit.yml")},
    ]
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps(plays))
    options["facts_folder"] = f"{folder}/{{{{ inventory_hostname }}}}"
    return play(folder, given, *arguments, playbook=playbook, **options).stdout


NOTHING_ELSE: dict[str, Any] = {"fail_on_leaks": False, "fail_on_host_severities": []}
"""The variables of a play that fails only for what is expected to be hardened."""


def test_the_playbook(tmp_path: Path, animal: Path) -> None:
    """Every host is audited, and passes when what must be hardened is."""
    hosts = ("web-1", "worker-1")
    with Animal(animal, *HARDENED, "name=zoo-good") as good, Animal(animal, "name=zoo-bad") as bad:
        done = play(tmp_path, hosts, expected_hardened=["^zoo-good$"], **NOTHING_ELSE)
    assert done.returncode == 0, done.stdout + done.stderr
    for host in hosts:
        facts = json.loads((tmp_path / f"reports/{host}.json").read_text())
        verdicts = {p["pid"]: p["verdict"] for p in facts["audit"]["processes"]}
        assert (verdicts[good.pid], verdicts[bad.pid]) == ("hardened", "exposed")
        assert facts["doctor"]["schema"] == 1


def test_the_playbook_names_everything_that_is_wrong(
    tmp_path: Path, animal: Path, user_tmp: Path
) -> None:
    """By default also a secret that is open, and on a host without the package what to do.

    The name of a program is no template. As with `-e fail_on_leaks=false`, a variable may be a
    word, and it may name a command that is not in the PATH of the host.
    """
    program = shutil.copy(animal, user_tmp / "keeper.{{7*7}}")
    named = {"process_hardening_command": COMMAND}
    words = {"fail_on_leaks": "false", "fail_on_host_severities": "high"}
    given: dict[str, dict[str, Any]] = {
        "web-1": {**named, "expected_hardened": ["^keeper", "zoo-tpyo"]},
        "web-2": {**named, **words, "expected_hardened": "zoo-bad"},
        "worker-1": {},
    }
    with Animal(program, "name=zoo-bad", env={"A_KEY": "x"}) as keeper:
        output = play_each(tmp_path, given, path=PATH, report_folder="")
    wrong = f"keeper.{{{{7*7}}}} of {pwd.getpwuid(support.USER).pw_name} ({keeper.pid}): "
    assert f"web-1: others can read secrets of {wrong}" in output
    assert f"web-1: not hardened: {wrong}" in output
    assert "web-1: nothing matched: no process is named zoo-tpyo" in output
    assert f"web-2: not hardened: {wrong}" in output
    assert f"harden -- '{program}' ..." in output
    assert "web-2: others can read" not in output
    assert "worker-1: no audit. Is the package installed?" in output
    assert output.count("failed=1") == len(given)


def test_the_playbook_changes_nothing_when_it_only_checks(tmp_path: Path) -> None:
    """A new host is left out; a host with the fact is audited."""
    (tmp_path / "web-2").mkdir()
    shutil.copy(ANSIBLE / "facts.d/process_hardening.fact", tmp_path / "web-2")
    expected = {"expected_hardened": "zoo-tpyo", **NOTHING_ELSE}
    output = play_each(tmp_path, {"web-1": expected, "web-2": expected}, "--check")
    assert "web-1: not audited, because --check does not install the fact" in output
    assert "web-2: nothing matched: no process is named zoo-tpyo" in output
    assert not (tmp_path / "web-1").exists()
    assert not (tmp_path / "reports").exists()


def test_the_fact_without_the_package() -> None:
    """Is a fact, not a failure of the play."""
    fact = EXAMPLES / "ansible/facts.d/process_hardening.fact"
    done = support.run([str(fact)], env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"audit": None, "doctor": None}


def test_the_alert_rules_use_what_is_written(animal: Path, tmp_path: Path) -> None:
    """Every metric, label, value and finding that they name exists."""
    yaml = support.import_module("yaml")
    rules = yaml.safe_load((EXAMPLES / "prometheus/alerts.yml").read_text())
    path = tmp_path / "x.prom"
    with Animal(animal, env={"A_KEY": "x"}) as one:
        audit(one.pid, "--openmetrics", path)
    text = path.read_text()
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(expressions) >= 3
    for expression in expressions:
        for metric in re.findall(r"process_hardening_\w+", expression):
            assert f"# TYPE {metric} gauge" in text
        for label in re.findall(r'(\w+)(?:=~|!=|=)"', expression):
            assert label in ("instance", "job") or f'{label}="' in text  # the scrape adds these
    assert 'id="PH008"' in text


AUDITED = {
    "up{job='node',instance='a'}": "1x500",
    "process_hardening_audit_complete{instance='a'}": "1x500",
    "process_hardening_audit_timestamp_seconds{instance='a'}": "0+240x500",
    "process_hardening_processes_by_name{instance='a',name='gunicorn',program='gunicorn',"
    "user='web',verdict='hardened'}": "2x500",
    "process_hardening_processes_by_name{instance='a',name='celery',program='celery',user='web',"
    "verdict='hardened'}": "2x500",
    "process_hardening_processes_by_name{instance='a',name='python3',program='python3 keeper.py',"
    "user='web',verdict='hardened'}": "1x500",
    "process_hardening_findings{instance='a',id='PH008',severity='high'}": "0x500",
    "process_hardening_secrets_exposed{instance='a',user='web',open_to='same_user'}": "0x500",
}
"""A host on which all is well: its series, a sample every four minutes."""


def by_name(name: str, program: str, verdict: str) -> str:
    """The series that counts the processes of a program."""
    return (
        f"process_hardening_processes_by_name{{instance='a',name='{name}',program='{program}',"
        f"user='web',verdict='{verdict}'}}"
    )


STAMP = "process_hardening_audit_timestamp_seconds{instance='a'}"
EXPOSED = "process_hardening_secrets_exposed{instance='a',user='web',open_to='same_user'}"
PH008 = "process_hardening_findings{instance='a',id='PH008',severity='high'}"
LEAK = (
    "process_hardening_leaks{instance='a',user='web',program='node a.js',reason='readable',"
    "severity='high'}"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({by_name("gunicorn", "gunicorn", "exposed"): "1x500"}, ["ProcessNotHardened gunicorn"]),
        (
            {
                by_name("gunicorn", "gunicorn", "hardened"): None,
                by_name("gunicorn: maste", "python3", "exposed"): "1x500",
            },
            ["ProcessNotHardened python3"],
        ),
        (
            {by_name("python3", "python3 keeper.py", "partial"): "1x500"},
            ["ProcessNotHardened python3 keeper.py"],
        ),
        ({by_name("gunicorn", "gunicorn", "hardened"): None}, ["ProcessNotFound gunicorn"]),
        ({by_name("celery", "celery", "hardened"): "2x250 stale"}, ["ProcessNotFound celery"]),
        (
            {by_name("python3", "python3 keeper.py", "hardened"): None},
            ["ProcessNotFound keeper.py"],
        ),
        ({LEAK: "3x500"}, ["SecretExposed node a.js"]),
        ({EXPOSED: "0x475 2x25"}, ["SecretsExposedMore"]),
        ({EXPOSED: "0x100 2x400"}, []),
        ({PH008: "1x500"}, ["LibraryInjected"]),
        ({STAMP: "0+240x475 114000x25"}, ["HardeningAuditStale"]),
        ({STAMP: "0+240x488 stale"}, ["HardeningAuditMissing"]),
        ({STAMP: None}, ["HardeningAuditMissing"]),
        (
            {"process_hardening_audit_complete{instance='a'}": "0x500"},
            ["HardeningAuditIncomplete"],
        ),
        (
            dict.fromkeys(AUDITED),
            [
                "HardeningAuditMissing",
                *(f"ProcessNotFound {name}" for name in ("celery", "gunicorn", "keeper.py")),
            ],
        ),
    ],
)
def test_the_alerts_fire_when_they_should(
    changes: dict[str, str | None], expected: list[str], tmp_path: Path
) -> None:
    """Prometheus' own test of rules, with series that are added to a good host or left out."""
    series = {name: values for name, values in {**AUDITED, **changes}.items() if values}
    alerts = 'label_join(ALERTS{alertstate="firing"}, "fired", " ", "alertname", "program")'
    fired = [one if " " in one else f"{one} " for one in expected]
    samples = [{"labels": f'{{fired="{one}"}}', "value": 1} for one in fired]
    document = {
        "rule_files": [str(EXAMPLES / "prometheus/alerts.yml")],
        "evaluation_interval": "20m",
        "tests": [
            {
                "interval": "4m",
                "input_series": [
                    {"series": name, "values": values} for name, values in series.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"group by (fired) ({alerts})",
                        "eval_time": "33h",
                        "exp_samples": samples,
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(json.dumps(document))
    done = support.run([support.find_tool("promtool"), "test", "rules", str(file)])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_to_fire() -> None:
    """By the test above."""
    yaml = support.import_module("yaml")
    document = yaml.safe_load((EXAMPLES / "prometheus/alerts.yml").read_text())
    alerts = {rule["alert"] for group in document["groups"] for rule in group["rules"]}
    (mark,) = test_the_alerts_fire_when_they_should.pytestmark  # type: ignore[attr-defined]
    assert {one.split(" ")[0] for _, fired in mark.args[1] for one in fired} == alerts


def test_the_dashboard_shows_what_is_written(animal: Path, tmp_path: Path) -> None:
    """Its panels do not overlap; every metric, label and value that they ask for exists."""
    dashboard = json.loads((EXAMPLES / "grafana/process-hardening.json").read_text())
    path = tmp_path / "x.prom"
    with Animal(animal, env={"A_KEY": "x"}):
        audit("--openmetrics", path)
    text = path.read_text()
    cells: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) >= 5
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        cells |= taken
        assert place["x"] + place["w"] <= 24
        assert {"type", "title", "datasource", "targets", "fieldConfig"} <= set(panel)
        for target in panel["targets"]:
            check_expression(target["expr"], text)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard)))
    assert used <= {*variables, "__range"}  # Grafana's own


def test_the_dashboard_shows_no_value_of_before() -> None:
    """When the metrics are gone, a number must not stay, and no data must not look like none."""
    dashboard = json.loads((EXAMPLES / "grafana/process-hardening.json").read_text())
    for panel in dashboard["panels"]:
        if panel["type"] != "timeseries":
            assert [target["instant"] for target in panel["targets"]] == [True]
            assert not panel["targets"][0]["expr"].endswith("or vector(0)")


def check_expression(expression: str, text: str) -> None:
    """Check that what an expression of PromQL asks for is in what audit wrote."""
    assert expression.count("(") == expression.count(")")
    for metric in re.findall(r"process_hardening_\w+", expression):
        assert f"# TYPE {metric} gauge" in text
    for label, value in re.findall(r'(\w+)="([^"]*)"', expression):
        assert f'{label}="{value}"' in text
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        for label in labels.split(", "):
            assert label == "instance" or f'{label}="' in text


def test_the_service_runs(tmp_path: Path) -> None:
    """Its command line is one that the command takes."""
    unit = (EXAMPLES / "prometheus/process-hardening-audit.service").read_text()
    (line,) = re.findall(r"^ExecStart=/usr/bin/env process-hardening (.*)$", unit, re.MULTILINE)
    *arguments, path = line.split()
    assert path.startswith("/var/lib/prometheus/")
    done = support.run([COMMAND, *arguments, str(tmp_path / "x.prom")])
    assert done.returncode in (0, 3)
    assert (tmp_path / "x.prom").exists()


def test_the_service_prints_nothing_into_the_journal_but_errors() -> None:
    """Whatever audit prints: it may have the arguments of programs."""
    unit = configparser.ConfigParser()
    unit.read(EXAMPLES / "prometheus/process-hardening-audit.service")
    service = unit["Service"]
    assert (service["StandardOutput"], service["StandardError"]) == ("null", "journal")
