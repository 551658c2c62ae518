"""What may be written to a terminal."""


def printable(text: str) -> str:
    """Text on one line that cannot command the terminal: controls become backslash escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
