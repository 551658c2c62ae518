"""JUnit XML, for CI: a suite a victim, a case an attack."""

from __future__ import annotations

from xml.etree import ElementTree

from process_hardening.verify.render.text import evidence_of
from process_hardening.terminal import printable
from process_hardening.verify.run import BLOCKED, LEAKED, AttackResult, Judged, Verification


def _case(suite: ElementTree.Element, attack: AttackResult, judged: Judged | None) -> str:
    """Add a case; returns what it counts as: 'failures', 'skipped' or 'passed'."""
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=attack.name,
        classname=f"process_hardening.verify.run.{suite.get('name')}",
        time=str(judged.observed.seconds if judged and judged.observed else 0),
    )
    if judged is None:
        ElementTree.SubElement(case, "skipped", message=printable(evidence_of(attack)))
        return "skipped"
    if judged.outcome == LEAKED and not judged.known_limit:
        ElementTree.SubElement(case, "failure", message="leaked").text = printable(judged.evidence)
        return "failures"
    if judged.outcome != BLOCKED:
        reason = judged.known_limit or judged.evidence
        message = f"leaked as documented: {reason}" if judged.known_limit else reason
        ElementTree.SubElement(case, "skipped", message=printable(message))
        return "skipped"
    ElementTree.SubElement(case, "system-out").text = printable(judged.evidence)
    return "passed"


def render(verification: Verification) -> str:
    """The verification as JUnit XML."""
    root = ElementTree.Element("testsuites", name="process-hardening verify")
    for victim in verification.victims:
        suite = ElementTree.SubElement(root, "testsuite", name=victim)
        counts = {"failures": 0, "skipped": 0, "passed": 0}
        for attack in verification.attacks:
            counts[_case(suite, attack, attack.victims.get(victim))] += 1
        suite.set("tests", str(sum(counts.values())))
        suite.set("failures", str(counts["failures"]))
        suite.set("skipped", str(counts["skipped"]))
        suite.set("errors", "0")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
