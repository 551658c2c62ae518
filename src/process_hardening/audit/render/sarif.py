"""SARIF 2.1.0, for code scanning services: an audit as results anchored in a repository file."""

from __future__ import annotations

import hashlib
from typing import Any

import process_hardening
from process_hardening.audit.select import Audit
from process_hardening.audit.rules.registry import HIGH, INFO, LOW, MEDIUM, REGISTRY, Kind
from process_hardening.audit.render.json import readable

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {INFO: "note", LOW: "note", MEDIUM: "warning", HIGH: "error"}
# What GitHub's code scanning sorts by, on the scale of CVSS.
_SCORES = {INFO: "1.0", LOW: "3.0", MEDIUM: "5.0", HIGH: "8.0"}


def _rule(kind: Kind) -> dict[str, Any]:
    return {
        "id": kind.id,
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": kind.why},
        "help": {"text": f"{kind.fix}\n\nSource: {kind.source}"},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
        "properties": {"security-severity": _SCORES[kind.severity], "tags": ["security"]},
    }


def as_dict(audit: Audit, anchor: str) -> dict[str, Any]:
    """The audit as a SARIF log.

    anchor -- a file of the repository that the results are shown at: services refuse results
    without a place in it, and a process has none
    """
    pairs = audit.findings()
    ids = list(dict.fromkeys(finding.id for _, finding in pairs))
    results = []
    for entry, finding in pairs:
        posture = entry.posture
        fingerprint = entry.fingerprint(finding).encode("utf-8", "surrogateescape")
        text = f"{posture.name} (process {posture.pid} of {entry.user}): {finding.message}"
        results.append(
            {
                "ruleId": finding.id,
                "ruleIndex": ids.index(finding.id),
                "level": _LEVELS[finding.severity],
                "message": {"text": f"{readable(text)}. Fix: {readable(finding.fix)}"},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uri": anchor},
                            "region": {"startLine": 1},
                        },
                        "logicalLocations": [{"name": readable(posture.name), "kind": "process"}],
                    }
                ],
                "partialFingerprints": {
                    "processHardening/v1": hashlib.sha256(fingerprint).hexdigest()
                },
                "properties": {"pid": posture.pid, "user": readable(entry.user)},
            }
        )
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "process-hardening",
                        "version": process_hardening.__version__,
                        "rules": [_rule(REGISTRY[key]) for key in ids],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": audit.is_complete,
                        "toolExecutionNotifications": [
                            {"level": "warning", "message": {"text": readable(note)}}
                            for note in audit.notes
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }
