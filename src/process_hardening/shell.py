"""Writes words so that sh, bash, dash, zsh and fish read them back unchanged."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

# At the beginning, zsh expands =NAME and fish expands %self.
_SAFE = re.compile(r"[\w@+:,./-][\w@%+=:,./-]*", re.ASCII)
_RUN = re.compile(r"'+|\\+|[^'\\]+")


def quote(word: str) -> str:
    """Quote a word; control characters and what is not text become octal numbers.

    Versions of fish before 3.4 refuse a line with octal numbers. Only bash and zsh read back a word
    that ends with a newline.
    """
    if _SAFE.fullmatch(word):
        return word
    if word.isprintable():
        return _RUN.sub(_quote_run, word) or "''"
    raw = word.encode("utf-8", "surrogateescape")
    octal = "".join(map(_escape, raw))
    # A command substitution drops newlines at its end.
    return f"$'{octal}'" if word.endswith("\n") else f"\"$(printf '{octal}')\""


def join(words: Iterable[str]) -> str:
    """Join words into a shell command."""
    return " ".join(map(quote, words))


def _quote_run(run: re.Match[str]) -> str:
    """Quote text that has no quote and no backslash, or only one of them.

    Within single quotes, fish would read a backslash before another one or a quote as an escape.
    """
    text = run[0]
    if text[0] == "\\":
        return text * 2
    return f'"{text}"' if text[0] == "'" else f"'{text}'"


def _escape(byte: int) -> str:
    return chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"\\{byte:03o}"
