"""The documents name what exists, and the generated ones are current."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe
import pytest

import process_hardening as ph
import support
from process_hardening.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
MAN_PAGE = ROOT / "share" / "man" / "man1" / "process-hardening.1"
MADE = {"build", "dist"}


def find_markdown_files() -> list[str]:
    """The Markdown files of the repository, by their path in it."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."]
    paths = [*ROOT.glob("*.md")]
    for folder in folders:
        paths += folder.rglob("*.md") if folder.name not in MADE else []
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def read_prose(path: Path) -> str:
    """A Markdown file without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def find_anchors(path: Path) -> set[str]:
    """What the headings of a Markdown file can be reached by, as forges and mkdocs do it."""
    found = set()
    for title in re.findall(r"^#+ (.*)$", read_prose(path), re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", title.strip().lower())
        found.add(kept.replace(" ", "-"))
    return found


def find_broken_links(path: Path) -> Iterator[str]:
    """The links and images of a Markdown file that lead nowhere in the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read_prose(path)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists() or (anchor and anchor not in find_anchors(file)):
            yield target


@pytest.mark.parametrize("name", find_markdown_files())
def test_links_lead_somewhere(name: str) -> None:
    """Files and headings, in the repository; the site is built from the same files."""
    assert list(find_broken_links(ROOT / name)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """The check above sees a missing file and a missing heading, and no more than that."""
    (tmp_path / "there.md").write_text("# One, two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n[a](there.md#one-two) [b](#page) [c](https://x.example)\n"
        "[d](gone.md) [e](there.md#three) [f](#gone)\n```\n[g](code.md)\n```\n"
    )
    assert list(find_broken_links(page)) == ["gone.md", "there.md#three", "#gone"]


@functools.cache
def load_package() -> griffe.Object | griffe.Alias:
    """Return the package as its sources have it, not imported."""
    return griffe.load("process_hardening", search_paths=[ROOT / "src"], allow_inspection=False)


def find_definition(name: str) -> griffe.Object | griffe.Alias:
    """Return a public name where it is defined."""
    found = load_package()[name]
    return found.final_target if isinstance(found, griffe.Alias) else found


@pytest.mark.parametrize("name", sorted(ph.__all__))
def test_a_public_name_is_documented(name: str) -> None:
    """It has a docstring, and its place in the reference."""
    assert find_definition(name).docstring, name
    assert f"\n::: process_hardening.{name}\n" in (REFERENCE / "api.md").read_text()


@pytest.mark.parametrize("name", ["Report", "Status"])
def test_every_field_of_a_record_is_documented(name: str) -> None:
    """The class docstring has a line `field -- meaning` for it."""
    record = find_definition(name)
    assert record.docstring
    fields = [
        field
        for field, member in record.members.items()
        if isinstance(member, griffe.Attribute)
        and "property" not in member.labels
        and not field.startswith("_")
    ]
    documented = re.findall(r"(\w+)(?=(?:, \w+)* -- )", record.docstring.value)
    assert "core_limit" in fields
    assert [field for field in fields if field not in documented] == []


def test_the_reference_has_public_names_only() -> None:
    """What was taken away is not documented any more."""
    named = re.findall(r"^::: process_hardening\.(\w+)$", (REFERENCE / "api.md").read_text(), re.M)
    assert sorted(named) == sorted(ph.__all__)


def test_the_generated_files_are_current() -> None:
    """`make generated` would change nothing."""
    result = support.run([sys.executable, "-m", "tools.generate", "--check"], cwd=ROOT)
    assert result.returncode == 0, result.stderr


def test_an_old_generated_file_is_found(tmp_path: Path) -> None:
    """And made anew."""
    for name in ("README.md", "docs", "share", "tools"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / MAN_PAGE.relative_to(ROOT)).write_text("old")
    (tmp_path / "docs" / "reference" / "cli.md").unlink()
    generate = [sys.executable, "-m", "tools.generate"]
    check = support.run([*generate, "--check"], cwd=tmp_path)
    assert check.returncode == 1
    assert [line.split(":")[0] for line in check.stderr.splitlines()] == [
        "docs/reference/cli.md",
        "share/man/man1/process-hardening.1",
    ]
    assert support.run(generate, cwd=tmp_path).returncode == 0
    assert (tmp_path / MAN_PAGE.relative_to(ROOT)).read_text() == MAN_PAGE.read_text()


@functools.cache
def read_options() -> set[tuple[str, str]]:
    """Every option of every command, as its --help prints them."""
    pairs = set()
    for name in COMMANDS:
        shown = support.run([sys.executable, "-m", "process_hardening", name, "--help"]).stdout
        listed = shown.partition("\noptions:")[2]
        pairs |= {
            (name, option) for option in re.findall(r"^  (?:-\w, )?(-[\w-]+)", listed, re.MULTILINE)
        }
    return pairs


def test_every_option_is_in_the_reference() -> None:
    """On the page of the command line and in the man page, below its command."""
    page = (REFERENCE / "cli.md").read_text()
    man = MAN_PAGE.read_text().replace(r"\-", "-")
    pairs = read_options()
    assert {("run", "--strict"), ("audit", "--json"), ("status", "--json")} <= pairs
    of_the_program = {"--help", "--version"}
    for name, option in pairs:
        if option in of_the_program:
            continue
        of_page = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        of_man = man.partition(f"\n.SS {name}\n")[2].partition("\n.S")[0]
        assert re.search(rf"`{option}[` ]", of_page), (name, option)
        assert rf"\fB{option}\fR" in of_man, (name, option)


def test_the_man_page_is_well_formed() -> None:
    """For mandoc, but that it has no date: a file that is generated anew would have another."""
    result = support.run(
        [support.find_tool("mandoc"), "-T", "lint", "-W", "warning", str(MAN_PAGE)]
    )
    complaints = [line for line in result.stdout.splitlines() if "missing date" not in line]
    assert complaints == []


def test_the_man_page_reads_well_on_debian() -> None:
    """Groff, which man(1) uses there, has no complaint either."""
    shown = support.run([support.find_tool("man"), "--warnings=w", "-l", str(MAN_PAGE)])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--as-root-without-ptrace" in re.sub(".\b", "", shown.stdout)


@functools.cache
def read_help(name: str) -> str:
    """What a command prints with --help."""
    program = [support.find_tool(name)] if name in ("harden", "confine") else [
        sys.executable, "-m", "process_hardening", name,
    ]  # fmt: skip
    return support.run([*program, "--help"]).stdout


def is_wrong(code: str) -> bool:
    """Whether it is a command of ours that has no such subcommand, option or target."""
    words = code.split(" -- ")[0].split()
    name, *rest = [word for word in words if word not in ("sudo", "python", "-m")] or [""]
    if name == "make" and rest:
        makefile = (ROOT / "Makefile").read_text()
        return not re.search(rf"^{re.escape(rest[0])}:", makefile, re.MULTILINE)
    if name in ("process-hardening", "process_hardening") and rest and rest[0].isalpha():
        name, *rest = rest
        if name not in (*COMMANDS, "COMMAND"):
            return True
    if name not in (*COMMANDS, "harden"):
        return False
    options = re.findall(r"(?<![\w-])--[\w-]+", " ".join(rest))
    return any(option not in read_help(name) for option in options)


HISTORY = ("CHANGELOG.md", "docs/decisions/")
"""What also tells of commands that are gone."""


@pytest.mark.parametrize("name", find_markdown_files())
def test_a_command_in_the_prose_exists(name: str) -> None:
    """Its subcommand, its options and its target of make; blocks are run by test_pages.py."""
    if not name.startswith(HISTORY):
        found = re.findall(r"`([^`\n]+)`", read_prose(ROOT / name))
        assert [code for code in found if is_wrong(code)] == []


def test_a_command_that_is_gone_is_found() -> None:
    """Whatever it is that is gone."""
    right = ["make test", "process-hardening audit --json", "sudo harden --seal -- node --x", "cat"]
    wrong = ["make tea", "process-hardening adit", "audit --jsn", "harden --sael -- node"]
    assert [code for code in right + wrong if is_wrong(code)] == wrong


def read_map(block: str) -> Iterator[str]:
    """The files and folders that a map names: an indented line is in the folder above it."""
    folders: list[tuple[int, str]] = []
    for line in block.splitlines():
        indent = len(line) - len(line.lstrip())
        names = re.match(r"\S+(?: \S+)*", line.lstrip())
        if not names or indent > 4:
            continue
        folders = [entry for entry in folders if entry[0] < indent]
        for name in names[0].split(" "):
            yield "".join(folder for _, folder in folders) + name
        folders.append((indent, names[0].split(" ")[0]))


def test_the_map_of_the_architecture_names_what_exists() -> None:
    """Each file and folder, in the folder that it stands below."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    (block,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names = list(read_map(block))
    assert "native/launch/stub/" in names
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_the_version_stands_in_one_place() -> None:
    """In pyproject.toml: all else is built from it."""
    assert f'\nversion = "{ph.__version__}"\n' in (ROOT / "pyproject.toml").read_text()
    others = [
        str(path.relative_to(ROOT))
        for folder in ("src", "native", "share", "tools", "docs/reference")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and path.suffix not in (".pyc", ".so")
        and re.search(rf"\b{re.escape(ph.__version__)}\b", path.read_text())
    ]
    assert others == []


def test_every_page_has_a_place_in_the_menu() -> None:
    """The menu of mkdocs.yml has patterns; a page that none of them takes would be lost."""
    mkdocs = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2].partition("\n\n")[0]
    patterns = re.findall(r"(?:- |: )(\S+\.md)$", mkdocs, re.MULTILINE)
    docs = ROOT / "docs"
    for path in docs.rglob("*.md"):
        name = path.relative_to(docs)
        if not name.parts[0].startswith("SPEC-"):
            assert sum(name.match(pattern) for pattern in patterns) == 1, name


def test_the_picture_of_the_readme_is_what_verify_shows() -> None:
    """The attacks are made again; every cell of docs/images/demo.svg comes out the same."""
    result = support.run([sys.executable, "tools/demo_picture.py", "--check"], cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_readme_is_short() -> None:
    """A reader sees in two screens what it is, which part is for them, and what it costs."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


SPECIFICATION = re.compile(r"SYNC-\d+|SPEC-OPS|tasks\.md")


def test_one_page_maps_the_specification() -> None:
    """Its names mean nothing to a reader; docs/acceptance.md alone has them."""
    naming = [
        name for name in find_markdown_files() if SPECIFICATION.search(read_prose(ROOT / name))
    ]
    assert [name for name in naming if "SPEC-" not in name] == ["docs/acceptance.md"]


def test_nothing_installs_the_package_by_its_name() -> None:
    """It has no release on PyPI, where somebody else could publish one."""
    texts = [ROOT / name for name in find_markdown_files()]
    for folder in ("src", "examples"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    by_name = re.compile(r"\b(?:pip|pipx|uv)\b[^`\n]* ['\"]?process-hardening(?![-\w/.@])")
    found = []
    for path in texts:
        text = path.read_bytes().decode(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {one[0]}" for one in by_name.finditer(text)]
    assert found == []
