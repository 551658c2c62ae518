"""Build the documentation site in build/site: collect its pages, build it strictly, check it.

    python tools/site/build.py

The Markdown files are written to be read in the repository, where links lead from file to file.
Some are not in docs/: the site has them under other names, and links follow.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = ROOT / "build" / "pages"
SITE = ROOT / "build" / "site"

OUTSIDE_PAGES = {
    "README.md": "index.md",
    "SECURITY.md": "explanation/threat-model.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "explanation/costs.md",
}
"""What is not in docs/, by its place in the repository, and where the site has it."""

NO_PAGES = "SPEC-*"
"""A folder of docs/ that the site does not have."""

_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preload|preconnect|modulepreload))"
    r"[^>]*\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|(?:url\(|@import )[\"']?((?:https?:)?//[^\"')\s]+)"
)
_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def link_in_site(link: re.Match[str], page: str) -> str:
    """Return a link of a page in the repository as one of the site."""
    text, target, anchor = link[1], link[2], link[3] or ""
    sources = {there: here for here, there in OUTSIDE_PAGES.items()}
    here = posixpath.dirname(sources.get(page, f"docs/{page}"))
    meant = posixpath.normpath(posixpath.join(here, target))
    if meant in OUTSIDE_PAGES:
        there = OUTSIDE_PAGES[meant]
    elif meant.startswith("docs/"):
        there = meant.removeprefix("docs/")
    elif (ROOT / meant).exists():
        return f"`{text.strip('`')}`"  # a file of the repository that the site does not have
    else:
        return link[0]  # the strict build reports it
    return f"[{text}]({posixpath.relpath(there, posixpath.dirname(page) or '.')}{anchor})"


def convert_links(markdown: str, page: str) -> str:
    """Return a page whose links lead where the site has the pages; code is left as it is."""
    parts = _FENCED.split(markdown)
    parts[::2] = [_LINK.sub(lambda link: link_in_site(link, page), part) for part in parts[::2]]
    return "".join(parts)


def collect_pages() -> None:
    """Make build/pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(DOCS, PAGES, ignore=shutil.ignore_patterns(NO_PAGES))
    for source, page in OUTSIDE_PAGES.items():
        shutil.copyfile(ROOT / source, PAGES / page)
    for path in PAGES.rglob("*.md"):
        page = path.relative_to(PAGES).as_posix()
        path.write_text(convert_links(path.read_text(), page))


def find_foreign_requests(site: Path) -> Iterator[str]:
    """Yield what a browser would load from another host: `PAGE: ADDRESS`."""
    for path in sorted((*site.rglob("*.html"), *site.rglob("*.css"))):
        for found in _LOADED.finditer(path.read_text()):
            yield f"{path.relative_to(site)}: {found[1] or found[2] or found[3]}"


def main() -> int:
    """Build the site; returns the exit status."""
    collect_pages()
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    if status := subprocess.run(build, cwd=ROOT).returncode:
        return status
    foreign = list(find_foreign_requests(SITE))
    for line in foreign:
        print(f"asks another host: {line}", file=sys.stderr)
    return 1 if foreign else 0


if __name__ == "__main__":
    sys.exit(main())
