"""What --explain prints: lines of `label: value`, or one JSON object."""

from __future__ import annotations

from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Facts: TypeAlias = Iterable[tuple[str, str]]

SCHEMA = 1
"""The version of the JSON objects that --explain, `status` and `hook status` print."""

_VALUES_AT = 18  # LABEL_WIDTH of native/launch/output.c


def parse_facts(text: str) -> list[tuple[str, str]]:
    """Split the output of a native --explain into labels and values. Labels contain no colon."""
    return [(line.partition(":")[0], line[_VALUES_AT:]) for line in text.splitlines()]


def _as_json(facts: Facts) -> dict[str, object]:
    warnings: list[str] = []
    values = {}
    for label, value in facts:
        if label == "warning":
            warnings.append(value)
        else:
            values[label.replace(" ", "_")] = value
    return {"schema": SCHEMA, **values, "warnings": warnings}


def write_facts(facts: Facts, as_json: bool) -> None:
    """Print labels and printable values. Raises CommandError on failure."""
    if as_json:
        import json

        write(json.dumps(_as_json(facts)))
    else:
        write("\n".join(f"{label + ':':<{_VALUES_AT}}{value}" for label, value in facts))
