"""Renders JUnit XML for CI: one suite per victim, one case per attack."""

from __future__ import annotations

from xml.etree import ElementTree

from process_hardening.terminal import printable
from process_hardening.verify.model import (
    BLOCKED,
    LEAKED,
    AttackResult,
    Verification,
    VictimResult,
)
from process_hardening.verify.render.text import evidence_of


def _add_case(suite: ElementTree.Element, attack: AttackResult, result: VictimResult | None) -> str:
    """Add a case, and return the name of its counter: 'failures', 'skipped' or 'passed'."""
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=attack.name,
        classname=f"process_hardening.verify.{suite.get('name')}",
        time=str(result.observation.seconds if result and result.observation else 0),
    )
    if result is None:
        ElementTree.SubElement(case, "skipped", message=printable(evidence_of(attack)))
        return "skipped"
    if result.outcome == LEAKED and not result.known_limit:
        ElementTree.SubElement(case, "failure", message="leaked").text = printable(result.evidence)
        return "failures"
    if result.outcome != BLOCKED:
        message = result.evidence
        if result.known_limit:
            message = f"leaked as documented: {result.known_limit}"
        ElementTree.SubElement(case, "skipped", message=printable(message))
        return "skipped"
    ElementTree.SubElement(case, "system-out").text = printable(result.evidence)
    return "passed"


def render(verification: Verification) -> str:
    """Render the verification as JUnit XML."""
    root = ElementTree.Element("testsuites", name="process-hardening verify")
    for victim in verification.victims:
        # The name excludes the pid, which would make it a different suite after each restart.
        name = verification.process.name if verification.process else victim
        suite = ElementTree.SubElement(root, "testsuite", name=printable(name))
        counts = {"failures": 0, "skipped": 0, "passed": 0}
        for attack in verification.attacks:
            counts[_add_case(suite, attack, attack.victims.get(victim))] += 1
        suite.set("tests", str(sum(counts.values())))
        suite.set("failures", str(counts["failures"]))
        suite.set("skipped", str(counts["skipped"]))
        suite.set("errors", "0")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
