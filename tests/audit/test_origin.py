"""Who chose the arguments of a process of root's."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import starts
import support
from process_hardening.audit.reader import read_posture

WAIT = ["-I", str(starts.PROGRAMS / "wait.py")]


@pytest.fixture
def set_user_id(tmp_path: Path) -> str:
    """A copy of the interpreter that runs as root, whoever starts it."""
    support.require_root()
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o711)
    path = tmp_path / "python"
    shutil.copy(os.path.realpath(sys.executable), path)
    path.chmod(0o4755)
    return str(path)


def is_chosen_by_other(argv: Sequence[str], pid_offset: int = 0, **options: object) -> bool:
    """Whether an audit finds that another user may have chosen the arguments of a program."""
    with support.Running(argv, **options) as running:
        pid = running.pid
        if pid_offset:
            (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pid = int(child)
        posture = read_posture(pid)
        assert posture.uid == 0
        return posture.chosen_by_other


AS_ROOT = {"user": 0, "group": 0}


@pytest.mark.parametrize("mode", ["plain", "root"])
def test_the_caller_of_a_set_user_id_program_chose_its_arguments(
    set_user_id: str, mode: str
) -> None:
    """Also once all of its user ids are root's."""
    assert is_chosen_by_other(["/home/ada/evil", *WAIT, mode], executable=set_user_id)
    # The control: root calls the same program.
    assert not is_chosen_by_other([set_user_id, *WAIT, mode], **AS_ROOT)


def test_a_container_chose_the_arguments_of_its_root() -> None:
    support.require_root()
    program = [sys.executable, *WAIT]
    unshare = [support.find_tool("unshare"), "--pid", "--fork", "--kill-child"]
    assert is_chosen_by_other([*unshare, *program], 1, **AS_ROOT)
    assert not is_chosen_by_other(program, **AS_ROOT)
