"""Renders a self-contained HTML page: the table, the facts, and details on demand. Needs jinja2."""

from __future__ import annotations

from importlib import resources

from process_hardening.errors import CommandError
from process_hardening.terminal import printable
from process_hardening.verify.conclusion import Comparison, explain, headline
from process_hardening.verify.model import (
    BLOCKED,
    CONTROL,
    EXPECTED,
    INCONCLUSIVE,
    LEAKED,
    UNAVAILABLE,
    Verification,
)
from process_hardening.verify.render.evidence import read_tool_versions
from process_hardening.verify.render.text import (
    EVIDENCE_HEADER,
    LABELS,
    evidence_of,
    list_changes,
    list_limits,
    list_untried,
    mark_of,
    summary,
)

# Every mark has a sign and a word, in addition to its colour.
_SIGNS = {BLOCKED: "✓", LEAKED: "✗", EXPECTED: "✱", INCONCLUSIVE: "?", UNAVAILABLE: "-"}


def check() -> None:
    """Raise CommandError if jinja2 is missing."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise CommandError("--html needs jinja2: pip install jinja2") from None


def _victim_tile(mark: str) -> dict[str, str]:
    return {"word": LABELS[mark], "sign": _SIGNS[mark], "style": mark}


def _control_tile(outcome: str) -> dict[str, str]:
    """Return the cell of the control. Its leak is expected and gets no alarming colour."""
    style = "open" if outcome == LEAKED else outcome
    return {"word": outcome, "sign": _SIGNS[outcome], "style": style}


def render(verification: Verification, comparison: Comparison | None = None) -> str:
    """Render the page. Raises CommandError if jinja2 is missing."""
    check()
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) else value,
    )
    template = environment.from_string(
        resources.files("process_hardening.verify.render")
        .joinpath("report.html.j2")
        .read_text(encoding="utf-8")
    )
    rows = [
        {
            "attack": attack,
            "control": _control_tile(attack.control),
            "tiles": [
                _victim_tile(mark_of(attack.victims.get(name))) for name in verification.victims
            ],
            "evidence": evidence_of(attack),
        }
        for attack in verification.attacks
    ]
    environment_facts = verification.environment
    facts = {
        **{key: value for key, value in environment_facts.items() if not isinstance(value, dict)},
        **environment_facts["sysctl"],
        **{f"{tool} (tool)": version for tool, version in read_tool_versions(verification).items()},
    }
    return template.render(
        verification=verification,
        control=CONTROL,
        evidence_header=EVIDENCE_HEADER,
        rows=rows,
        limits=list_limits(verification),
        untried=list_untried(verification),
        notes=verification.notes,
        summary=summary(verification),
        headline=headline(verification),
        explanation=explain(verification),
        changes=list_changes(comparison) if comparison else [],
        facts=facts,
    )
