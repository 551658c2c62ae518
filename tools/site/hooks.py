"""Hooks of mkdocs (mkdocs.yml): pages from outside docs/, and links between all of them.

The Markdown files are written to be read in the repository, where links lead from file to file.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "explanation/threat-model.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "explanation/costs.md",
}
"""What is not in docs/, by its place in the repository, and where the site has it."""

_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages from outside docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))


def _in_site(link: re.Match[str], page: str) -> str:
    """A link of the page in the repository as one of the site."""
    text, target, anchor = link[1], link[2], link[3] or ""
    sources = {there: here for here, there in PAGES.items()}
    here = posixpath.dirname(sources.get(page, f"docs/{page}"))
    meant = posixpath.normpath(posixpath.join(here, target))
    if meant in PAGES:
        there = PAGES[meant]
    elif meant.startswith("docs/"):
        there = meant.removeprefix("docs/")
    elif (ROOT / meant).exists():
        return f"`{text.strip('`')}`"  # a file of the repository that the site does not have
    else:
        return link[0]  # mkdocs says so
    return f"[{text}]({posixpath.relpath(there, posixpath.dirname(page) or '.')}{anchor})"


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let the links lead where the site has the pages."""
    parts = _FENCED.split(markdown)
    name = page.file.src_uri
    parts[::2] = [_LINK.sub(lambda link: _in_site(link, name), part) for part in parts[::2]]
    return "".join(parts)
