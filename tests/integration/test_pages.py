"""The code blocks of the README and the tutorials do what the pages say (tools/pages.py)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import pages

import support

ROOT = Path(__file__).resolve().parents[2]

USER = None if os.getuid() else support.USER


PAGES = ["README.md", "docs/develop.md"]
PAGES += [f"docs/tutorials/{name}.md" for name in ("agent", "chat", "ci")]

INSTALLED = Path("/opt/signer")
"""What the tutorial of the daemon installs."""


@pytest.mark.parametrize("name", PAGES)
def test_the_code_blocks_of_a_page_work(name: str, user_tmp: Path) -> None:
    """From top to bottom, as a reader would type them, with the outputs that the page shows."""
    count = pages.Runner(name, user_tmp, USER).run_page((ROOT / name).read_text())
    assert count > 0


@pytest.fixture
def no_signer() -> Iterator[None]:
    """Nothing is installed before and after."""
    if INSTALLED.exists():
        pytest.fail(f"{INSTALLED} exists: the tutorial would overwrite it")
    yield
    shutil.rmtree(INSTALLED, ignore_errors=True)


@pytest.mark.usefixtures("no_signer", "default_suid_dumpable")
def test_the_code_blocks_of_the_daemon_work(user_tmp: Path) -> None:
    """The same as root, where the change of user alone refuses gdb (fs.suid_dumpable is 0)."""
    support.require_root()
    name = "docs/tutorials/daemon.md"
    assert pages.Runner(name, user_tmp).run_page((ROOT / name).read_text()) > 0


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
    with pytest.raises(pages.PageError, match="exit status 1"):
        run_page(tmp_path, page)
    pid = int((tmp_path / "process-hardening" / "pid").read_text())
    deadline = time.monotonic() + support.TIMEOUT
    while Path(f"/proc/{pid}").exists():  # killed, and soon reaped by init
        assert time.monotonic() < deadline
        time.sleep(0.01)


def run_page(folder: Path, page: str) -> int:
    """Run a page that is written in a test."""
    return pages.Runner("page.md", folder).run_page(page)


def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    """With the page and the line that it is in."""
    page = "# Page\n\n```console\ntrue\nsh -c 'echo no luck; exit 3'\n```\n"
    with pytest.raises(pages.PageError) as error:
        run_page(tmp_path, page)
    text = "page.md:5: sh -c 'echo no luck; exit 3'\nexit status 3\nno luck"
    assert str(error.value) == text


def test_an_output_that_is_another_is_found(tmp_path: Path) -> None:
    """Numbers may differ, words may not."""
    assert run_page(tmp_path, "```console\n$ echo pid $$: hardened\npid 12: hardened\n```\n") == 1
    with pytest.raises(pages.PageError, match=r"should print:\npid 12: exposed\nprinted:\npid"):
        run_page(tmp_path / "other", "```console\n$ echo pid $$: hardened\npid 12: exposed\n```\n")


def test_a_program_that_fails_is_found(tmp_path: Path) -> None:
    """A block of Python is run as it stands."""
    with pytest.raises(pages.PageError, match=r"AttributeError: .*no_such_name"):
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
