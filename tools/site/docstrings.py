"""An extension of griffe: our docstrings say `name -- meaning`, a list in Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"(\w+(?:, \w+)*) -- (.*)")


def as_markdown(docstring: str) -> str:
    """The docstring with a list in the place of lines of names and meanings."""
    lines: list[str] = []
    is_list = False
    for line in docstring.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            if not is_list:
                lines.append("")
            text = re.sub(r"; (\w+) -- ", r"\n- `\1`: ", entry[2])
            names = entry[1].replace(", ", "`, `")
            lines += f"- `{names}`: {text}".splitlines()
        elif is_list and line and not line.startswith(" "):
            lines += ["", line]
        else:
            lines.append(line if not is_list else line and f"  {line.strip()}")
        is_list = bool(entry) or (is_list and line.startswith(" "))
    return "\n".join(lines)


class NamesAndMeanings(griffe.Extension):
    """Changes the docstrings as they are loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
