"""JUnit XML: one test case a process, which fails by its findings."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from process_hardening.audit.select import Audit
from process_hardening.audit.render.json import readable
from process_hardening.terminal import printable


def _printable(text: str) -> str:
    """XML 1.0 has no way to write a control character."""
    return printable(readable(text))


def render(audit: Audit, fail_on: str | None) -> str:
    """The audit as a JUnit report.

    fail_on -- findings of this severity and above make their process fail; None: none do
    """
    suite = ET.Element("testsuite", name="process-hardening audit", hostname=audit.host.name)
    failures = skipped = 0
    for entry in audit.entries:
        posture = entry.posture
        case = ET.SubElement(
            suite,
            "testcase",
            classname=f"processes.{_printable(entry.user)}",
            name=f"{_printable(posture.name)} ({posture.pid})",
            time="0",
        )
        failing = [f for f in entry.findings if fail_on is not None and f.at_least(fail_on)]
        if failing:
            failures += 1
            message = "; ".join(f"{f.id} {f.message}" for f in failing)
            failure = ET.SubElement(
                case, "failure", type=failing[0].id, message=_printable(message)
            )
            failure.text = "\n".join(_printable(f"{f.id} fix: {f.fix}") for f in failing)
        elif posture.has_memory and posture.verdict == "unknown":
            skipped += 1
            ET.SubElement(case, "skipped", message=_printable(entry.outcome))
        ET.SubElement(case, "system-out").text = _printable(entry.outcome)
    suite.set("tests", str(len(audit.entries)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    suite.set("skipped", str(skipped))
    suite.set("time", f"{audit.seconds:.4f}")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")
