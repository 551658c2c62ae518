"""The tables that say what each variable is."""

from __future__ import annotations

import re

import pytest

from process_hardening import variables
from process_hardening.variables import (
    DIAGNOSTIC,
    INJECTOR,
    SEARCH_PATH,
    STRICT_VARIABLES,
    is_loader_variable,
    kind_of,
)

SYSTEMS = ("linux", "android", "darwin", "freebsd14", "openbsd7", "netbsd10")


def loader_table(system: str) -> dict[str, str]:
    """What the package knows of a system's loader."""
    table: dict[str, str] = variables._table(system)[1]
    return table


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_row_has_a_kind_and_a_name_of_its_loader(system: str) -> None:
    """A row that is_loader_variable() denies would never be looked up."""
    for name, kind in loader_table(system).items():
        assert kind in (INJECTOR, SEARCH_PATH, DIAGNOSTIC)
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", name)
        assert is_loader_variable(name, system)
        assert kind_of(name, system) == kind


@pytest.mark.parametrize("system", SYSTEMS)
def test_strict_adds_no_name_of_a_loader(system: str) -> None:
    """No name is in two tables, so none has two kinds; STRICT holds no loader variable anyway."""
    assert not STRICT_VARIABLES.keys() & loader_table(system).keys()
    for name, kind in STRICT_VARIABLES.items():
        assert kind in (INJECTOR, SEARCH_PATH, DIAGNOSTIC)
        assert re.fullmatch(r"[A-Z_][A-Z0-9_]+\*?", name)
        assert not is_loader_variable(name, system)


@pytest.mark.parametrize(
    ("name", "system", "kind"),
    [
        ("LD_PRELOAD", "linux", INJECTOR),
        ("LD_AUDIT", "linux", INJECTOR),
        ("LD_LIBRARY_PATH", "linux", SEARCH_PATH),
        ("LD_DEBUG", "linux", DIAGNOSTIC),
        ("LD_PRELOAD", "android", INJECTOR),
        ("DYLD_INSERT_LIBRARIES", "darwin", INJECTOR),
        ("DYLD_LIBRARY_PATH", "darwin", SEARCH_PATH),
        ("DYLD_FALLBACK_LIBRARY_PATH", "darwin", SEARCH_PATH),
        ("DYLD_PRINT_TO_FILE", "darwin", DIAGNOSTIC),
        ("LD_PRELOAD", "openbsd7", INJECTOR),
        ("LD_LIBRARY_PATH", "netbsd10", SEARCH_PATH),
        ("LD_LIBMAP", "freebsd14", INJECTOR),
        ("LD_32_PRELOAD", "freebsd14", INJECTOR),
        ("LD_32_LIBRARY_PATH", "freebsd14", SEARCH_PATH),
        ("LD_64_LIBRARY_PATH", "freebsd14", SEARCH_PATH),
        ("LD_64_DEBUG", "freebsd14", DIAGNOSTIC),
        ("LD_32_SOMETHING_NEW", "freebsd14", INJECTOR),
        ("PYTHONPATH", "linux", SEARCH_PATH),
        ("BASH_ENV", "darwin", INJECTOR),
        ("GLIBC_TUNABLES", "linux", DIAGNOSTIC),
    ],
)
def test_known_variables_have_the_kind_of_the_manual(name: str, system: str, kind: str) -> None:
    """The kinds of what ld.so(8), rtld(1) and dyld(1) describe."""
    assert kind_of(name, system) == kind


@pytest.mark.parametrize("system", [*SYSTEMS, "win32", "cygwin", "sunos5", ""])
@pytest.mark.parametrize("name", ["LD_TOMORROW", "DYLD_TOMORROW", "LD_", "", "ld_library_path"])
def test_what_no_table_knows_counts_as_an_injector(name: str, system: str) -> None:
    """So that child_env() never hands on what it does not know."""
    assert kind_of(name, system) == INJECTOR


@pytest.mark.parametrize(
    ("name", "system", "expected"),
    [
        ("LD_ANYTHING", "linux", True),
        ("LD_", "linux", True),
        ("LD", "linux", False),
        ("ld_preload", "linux", False),
        ("MY_LD_PRELOAD", "linux", False),
        ("LDFLAGS", "linux", False),
        ("DYLD_LIBRARY_PATH", "linux", False),
        ("DYLD_LIBRARY_PATH", "darwin", True),
        ("LD_PRELOAD", "darwin", False),
        ("LD_PRELOAD", "win32", False),
        ("LD_32_PRELOAD", "freebsd14", True),
    ],
)
def test_a_loader_variable_is_one_by_its_prefix(name: str, system: str, expected: bool) -> None:
    """As the loaders themselves compare, to the letter."""
    assert is_loader_variable(name, system) is expected
