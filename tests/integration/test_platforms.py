"""What docs/platforms.md claims of each system, and how wheels are made elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]
PAGE, RESULTS = "docs/platforms.md", "docs/platforms-results.json"
TOOL = ("tools/results.py", "tools/markdown.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the page, the results and the tool that compares them."""
    for name in (PAGE, RESULTS, *TOOL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Compare the page of a folder with the results there."""
    return support.run([sys.executable, "-m", "tools.results", "--check"], cwd=folder)


def test_the_page_says_what_was_seen() -> None:
    """No cell of its tables says anything else."""
    result = check(ROOT)
    assert result.returncode == 0, result.stderr


def claim_a_kernel_for_macos(page: str) -> str:
    """Of a fake."""
    return page.replace("ran against a fake (macos)", "ran on a kernel (macos)")


def claim_another_number(page: str) -> str:
    """Of checks."""
    return re.sub(r"preload \d+", "preload 1000", page, count=1)


def claim_of_android(page: str) -> str:
    """By leaving out what is open."""
    return page.replace("never compiled with Android's libc, never ran; ", "")


@pytest.mark.parametrize(
    "change", [claim_a_kernel_for_macos, claim_another_number, claim_of_android]
)
def test_a_page_that_claims_more_is_found(copy: Path, change: Callable[[str], str]) -> None:
    """In the first table, in a table of results, in what stays open."""
    page = (copy / PAGE).read_text()
    (copy / PAGE).write_text(change(page))
    assert (copy / PAGE).read_text() != page
    result = check(copy)
    assert result.returncode == 1
    assert "platforms.md does not say what platforms-results.json does" in result.stderr


@pytest.mark.parametrize(
    ("system", "identifiers"),
    [
        ("linux", {"cp310-manylinux_x86_64", "cp310-musllinux_x86_64", "cp314t-manylinux_x86_64"}),
        ("macos", {"cp310-macosx_universal2", "cp314t-macosx_universal2"}),
        ("windows", {"cp310-win_amd64", "cp314t-win_amd64"}),
    ],
)
def test_the_wheels_of_each_system_are_configured(system: str, identifiers: set[str]) -> None:
    """Cibuildwheel takes the configuration, and would build these."""
    tool = support.find_tool("cibuildwheel")
    result = support.run(
        [tool, "--print-build-identifiers", "--platform", system, str(ROOT)],
        env={**os.environ, "CIBW_ARCHS_LINUX": "x86_64", "CIBW_ARCHS_WINDOWS": "AMD64"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert identifiers <= set(result.stdout.split())


def test_the_workflow_keeps_to_the_schema() -> None:
    """As the forge publishes it; what the steps do there, only the forge can tell."""
    workflow = str(ROOT / ".github" / "workflows" / "wheels.yml")
    schema = ["--builtin-schema", "vendor.github-workflows"]
    result = support.run([support.find_tool("check-jsonschema"), *schema, workflow])
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_script_of_the_workflow_holds_here() -> None:
    """What wheels are tested with: it passes, and fails when a step is missing."""
    smoke = [sys.executable, str(ROOT / "tools" / "smoke.py")]
    assert support.run_as_user(smoke, cwd="/").returncode == 0
    skipped = support.run_as_user(smoke, cwd="/", env={"CODEX_SKIP_HARDENING": "1"})
    assert skipped.returncode == 1
    assert "inspection='skipped'" in skipped.stdout
