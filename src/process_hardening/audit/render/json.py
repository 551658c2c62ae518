"""The JSON of audit and doctor, with stable keys; docs/audit.schema.json describes it."""

from __future__ import annotations

import json
from typing import Any

from process_hardening.audit.select import Audit, Entry
from process_hardening.audit.rules.checks import Check
from process_hardening.audit.rules.findings import Finding
from process_hardening.audit.host import Host
from process_hardening.audit.procfs import UNLIMITED

SCHEMA = 1


def readable(text: str) -> str:
    """Text that is valid Unicode: bytes of a name that are not UTF-8 become backslash escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _names(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else [readable(name) for name in names]


def _limit(value: int) -> int | str:
    return "unlimited" if value == UNLIMITED else value


def _finding(finding: Finding, fingerprint: str | None) -> dict[str, Any]:
    found = {
        "id": finding.id,
        "severity": finding.severity,
        "message": readable(finding.message),
        "fix": readable(finding.fix),
    }
    if fingerprint is not None:
        found["fingerprint"] = readable(fingerprint)
    return found


def process_as_dict(entry: Entry) -> dict[str, Any]:
    """One process as plain values; None: protected or unknown."""
    posture, crash = entry.posture, entry.crash
    limit = posture.core_limit
    hidden = "name" in posture.protected
    return {
        "pid": posture.pid,
        "ppid": posture.ppid,
        "name": None if hidden else readable(posture.name),
        "uid": posture.uid,
        "user": None if posture.uid is None else readable(entry.user),
        "exe": None if posture.exe is None else readable(posture.exe),
        "kind": posture.kind,
        "dumpable": posture.dumpable,
        "dumpable_source": posture.dumpable_source,
        "inspectable": posture.inspectable,
        "core_limit": limit and {"soft": _limit(limit[0]), "hard": _limit(limit[1])},
        "no_new_privs": posture.no_new_privs,
        "seccomp": posture.seccomp,
        "tracer_pid": posture.tracer_pid,
        "capabilities": _names(posture.capabilities),
        "other_user_namespace": posture.other_user_namespace,
        "loader_variables": _names(posture.loader_variables),
        "injected_libraries": _names(posture.injected_libraries),
        "secret_variables": _names(posture.secret_variables),
        "secret_arguments": _names(posture.secret_arguments),
        "python": posture.python,
        "remote_debugging": posture.remote_debugging,
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


def rules_as_dict(host: Host) -> dict[str, Any]:
    """What of the host decides about processes."""
    pattern = host.core.pattern
    return {
        "name": readable(host.name),
        "system": host.system,
        "kernel": host.kernel,
        "core_pattern": None if pattern is None else readable(pattern),
        "suid_dumpable": host.suid_dumpable,
        "ptrace_scope": host.ptrace_scope,
        "hidepid": host.hidepid,
    }


def audit_as_dict(audit: Audit) -> dict[str, Any]:
    """The audit as plain values."""
    return {
        "schema": SCHEMA,
        "host": rules_as_dict(audit.host),
        "summary": {
            "verdicts": {
                verdict: audit.verdicts()[verdict]
                for verdict in ("hardened", "partial", "exposed", "unknown")
            },
            "severities": audit.severities(),
            "worst": audit.worst(),
            "complete": audit.is_complete,
            "seconds": round(audit.seconds, 4),
        },
        "processes": [process_as_dict(entry) for entry in audit.entries],
        "notes": [readable(note) for note in audit.notes],
        "gone": list(audit.gone),
    }


def doctor_as_dict(host: Host, checks: list[Check]) -> dict[str, Any]:
    """The checks of a host as plain values."""
    findings = [finding for check in checks for finding in check.findings]
    return {
        "schema": SCHEMA,
        "host": {
            **rules_as_dict(host),
            "perf_event_paranoid": host.perf_event_paranoid,
            "unprivileged_user_namespaces": host.user_namespaces,
            "preload_file": _names(host.preload_file),
            "memfd_noexec": host.memfd_noexec,
            "randomize_va_space": host.randomize_va_space,
            "swaps": None
            if host.swaps is None
            else [{"path": readable(s.path), "encrypted": s.encrypted} for s in host.swaps],
            "exit_race": host.exit_race,
            "exit_race_source": host.exit_race_source or None,
        },
        "checks": [
            {
                "topic": check.topic,
                "state": "unknown" if check.unknown else "finding" if check.findings else "fine",
                "told": readable(check.told),
                "findings": [found.id for found in check.findings],
            }
            for check in checks
        ],
        "findings": [_finding(finding, None) for finding in findings],
        "complete": not any(check.unknown for check in checks),
    }


def render(document: dict[str, Any], on_one_line: bool = False) -> str:
    """Plain values as JSON, ASCII only."""
    return json.dumps(document, indent=None if on_one_line else 2)
