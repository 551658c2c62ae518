"""The code blocks of the pages do what the pages say (tools/pages.py)."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from tools import pages
from tools.blocks import Block, PageError, read_blocks

import support

ROOT = Path(__file__).resolve().parents[2]

USER = None if os.getuid() else support.USER


PAGES = [name for name in pages.find_pages() if not pages.is_run_by_docs_check(name)]

PARTS = ("docs", "native", "pyproject.toml")
"""What these pages read of the repository: a copy of all of it is dear."""

EXCEPTIONS = {
    "docs/architecture.md": "a map of the files, which test_docs.py looks for",
    "docs/reference/cli.md": "usage lines, generated from the parsers that take them",
}
"""Pages with blocks that nothing runs or checks, and why."""


@pytest.mark.parametrize("name", PAGES)
def test_the_code_blocks_of_a_page_work(name: str, user_tmp: Path) -> None:
    """From top to bottom, as a reader would type them, with the outputs that the page shows."""
    count = pages.Runner(name, user_tmp, USER, PARTS).run_page((ROOT / name).read_text())
    assert count > 0


def find_forgotten_blocks(page: str) -> list[Block]:
    """The blocks of a page that are neither run nor checked, here or as a part of an example."""
    return [
        block
        for block in read_blocks(page)
        if block.action() == "nothing" and not pages.is_part_of_an_example(block.text)
    ]


@pytest.mark.parametrize("name", pages.find_pages())
def test_every_block_is_run_or_checked(name: str) -> None:
    """By this file or by `make docs-check`; the exceptions have a reason."""
    page = (ROOT / name).read_text()
    fences = re.findall(r"^ *```", page, re.MULTILINE)
    shown = [block for block in read_blocks(page) if not block.hidden]
    assert len(fences) == 2 * len(shown), "a fence without its language"
    assert bool(find_forgotten_blocks(page)) == (name in EXCEPTIONS)


def test_a_forgotten_block_is_found() -> None:
    """It is of a kind that nothing checks."""
    page = "```text\nof no kind\n```\n\n```console\n$ true\n```\n"
    assert [block.text for block in find_forgotten_blocks(page)] == ["of no kind"]


def test_a_program_of_a_page_ends_with_it(tmp_path: Path) -> None:
    """In a terminal as in the background, however the page ends."""
    page = """
<!-- terminal: shows ready -->
```console
$ sh -c 'echo $$ >pid; echo ready; read line; echo "got $line"; sleep 600'
```

<!-- terminal: type hello -->
```text
got hello
```

```console
$ false
```
"""
    with pytest.raises(PageError, match="exit status 1"):
        run_page(tmp_path, page)
    pid = int((tmp_path / "process-hardening" / "pid").read_text())
    deadline = time.monotonic() + support.TIMEOUT
    while Path(f"/proc/{pid}").exists():  # killed, and soon reaped by init
        assert time.monotonic() < deadline
        time.sleep(0.01)


def run_page(folder: Path, page: str) -> int:
    """Run a page that is written in a test, and needs no file of the repository."""
    return pages.Runner("page.md", folder, parts=()).run_page(page)


def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    """With the page and the line that it is in."""
    page = "# Page\n\n```console\ntrue\nsh -c 'echo no luck; exit 3'\n```\n"
    with pytest.raises(PageError) as error:
        run_page(tmp_path, page)
    text = "page.md:5: sh -c 'echo no luck; exit 3'\nexit status 3\nno luck"
    assert str(error.value) == text


def test_an_output_that_is_another_is_found(tmp_path: Path) -> None:
    """Numbers may differ, words may not."""
    assert run_page(tmp_path, "```console\n$ echo pid $$: hardened\npid 12: hardened\n```\n") == 1
    with pytest.raises(PageError, match=r"should print:\npid 12: exposed\nprinted:\npid"):
        run_page(tmp_path / "other", "```console\n$ echo pid $$: hardened\npid 12: exposed\n```\n")


def test_a_program_that_fails_is_found(tmp_path: Path) -> None:
    """A block of Python is run as it stands."""
    with pytest.raises(PageError, match=r"AttributeError: .*no_such_name"):
        run_page(
            tmp_path, "```python\nimport process_hardening\nprocess_hardening.no_such_name\n```\n"
        )


def test_a_page_keeps_its_state(tmp_path: Path) -> None:
    """Variables, the folder, files of blocks and background jobs; `...` stands for what varies."""
    page = """
<!-- file: notes/hello.txt -->
```text
hello
```

```console
$ cd notes
$ sleep 60 & name=$!
```

```console
$ cat hello.txt && ps -o args= -p $name
hello
sl... 60
$ for line in 1 2 3; do
>   echo "line $line"
> done
line 1
...
line 3
```
"""
    assert run_page(tmp_path, page) == 3


def test_what_is_not_run_has_a_reason(tmp_path: Path) -> None:
    """And a command may end with the status that the page names."""
    page = """
<!-- not run: it would never end -->
```console
sleep infinity
```

<!-- may exit with 1 -->
```console
false
```
"""
    assert run_page(tmp_path, page) == 2


def test_a_hidden_block_prepares_the_next(tmp_path: Path) -> None:
    """With commands, or as the beginning of the next program. A block may have two comments."""
    page = """
<!-- hidden console
$ echo text >made
-->
```console
$ cat made
text
```

<!-- hidden python
from pathlib import Path
-->
```python
print(Path("made").read_text())
```

<!-- run by make docs-check -->
<!-- may exit with 4 -->
```console
test -e made && (exit 4)
```
"""
    assert run_page(tmp_path, page) == 5
    with pytest.raises(PageError, match="NameError"):
        run_page(tmp_path / "other", page.replace("import Path", "import PurePath"))


def test_a_command_may_have_several_lines(tmp_path: Path) -> None:
    """Without prompts, a backslash goes on with it."""
    page = "```console\ntest 1 = \\\n  1\nfalse\n```\n"
    with pytest.raises(PageError, match=r"page.md:4: false"):
        run_page(tmp_path, page)


WRONG = [
    ("console", "$ if true"),
    ("console", "make no-such-target"),
    ("console", ".venv/bin/python -m pytest tests/unit/test_elf.py -k no_such_test"),
    ("dockerfile", "RUN true\nRUNS false"),
    ("dockerfile", "RUN if true"),
    ("dockerfile", "CMD [gunicorn]"),
    ("ini", "[Service]\nExecStart=/opt/x\nLimitCORE=none of it"),
    ("json", "{"),
    ("python", "print("),
    ("sh", "cat $FILE | grep 'x"),
    ("yaml", "- a: [b"),
    ("yaml", "jobs:\n  one:\n    steps: []"),
    ("yaml", "- ansible.builtin.debgu:\n    msg: x"),
    ("yaml", "unknown: kind"),
]


@pytest.mark.parametrize(("language", "text"), WRONG)
def test_a_block_that_is_wrong_is_found(language: str, text: str) -> None:
    """By what checks its kind in place of running it."""
    block = Block(1, language, text, ("not run: it is wrong",))
    with pytest.raises(PageError, match=r"^page\.md:1: ."):
        pages.check_block("page.md", block)
