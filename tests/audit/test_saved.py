"""Audits that were saved: read back, compared, and refused when they cannot be."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import support
from machines import HOST, audit_of, hardened, process
from process_hardening.audit.posture import Posture
from process_hardening.audit.render import html
from process_hardening.audit.render.json import audit_as_dict, merged_as_dict, render
from process_hardening.audit.render.screen import render_comparison
from process_hardening.audit.result import Audit
from process_hardening.audit.saved import (
    NOT_AN_AUDIT,
    Saved,
    compare,
    merge,
    read_known,
    read_saved,
)
from zoo import COMMAND, HARDENED, Animal, audit


def saved(*postures: Posture, **fields: Any) -> Saved:
    """An audit of these processes, as it comes back from JSON."""
    return read_saved(json.loads(json.dumps(audit_as_dict(audit_of(*postures, **fields)))))


HERE = {"name": os.uname().nodename, "kernel": os.uname().release}
LEAKS = process(1, "app", secret_variables=("A_KEY", "B_KEY"))


def test_an_audit_comes_back_as_it_was() -> None:
    audits = audit_of(LEAKS, hardened(2, "safe"), process(3, "x", tracer_pid=1))
    assert read_saved(audit_as_dict(audits)).groups == audits.groups


@pytest.mark.parametrize(
    ("after", "better", "worse"),
    [
        ([LEAKS], [], []),
        ([process(9, "app", secret_variables=("A_KEY", "B_KEY"))], [], []),
        ([hardened(1, "app", secret_variables=("A_KEY", "B_KEY"))], ["A_KEY", "B_KEY"], []),
        ([process(1, "app", secret_variables=("A_KEY",))], ["B_KEY"], []),
        ([], ["A_KEY", "B_KEY"], []),
        ([LEAKS, process(2, "new", secret_variables=("C_KEY",))], [], ["C_KEY"]),
        ([LEAKS, process(2, "new", tracer_pid=9)], [], ["a debugger is attached to it"]),
        ([LEAKS.replace(core_limit=(9999, 9999))], [], ["A_KEY", "B_KEY"]),
    ],
)
def test_what_got_better_and_worse(
    after: list[Posture], better: list[str], worse: list[str]
) -> None:
    found = compare(saved(LEAKS), saved(*after))
    assert [change.secret for change in found.better] == better
    assert [change.secret for change in found.worse] == worse


def test_a_comparison_in_words() -> None:
    before, after = saved(LEAKS), saved(process(2, "new", secret_variables=("C_KEY",)))
    lines = render_comparison(compare(before, after)).splitlines()
    assert lines[0] == "Since 1970-01-01T00:00:00Z: 1 worse, 2 better."
    assert "worse   new (ada)  C_KEY is open to programs of the same user" in lines
    assert "better  app (ada)  A_KEY: the program no longer runs" in lines
    assert "  secrets open to programs of the same user: 2 -> 1" in lines


def test_the_command_compares(animal: Path, user_tmp: Path) -> None:
    """Worse: 1; the same: 0; better: 0, also when findings are left."""
    path = user_tmp / "before.json"
    options = ["--name", "zoo-compared", "--exclude", "PH004"]
    secret = {"A_KEY": "value-of-key"}
    with Animal(animal, "name=zoo-compared", *HARDENED) as one:
        path.write_text(audit("--json", *options).stdout)
        same = audit("--compare", path, *options)
        assert (same.returncode, same.stderr) == (0, ""), same.stdout
        with Animal(animal, "name=zoo-compared", env=secret):
            worse = audit("--compare", path, *options)
            assert worse.returncode == 1
            assert "A_KEY is open to" in worse.stdout
            assert "value-of-key" not in worse.stdout
            assert audit("--compare", path, *options, "--fail-on", "never").returncode == 0
            document = json.loads(audit("--compare", path, *options, "--json").stdout)
            assert [change["secret"] for change in document["comparison"]["worse"]] == ["A_KEY"]
            path.write_text(audit("--json", *options).stdout)
        better = audit("--compare", path, *options)
        assert better.returncode == 0, better.stdout
        assert "better" in better.stdout
        assert str(one.pid) not in better.stdout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": None}, "damaged, or made by another version (groups is missing)"),
        ({"schema": 2}, "another version"),
        ({"host": {**HERE, "name": "web-9", "machine": None}}, "from host 'web-9'"),
        ({"scope": ["--python"]}, "made with --python, but this audit has no options"),
        ({"host": {**HERE, "machine": "0123"}}, "another machine that is also named"),
        ({"asked_by": 4242}, "made by uid 4242"),
        ({"groups": [{}]}, "damaged"),
        ({"groups": 3}, "damaged"),
        ({"processes": None}, "not the JSON of an audit"),
    ],
    ids=str,
)
def test_an_audit_that_cannot_be_compared_is_one_line(
    changes: dict[str, Any], said: str, user_tmp: Path
) -> None:
    """None takes a key away. The status is 2."""
    document = {**json.loads(audit("--json", "--fail-on", "never").stdout), **changes}
    path = user_tmp / "before.json"
    kept = {key: value for key, value in document.items() if value is not None}
    path.write_text(json.dumps(kept))
    done = audit("--compare", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": None}, "damaged, or made by another version (groups is missing)"),
        ({"host": {"name": "web-1", "kernel": "6.1"}}, "(host.machine is missing)"),
        ({"schema": 2}, "made by another version"),
        ({"groups": [{}]}, "damaged"),
        ({"processes": None}, "not the JSON of an audit"),
    ],
    ids=str,
)
def test_an_audit_that_cannot_be_merged_is_one_line(
    changes: dict[str, Any], said: str, user_tmp: Path
) -> None:
    """It is named, and nothing is written, though the other file is sound."""
    sound, odd, page = (user_tmp / name for name in ("sound.json", "odd.json", "page.html"))
    document = json.loads(json.dumps(audit_as_dict(audit_of(LEAKS))))
    sound.write_text(json.dumps(document))
    changed = {key: value for key, value in {**document, **changes}.items() if value is not None}
    odd.write_text(json.dumps(changed))
    done = audit("merge", sound, odd, "--html", page)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"{odd}: " in done.stderr
    assert said in done.stderr
    assert not page.exists()


def test_merged_audits_are_one_document(user_tmp: Path) -> None:
    """The newest of each host, compared with its first where both are of the same processes.

    An audit of some processes does not speak for the host.
    """
    other = HOST.replace(name="web-2")
    audits = {
        "old": audit_of(LEAKS, taken=1.0),
        "new": audit_of(hardened(1, "app", secret_variables=("A_KEY", "B_KEY")), taken=2.0),
        "other": audit_of(LEAKS).replace(host=other, taken=3.0),
        "scoped": audit_of(LEAKS).replace(host=other, taken=4.0, scope=("--python",)),
    }
    for name, one in audits.items():
        (user_tmp / f"{name}.json").write_text(json.dumps(audit_as_dict(one)))
    done = audit("merge", "--json", *(user_tmp / f"{name}.json" for name in audits))
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["hosts"]
    assert (first["name"], first["exposure"]["same_user"], first["comparable"]) == (
        "web-1",
        0,
        True,
    )
    assert [change["secret"] for change in first["comparison"]["better"]] == ["A_KEY", "B_KEY"]
    assert (second["name"], second["taken"]) == ("web-2", "1970-01-01T00:00:03Z")
    assert (second["comparable"], second["comparison"]) == (False, None)
    (left_out,) = second["left_out"]
    assert (left_out["taken"], left_out["scope"]) == ("1970-01-01T00:00:04Z", ["--python"])


def on_machine(audit: Audit, machine_id: str, **fields: Any) -> Saved:
    """An audit of a machine with this id, which is named web-1."""
    host = HOST.replace(machine_id=machine_id)
    return read_saved(audit_as_dict(audit.replace(host=host))).replace(**fields)


def test_two_machines_with_one_name_are_two_hosts() -> None:
    """A clean one does not hide one that leaks; each is named with its file."""
    leaking = on_machine(audit_of(LEAKS), "a" * 32, source="a.json")
    clean = on_machine(audit_of(hardened(1, "app"), taken=9.0), "b" * 32, source="b.json")
    hosts = merge([leaking, clean])
    assert {host.name for host in hosts} == {"web-1 (a.json)", "web-1 (b.json)"}
    assert [host.comparison for host in hosts] == [None, None]
    assert "web-1 (a.json)" in html.render([leaking, clean])
    assert "1 program holds secrets" in html.render([leaking, clean])


def test_a_machine_without_an_id_may_be_another() -> None:
    """The page says that only the name tells its audits apart."""
    audits = [on_machine(audit_of(LEAKS, taken=taken), "") for taken in (1.0, 2.0)]
    (host,) = merge(audits)
    assert not host.is_identified
    assert "another host with that name may be among them" in html.render(audits)
    assert all(h.is_identified for h in merge([on_machine(audit_of(LEAKS), "c" * 32)] * 2))


def test_a_machine_that_has_no_id_is_not_the_one_that_has_an_id() -> None:
    """A container without an id can have the name of its host."""
    audits = [
        on_machine(audit_of(LEAKS, taken=1.0), "", source="container.json"),
        on_machine(audit_of(hardened(1, "app"), taken=2.0), "a" * 32, source="host.json"),
    ]
    names = {host.name for host in merge(audits)}
    assert names == {"web-1 (container.json)", "web-1 (host.json)"}


def test_the_machine_id_itself_is_not_stored() -> None:
    """machine-id(5) asks for that; the hash is of 64 bits."""
    document = audit_as_dict(audit_of(LEAKS).replace(host=HOST.replace(machine_id="d" * 32)))
    expected = hashlib.sha256(b"process-hardening " + b"d" * 32).hexdigest()[:16]
    assert document["host"]["machine"] == expected
    assert "d" * 16 not in json.dumps(document)
    assert audit_as_dict(audit_of(LEAKS))["host"]["machine"] is None


def test_a_file_of_the_playbook_is_of_the_host_that_it_is_named_after(user_tmp: Path) -> None:
    """Whatever the machine calls itself: the example's inventory has three names for one."""
    document = {"audit": audit_as_dict(audit_of(LEAKS)), "doctor": None}
    paths = [user_tmp / "web-1.json", user_tmp / "web-2.json"]
    for path in paths:
        path.write_text(json.dumps(document))
    done = audit("merge", "--json", *paths)
    assert [host["name"] for host in json.loads(done.stdout)["hosts"]] == ["web-1", "web-2"]


