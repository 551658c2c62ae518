"""The pictures in docs/images are what the monitor looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.scenes import FOLDER, SCENES, picture


@pytest.mark.parametrize("name", SCENES)
async def test_a_picture_is_what_is_shown(name: str, tmp_path: Path) -> None:
    """When the change is meant: `make screenshots`, and look at what became of them."""
    now = await picture(SCENES[name]) + "\n"
    kept = FOLDER / f"tui-{name}.svg"
    if not kept.exists() or kept.read_text() != now:
        (tmp_path / kept.name).write_text(now)
        pytest.fail(f"differs from {kept}: {tmp_path / kept.name}; see `make screenshots`")


def test_there_is_no_other_picture() -> None:
    """One that no scene makes would show what was once."""
    assert {path.name for path in FOLDER.glob("tui-*")} == {f"tui-{name}.svg" for name in SCENES}
