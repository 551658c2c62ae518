"""One self-contained HTML page: the matrix, the facts, details on demand. Needs jinja2."""

from __future__ import annotations

from importlib import resources

from process_hardening.errors import CommandError
from process_hardening.verify.render.text import cell, evidence_of, summary
from process_hardening.terminal import printable
from process_hardening.verify.run import CONTROL, Verification

# Every outcome has a sign and a word: colour only adds to them.
_SIGNS = {
    "blocked": "✓",
    "leaked": "✗",
    "LEAKED": "✗",
    "leaked*": "✱",
    "inconclusive": "?",
    "unavailable": "-",
    "-": "-",
}
_CLASSES = {"LEAKED": "leaked", "leaked*": "limit", "-": "unavailable", "leaked": "open"}


def check() -> None:
    """Raise CommandError when jinja2 is missing."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise CommandError("--html needs jinja2: pip install 'process-hardening[report]'") from None


def _tile(word: str) -> dict[str, str]:
    return {"word": word, "sign": _SIGNS[word], "style": _CLASSES.get(word, word)}


def render(verification: Verification) -> str:
    """The page. Raises CommandError when jinja2 is missing."""
    check()
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) else value,
    )
    template = environment.from_string(
        resources.files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    rows = [
        {
            "attack": attack,
            "control": _tile(attack.control),
            "tiles": [_tile(cell(attack.victims.get(name))) for name in verification.victims],
            "said": evidence_of(attack),
            "details": [
                (name, judged.outcome, judged.evidence, judged.observed)
                for name, judged in attack.victims.items()
            ],
        }
        for attack in verification.attacks
    ]
    limits: dict[str, list[str]] = {}
    for attack_name, victim, why in verification.known_limits:
        limits.setdefault(why, []).append(f"{attack_name} of {victim}")
    facts = {
        key: value for key, value in verification.environment.items() if not isinstance(value, dict)
    }
    return template.render(
        verification=verification,
        control=CONTROL,
        rows=rows,
        limits=limits,
        notes=verification.notes,
        summary=summary(verification),
        good=verification.exit_code == 0,
        facts={**facts, **verification.environment["sysctl"]},
    )