STRANGE: tuple[Any, ...] = (
    -1,
    0,
    2**32,
    10**30,
    1.5,
    1e999,
    True,
    None,
    "",
    "x",
    "\x1b[2J",
    "\ud800",
    [],
    [[0]],
    {},
)


def list_places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where every value of a document is, as keys and positions; also where lists are."""
    yield place
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from list_places(value[key], (*place, key))


def put(document: Any, place: tuple[Any, ...], value: object) -> Any:
    """A copy of a document with another value in a place."""
    if not place:
        return value
    found = json.loads(json.dumps(document))
    parent = reduce(lambda part, key: part[key], place[:-1], found)
    parent[place[-1]] = value
    return found


def test_a_document_with_any_strange_value_is_understood_or_refused() -> None:
    """Nothing but a ValueError comes of it, and what is understood can be shown."""
    whole = json.loads(json.dumps(audit_as_dict(audit_of(LEAKS, hardened(2, "safe")))))
    places = list(list_places(whole))
    refused = set()
    for place in places:
        for value in STRANGE:
            document = put(whole, place, value)
            with suppress(ValueError):
                read_known(document)
            try:
                one = read_saved(document)
            except ValueError:
                refused.add(place)
                continue
            if place[:1] not in (("processes",), ("exposure",)):  # what they hold is not shown
                assert html.render([one]).encode()
                assert render(merged_as_dict(merge([one])))
    for name in ("asked_by", "taken", "scope", "notes"):
        assert (name,) in refused
    for field in ("uid", "pids", "reason", "severity", "secrets", "open_to", "commands"):
        assert ("groups", 0, field) in refused


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("asked_by",), "x", "asked_by is not a number from 0 to 4294967294"),
        (("asked_by",), True, "asked_by is not a number"),
        (("asked_by",), -1, "asked_by is not a number"),
        (("taken",), "now", "taken is not a time such as 2026-01-31T12:00:00Z"),
        (("host", "name"), None, "host.name is not a string"),
        (("groups", 0, "uid"), 4294967295, "groups[0].uid is not a number from 0 to 4294967294"),
        (("groups", 0, "uid"), "1000", "groups[0].uid is not a number"),
        (("groups", 0, "pids"), [1.5], "groups[0].pids[0] is not a number from 0 to 4194304"),
        (("groups", 0, "pids"), "12", "groups[0].pids is not a list"),
        (("groups", 0, "secrets", 0), "A_KEY", "groups[0].secrets[0] is not an object"),
        (("groups", 0, "reason"), "new_reason", "groups[0].reason is not known here"),
        (("groups", 0), {}, "groups[0].user is missing"),
        (("summary", "verdicts", "exposed"), 1e999, "summary.verdicts.exposed is not a number"),
        (("schema",), True, "not schema 1"),
    ],
    ids=str,
)
def test_a_malformed_audit_is_one_line_that_says_where_and_what_to_do(
    place: tuple[Any, ...], value: object, said: str, user_tmp: Path
) -> None:
    """With the name of the file. The status is 2."""
    whole = json.loads(json.dumps(audit_as_dict(audit_of(LEAKS))))
    path = user_tmp / "odd.json"
    path.write_text(json.dumps(put(whole, place, value)))
    done = audit("merge", path, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"process-hardening: {path}: ")
    assert said in line
    assert line.endswith("run the audit again with this version")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("processes", 0, "findings", 0, "fingerprint"), 1),
        (("processes", 0, "findings"), "x"),
        (("processes", 0), None),
        (("taken",), ["now"]),
    ],
    ids=str,
)
def test_a_malformed_baseline_is_one_line(
    place: tuple[Any, ...], value: object, user_tmp: Path
) -> None:
    """It does not count as one that knows nothing."""
    whole = json.loads(json.dumps(audit_as_dict(audit_of(LEAKS))))
    path = user_tmp / "odd.json"
    path.write_text(json.dumps(put(whole, place, value)))
    done = audit("--baseline", path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"process-hardening: {path}: damaged")
    assert line.endswith("run the audit again with this version")


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\x00"], ids=range(5))
def test_a_damaged_file_is_one_line(text: str, user_tmp: Path) -> None:
    path = user_tmp / "before.json"
    path.write_text(text)
    for arguments in (["--compare", path], ["--baseline", path], ["merge", path, "--html"]):
        done = audit(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"process-hardening: {path}: {NOT_AN_AUDIT}\n"


def test_a_missing_file_is_one_line() -> None:
    done = support.run([COMMAND, "audit", "--compare", "/nonexistent/file"])
    assert (done.returncode, done.stderr) == (
        2,
        "process-hardening: /nonexistent/file: No such file or directory\n",
    )
