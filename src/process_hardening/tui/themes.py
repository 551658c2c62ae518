"""The themes: dark, light and high contrast.

The contrast ratio of text and background is at least 4.5:1, or 7:1 with high contrast (WCAG 2.2).
"""

from __future__ import annotations

from typing import Any

from textual.theme import Theme


def _make_theme(name: str, variables: dict[str, str], **colours: Any) -> Theme:
    """Return a theme whose text has exactly these colours, which Textual would otherwise blend."""
    kinds = ("error", "warning", "success", "accent")
    text = {f"text-{kind}": colours[kind] for kind in kinds}
    return Theme(name=name, variables={**text, **variables}, **colours)


LIGHT = _make_theme(
    name="light",
    primary="#004578",
    secondary="#0178d4",
    accent="#7a4a00",
    warning="#7a4a00",
    error="#96234a",
    success="#1c6b36",
    foreground="#1a1a1a",
    background="#f2f2f2",
    surface="#e8e8e8",
    panel="#dcdcdc",
    dark=False,
    variables={
        "footer-key-foreground": "#004578",
    },
)

HIGH_CONTRAST = _make_theme(
    name="high-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#00ffff",
    warning="#ffd700",
    error="#ff7070",
    success="#00ff66",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    luminosity_spread=0.0,
    text_alpha=1.0,
    variables={
        "text": "#ffffff",
        "border": "#ffffff",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "footer-key-foreground": "#ffff00",
        "footer-background": "#000000",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
    },
)

CYCLE = ("textual-dark", LIGHT.name, HIGH_CONTRAST.name)
"""The themes that a key cycles through; Textual's other themes are in the command palette."""


def next_theme(name: str) -> str:
    """Return the theme that follows this one in CYCLE; the first theme if it is not in CYCLE."""
    return CYCLE[(CYCLE.index(name) + 1) % len(CYCLE)] if name in CYCLE else CYCLE[0]
