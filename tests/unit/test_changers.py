"""Who, besides root, can change what a path leads to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import support
from process_hardening.changers import SOMEBODY, find_changers, find_changers_below

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


def test_nobody_can_create_anything_in_a_deleted_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent can still be reached from it. An absolute path does not depend on it."""
    (tmp_path / "deleted").mkdir()
    monkeypatch.chdir(tmp_path / "deleted")
    (tmp_path / "deleted").rmdir()
    assert find_changers("file") == set()
    assert find_changers("../file") == {SOMEBODY}
    assert find_changers("/dev/null") == {SOMEBODY}


def test_a_link_that_vanishes_while_it_is_read_leads_nowhere() -> None:
    """Its owner could have changed it. The link to the program of a zombie cannot be read."""
    support.require_root()
    pid = os.posix_spawn("/bin/true", ["true"], {}, setpgroup=0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(FileNotFoundError):
        Path(f"/proc/{pid}/exe").readlink()
    assert find_changers(f"/proc/{pid}/exe") == set()
    os.waitpid(pid, 0)


def test_who_is_in_an_access_control_list_is_somebody(folder: Path) -> None:
    """The bits of the group are then those of everybody in the list."""
    folder.chmod(0o755)
    support.allow_user(folder / "file")
    assert (folder / "file").stat().st_gid == 0
    control = support.run_as_user(["sh", "-c", "echo >> file"], cwd=folder)
    assert control.returncode == 0, "inconclusive: the list has no effect"
    assert find_changers(f"{folder}/file") == {SOMEBODY}
    assert dict(find_changers_below(str(folder)))[f"{folder}/file"] == {SOMEBODY}


def test_a_list_that_lets_nobody_write_is_harmless(folder: Path) -> None:
    support.allow_user(folder / "file")
    (folder / "file").chmod(0o644)  # of a file with a list, this changes the mask
    assert find_changers(f"{folder}/file") == set()


@pytest.mark.parametrize("name", ["file", "."])
def test_group_0_is_somebody_because_others_than_root_can_have_it(folder: Path, name: str) -> None:
    """Images made for OpenShift run as any uid, with this gid; group(5) need not list that user."""
    folder.chmod(0o755)
    path = folder / name
    assert path.stat().st_gid == 0
    write = ["sh", "-c", "echo >> file" if name == "file" else "echo > new"]
    for may_write in (False, True):
        path.chmod(path.stat().st_mode | (0o020 if may_write else 0))
        control = support.run(write, cwd=folder, user=support.USER, group=0, extra_groups=())
        assert (control.returncode == 0) == may_write
        expected = {SOMEBODY} if may_write else set()
        assert find_changers(f"{folder}/file") == expected
        assert dict(find_changers_below(str(folder)))[str(path)] == expected


def test_everything_below_a_folder_is_found_once(folder: Path) -> None:
    """Also behind links, and although a link leads back."""
    (folder / "below").mkdir()
    (folder / "below" / "again").symlink_to(folder)
    found = list(find_changers_below(f"{folder}/below"))
    assert len(found) == len(dict(found))
    names = {path.removeprefix(f"{folder}/below/again/"): changers for path, changers in found}
    assert names["users"] == names["users/back"] == {USER}
    assert names["all"] == names["sticky"] == {SOMEBODY}
    assert names["file"] == names["users/file"] == names["all/file"] == names["circle"] == set()


@pytest.mark.parametrize("name", ["file", "missing", "circle"])
def test_what_is_not_a_folder_has_nothing_below_it(folder: Path, name: str) -> None:
    assert list(find_changers_below(f"{folder}/{name}")) == [(f"{folder}/{name}", set())]
