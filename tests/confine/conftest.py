"""What the tests of confining share: the installed command, C programs, and victims."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import support
from outsider import Outsider

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).with_name("programs")


@pytest.fixture(scope="session")
def confine() -> str:
    """The installed command."""
    return support.find_tool("confine")


@pytest.fixture(scope="session")
def make() -> Iterator[support.Compiler]:
    """Builds the C programs of this folder."""
    with tempfile.TemporaryDirectory(prefix="ph-confine-") as name:
        Path(name).chmod(0o755)
        yield support.Compiler(PROGRAMS, Path(name))


@pytest.fixture(scope="session")
def start_victim(make: support.Compiler) -> Callable[..., Outsider]:
    """Starts a victim that belongs to the unprivileged user."""

    def start(*prefix: str, **options: Any) -> Outsider:
        return Outsider([*prefix, str(make("victim.c"))], **options)

    return start
