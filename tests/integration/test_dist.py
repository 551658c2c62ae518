"""What `make dist` refuses to make a release of. What it makes, it checks itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with tools/dist.py in it, and dist/ of an earlier release."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "dist.py", tmp_path / "tools")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "SHA256SUMS").write_text("earlier")
    return tmp_path


def make_dist(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Try to make a release; what was in dist/ must be there still."""
    result = support.run([sys.executable, "tools/dist.py"], cwd=checkout)
    assert (checkout / "dist" / "SHA256SUMS").read_text() == "earlier"
    return result


def test_it_needs_a_commit(checkout: Path) -> None:
    """An unpacked sdist has none."""
    result = make_dist(checkout)
    assert result.returncode == 1
    assert result.stderr == "dist: not a git checkout: a release is made of a commit\n"


def test_it_refuses_uncommitted_work(checkout: Path) -> None:
    """It would not be in the release; the files are named."""
    git = [support.find_tool("git"), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "tools"], ["commit", "-q", "-m", "x"]):
        assert support.run([*git, *command], cwd=checkout).returncode == 0
    (checkout / "forgotten.c").touch()
    result = make_dist(checkout)
    assert result.returncode == 1
    assert result.stderr.startswith("dist: commit these first")
    assert "?? forgotten.c" in result.stderr
