"""Who, besides root, can change what a path leads to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import support
from process_hardening.changers import SOMEBODY, find_changers

USER = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of root's with a file of root's, a folder for all, and one of a user's."""
    support.require_root()
    (tmp_path / "file").touch()
    for name, mode in (("all", 0o777), ("sticky", 0o1777), ("users", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        (tmp_path / name).chmod(mode)
    os.chown(tmp_path / "users", USER, USER)
    links = {
        "link": "file",
        "absolute": str(tmp_path / "users/file"),
        "through": "users/../file",
        "users/back": "../file",
        "circle": "circle",
        "dangling": "users/missing/file",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "changers"),
    [
        ("file", set()),
        ("link", set()),
        ("missing", set()),
        ("missing/\0", set()),
        ("all/\0", {SOMEBODY}),
        ("circle", set()),
        ("all/../file", {SOMEBODY}),
        ("all/file", {SOMEBODY}),
        ("sticky/file", set()),
        ("sticky/missing", {SOMEBODY}),
        ("sticky", {SOMEBODY}),
        ("users/file", {USER}),
        ("absolute", {USER}),
        ("through", {USER}),
        ("users/back", {USER}),
        ("dangling", {USER}),
    ],
)
def test_everybody_who_can_change_a_step_on_the_way_is_found(
    folder: Path, path: str, changers: set[int]
) -> None:
    assert find_changers(f"{folder}/{path}") == changers


def test_a_relative_path_begins_in_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "users")
    assert find_changers("file") == {USER}
    assert find_changers("./../file") == {USER}
