"""The JSON of audit and doctor, with stable keys; docs/audit.schema.json describes it."""

from __future__ import annotations

import json
import time
from importlib import import_module

from process_hardening.audit.groups import measure, measure_users
from process_hardening.audit.procfs import describe_limits
from process_hardening.audit.reasons import REASONS
from process_hardening.audit.rules import PROCESS_RULES
from process_hardening.state import VERDICTS

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from process_hardening.audit.entries import Entry
    from process_hardening.audit.groups import Exposure, Group
    from process_hardening.audit.host import Host
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.result import Audit, Diagnosis
    from process_hardening.audit.rules.model import Check, Finding, Rule
    from process_hardening.audit.saved import Change, Comparison, History

SCHEMA = 1
"""The version of docs/audit.schema.json."""


def readable(text: str) -> str:
    """Return text as valid Unicode: bytes that are not UTF-8 become backslash escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _names(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else [readable(name) for name in names]


def _finding(finding: Finding, fingerprint: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": finding.id,
        "severity": finding.severity,
        "message": readable(finding.message),
        "fix": readable(finding.fix),
        "commands": [readable(command) for command in finding.commands],
    }
    if fingerprint is None:
        found["breaks"] = finding.rule.breaks
        found["undo"] = [readable(command) for command in finding.undo]
    else:
        found["fingerprint"] = readable(fingerprint)
    return found


def process_as_dict(entry: Entry) -> dict[str, Any]:
    """Return one process as plain values; None: hidden from us, or unknown."""
    posture, crash = entry.posture, entry.crash
    return {
        **_identity(posture, entry.user),
        **_protection(posture),
        **_contents(posture),
        "protected": list(posture.protected),
        "problem": posture.problem,
        "verdict": posture.verdict,
        "outcome": readable(entry.outcome),
        "crash": {
            "destination": crash.destination,
            "target": readable(crash.target),
            "reader": crash.reader,
            "can_be_raised": crash.can_be_raised,
        },
        "findings": [_finding(found, entry.fingerprint(found)) for found in entry.findings],
    }


def _identity(posture: Posture, user: str) -> dict[str, Any]:
    return {
        "pid": posture.pid,
        "ppid": posture.ppid,
        "name": None if posture.is_name_hidden else readable(posture.name),
        "uid": posture.uid,
        "user": None if posture.uid is None else readable(user),
        "exe": None if posture.exe is None else readable(posture.exe),
        "kind": posture.kind,
    }


def _protection(posture: Posture) -> dict[str, Any]:
    return {
        "dumpable": posture.dumpable,
        "dumpable_source": posture.dumpable_source,
        "inspectable": posture.inspectable,
        "core_limit": describe_limits(posture.core_limit),
        "no_new_privs": posture.no_new_privs,
        "seccomp": posture.seccomp,
        "confined": posture.confined,
        "tracer_pid": posture.tracer_pid,
        "capabilities": _names(posture.capabilities),
        "other_user_namespace": posture.other_user_namespace,
    }


def _contents(posture: Posture) -> dict[str, Any]:
    return {
        "loader_variables": _names(posture.loader_variables),
        "injected_libraries": _names(posture.injected_libraries),
        "secret_variables": _names(posture.secret_variables),
        "secret_arguments": _names(posture.secret_arguments),
        "python": posture.python,
        "remote_debugging": posture.remote_debugging,
    }


def _sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal.

    hashlib loads OpenSSL, which takes 5 ms. Python's own random.py avoids it in the same way: the
    C module is called _sha2, and _sha256 before Python 3.12.
    """
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return str(import_module(name).sha256(content).hexdigest())
        except ImportError:
            continue
    raise AssertionError("hashlib is always there")


def _hash_machine_id(machine_id: str) -> str | None:
    """Return a number that identifies the machine, but not its id, which machine-id(5) protects."""
    if not machine_id:
        return None
    return _sha256(f"process-hardening {machine_id}".encode())[:16]


def rules_as_dict(host: Host) -> dict[str, Any]:
    """Return the host settings that affect the verdicts."""
    pattern = host.core.pattern
    return {
        "name": readable(host.name),
        "machine": _hash_machine_id(host.machine_id),
        "system": host.system,
        "kernel": host.kernel,
        "core_pattern": None if pattern is None else readable(pattern),
        "suid_dumpable": host.suid_dumpable,
        "ptrace_scope": host.ptrace_scope,
        "hidepid": host.hidepid,
    }


def group_as_dict(group: Group) -> dict[str, Any]:
    """Return one group as plain values."""
    return {
        "user": readable(group.user),
        "uid": group.uid,
        "program": readable(group.program),
        "names": [readable(name) for name in group.names],
        "reason": group.reason,
        "words": REASONS[group.reason],
        "severity": group.severity,
        "leak": group.is_leak,
        "secrets": [{"name": readable(s.name), "where": s.where} for s in group.secrets],
        "environment_known": group.is_environment_known,
        "open_to": list(group.open_to),
        "count": len(group.pids),
        "pids": list(group.pids),
        "finding": group.finding,
        "fix": readable(group.fix),
        "command": readable(group.command),
        "commands": [readable(command) for command in group.commands],
    }


