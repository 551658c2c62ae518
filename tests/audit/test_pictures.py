"""The pictures in docs/images are what the reports look like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pictures import FOLDER, PAGES, TERMINALS, draw

DOCS = FOLDER.parent
_OTHERS = ("tui-", "demo.")  # of the monitor and of the README


@pytest.mark.parametrize("name", TERMINALS)
def test_a_picture_is_what_is_printed(name: str, tmp_path: Path) -> None:
    """When the change is meant: `make screenshots`, and look at what became of them."""
    now = draw(TERMINALS[name]) + "\n"
    kept = FOLDER / f"{name}.svg"
    if kept.read_text() != now:
        (tmp_path / kept.name).write_text(now)
        pytest.fail(f"differs from {kept}: {tmp_path / kept.name}; see `make screenshots`")


@pytest.mark.parametrize("name", TERMINALS)
def test_a_picture_loads_nothing(name: str) -> None:
    """No font from another host."""
    text = (FOLDER / f"{name}.svg").read_text()
    assert not re.search(r"@font-face|@import|href=|url\((?!#)", text)


def test_every_picture_has_its_place_in_a_page() -> None:
    """And there is no other."""
    expected = {f"{name}.svg" for name in TERMINALS} | {f"{name}.png" for name in PAGES}
    there = {path.name for path in FOLDER.iterdir() if not path.name.startswith(_OTHERS)}
    pages = "".join(path.read_text() for path in DOCS.glob("*.md"))
    placed = {name for name in there if f"](images/{name})" in pages}
    assert there == expected == placed
