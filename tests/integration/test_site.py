"""The documentation site (tools/site/build.py)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.site import build

import support

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns(".*", "build", "dist", "__pycache__")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the repository, with the tool that builds the site."""
    support.import_module("zensical")
    return Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=NOT_COPIED, symlinks=True))


def build_site(clone: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy."""
    return support.run([sys.executable, "tools/site/build.py"], cwd=clone, timeout=300)


def test_the_site_is_built_without_a_warning(clone: Path) -> None:
    """Pages from outside docs/ and the API's texts are in it; links lead to pages of the site."""
    result = build_site(clone)
    assert result.returncode == 0, result.stdout + result.stderr
    home = (clone / "build" / "site" / "index.html").read_text()
    assert 'href="explanation/threat-model.html"' in home
    assert 'src="images/demo.svg"' in home
    api = (clone / "build" / "site" / "reference" / "api.html").read_text()
    assert 'id="process_hardening.pre_main_hardening"' in api


def test_a_broken_link_fails_the_build(clone: Path) -> None:
    """A page or a heading that is not there is named."""
    with (clone / "docs" / "harden.md").open("a") as page:
        page.write("\n[one](gone.md) [two](confine.md#gone)\n")
    result = build_site(clone)
    assert result.returncode == 1
    assert "page does not exist" in result.stdout + result.stderr
    assert "anchor does not exist" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        "<img alt='' src='http://img.example/a.png'>",
        "<style>@font-face { src: url(https://fonts.example/a.woff2) }</style>",
    ],
)
def test_a_request_to_another_host_is_found(text: str, tmp_path: Path) -> None:
    """Scripts, styles, pictures and fonts come with the site; links may lead anywhere."""
    page = tmp_path / "page.html"
    page.write_text('<a href="https://docs.example/">there</a><img src="local.png">')
    assert list(build.find_foreign_requests(tmp_path)) == []
    page.write_text(text)
    (found,) = build.find_foreign_requests(tmp_path)
    assert found.startswith("page.html: ")