def exposure_as_dict(exposure: Exposure) -> dict[str, Any]:
    """Return the facts of a user, or of the host, as plain values."""
    return {name: value for name, value in exposure.items() if name != "user"}


def _exposures(groups: tuple[Group, ...]) -> dict[str, Any]:
    return {
        "host": exposure_as_dict(measure(groups)),
        "users": {readable(one.user): exposure_as_dict(one) for one in measure_users(groups)},
    }


def change_as_dict(change: Change) -> dict[str, Any]:
    """Return one change as plain values."""
    return {
        "user": readable(change.user),
        "program": readable(change.program),
        "secret": readable(change.secret),
        "open_to": list(change.open_to),
        "gone": change.is_gone,
    }


def comparison_as_dict(comparison: Comparison) -> dict[str, Any]:
    """Return what changed, as plain values."""
    return {
        "taken": comparison.taken,
        "better": [change_as_dict(change) for change in comparison.better],
        "worse": [change_as_dict(change) for change in comparison.worse],
        "before": exposure_as_dict(comparison.before),
        "after": exposure_as_dict(comparison.after),
    }


def merged_as_dict(hosts: Iterable[History]) -> dict[str, Any]:
    """Return the newest audit of each host, and what changed since its first, as plain values."""
    return {"schema": SCHEMA, "hosts": [_host_as_dict(host) for host in hosts]}


def _host_as_dict(host: History) -> dict[str, Any]:
    newest, changed = host.newest, host.comparison
    return {
        "name": host.name,
        "host": newest.host,
        "machine": newest.machine or None,
        "identified": host.is_identified,
        "scope": list(newest.scope),
        "asked_by": newest.asked_by,
        "kernel": newest.kernel,
        "taken": newest.taken,
        "exposure": exposure_as_dict(measure(newest.groups)),
        "groups": [group_as_dict(group) for group in newest.groups],
        "notes": list(newest.notes),
        "left_out": [
            {"taken": one.taken, "scope": list(one.scope), "asked_by": one.asked_by}
            for one in host.left_out
        ],
        "comparable": not host.left_out,
        "comparison": None if changed is None else comparison_as_dict(changed),
    }


def _format_time(seconds: float) -> str:
    """Format a time as ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def audit_as_dict(audit: Audit) -> dict[str, Any]:
    """Return the audit as plain values."""
    verdicts = audit.count_verdicts()
    return {
        "schema": SCHEMA,
        "host": rules_as_dict(audit.host),
        "summary": {
            "verdicts": {verdict: verdicts[verdict] for verdict in VERDICTS},
            "severities": audit.count_severities(),
            "worst": audit.worst(),
            "complete": audit.is_complete,
            "seconds": round(audit.seconds, 4),
        },
        "taken": _format_time(audit.taken),
        "asked_by": audit.asked_by,
        "scope": [readable(word) for word in audit.scope],
        "exposure": _exposures(audit.stored_groups),
        "groups": [group_as_dict(group) for group in audit.stored_groups],
        "processes": [process_as_dict(entry) for entry in audit.entries],
        "notes": [readable(note) for note in audit.notes],
        "gone": list(audit.gone),
    }


def _settings(host: Host) -> dict[str, Any]:
    swaps = host.swaps
    return {
        **rules_as_dict(host),
        "perf_event_paranoid": host.perf_event_paranoid,
        "unprivileged_user_namespaces": host.user_namespaces,
        "preload_file": _names(host.preload_file),
        "memfd_noexec": host.memfd_noexec,
        "randomize_va_space": host.randomize_va_space,
        "swaps": swaps
        if swaps is None
        else [{"path": readable(s.path), "encrypted": s.encrypted} for s in swaps],
        "exit_race": host.exit_race,
        "exit_race_source": host.exit_race_source,
    }


def _state_of(check: Check) -> str:
    if not check.answer.is_known:
        return "unknown"
    return "finding" if check.findings else "fine"


def doctor_as_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the results of doctor as plain values."""
    return {
        "schema": SCHEMA,
        "host": _settings(diagnosis.host),
        "checks": [
            {
                "topic": check.topic,
                "state": _state_of(check),
                "told": readable(check.answer.text),
                "findings": [found.id for found in check.findings],
            }
            for check in diagnosis.checks
        ],
        "findings": [_finding(finding, None) for finding in diagnosis.findings],
        "complete": diagnosis.is_complete,
    }


def rules_document(rules: Iterable[Rule]) -> dict[str, Any]:
    """Return the explanations of findings as plain values."""
    return {
        "schema": SCHEMA,
        "rules": [
            {
                "id": rule.id,
                "severity": rule.severity,
                "of": "process" if rule in PROCESS_RULES else "host",
                "words": rule.words,
                "why": rule.why,
                "fix": rule.fix,
                "commands": list(rule.commands),
                "breaks": rule.breaks,
                "source": rule.source,
            }
            for rule in rules
        ],
    }


def render(document: dict[str, Any], on_one_line: bool = False) -> str:
    """Render plain values as JSON, ASCII only: one key per line, one list object per line."""
    # Not indent=2, which selects json's slow encoder: that takes as long as reading the processes.
    if on_one_line:
        return json.dumps(document)
    lines = [f"  {json.dumps(key)}: {_render_value(value)}" for key, value in document.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _render_value(value: object) -> str:
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return json.dumps(value)
    return "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"
