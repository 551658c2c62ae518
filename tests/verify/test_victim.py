"""The program that verify attacks leaves nothing behind, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from process_hardening.verify.lab import victim


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_worker_leaves_nothing_outside_the_folder_of_the_victim(
    method: str, tmp_path: Path
) -> None:
    """Python makes one for a fork server, and removes it only if nobody kills the process."""
    folder, elsewhere = tmp_path / "victim", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    argv = [sys.executable, str(victim.__file__), "--worker", method]
    with subprocess.Popen(
        argv,
        cwd=folder,
        env={"TMPDIR": str(elsewhere)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"0\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(victim.ANSWER.encode())
        process.kill()
    assert list(elsewhere.iterdir()) == []
    expected = ["pymp-"] if method == "forkserver" else []
    assert [path.name[:5] for path in folder.iterdir()] == expected
