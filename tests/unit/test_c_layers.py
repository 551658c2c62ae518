"""What the C files may include and call (docs/architecture.md, "Layers")."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "native"
SOURCES = sorted(str(path.relative_to(NATIVE)) for path in NATIVE.rglob("*.[ch]"))
SYSTEMS = {path.stem for path in (NATIVE / "core" / "platform").glob("*.c")}
COMMON = [name for name in SOURCES if Path(name).parent == Path("core")]
"""The part of the core that is the same on every system."""

FOR_PYTHON = {"module.c", "failure.h", "guard.c", "guard.h", "borrow.h", "interpreters.h"}
"""The names of the files that use Python's C API; all others run before Python or without it."""

FOR_LINUX = {name for name in SOURCES if name.startswith(("exec/", "launch/", "preload/"))}
"""Linux's, without saying so in their names."""

GENERATED = {"launch/variables.h"}
"""Written by launch.cmake into the build folder."""

LAYERS = {
    "core": set(),
    "exec": {"core"},
    "launch": {"core", "exec"},
    "preload": {"core", "exec"},
    "window": {"core"},
    "secret": set(),
    "confine": {"launch"},
}
"""The other folders that the C files of a folder may include from."""

STANDARD = {"errno.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
"""The headers of the C standard that need no allocation and no stdio."""


@functools.cache
def read_code(name: str) -> str:
    """Return a C file without its comments and strings."""
    text = (NATIVE / name).read_text()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    return re.sub(r'(?<!include )"(\\.|[^"\\\n])*"', '""', text)


def own_headers(name: str) -> set[str]:
    """Return the headers of ours that a C file includes, by their path below native/."""
    included = re.findall(r'^\s*#\s*include\s*"(.*)"', read_code(name), re.MULTILINE)
    folder = (NATIVE / name).parent
    found = {str((folder / path).resolve().relative_to(NATIVE)) for path in included}
    return found - GENERATED


def system_headers(name: str) -> set[str]:
    """Return the headers in <> that a C file includes, also through headers of ours."""
    direct = re.findall(r"^\s*#\s*include\s*<(.*)>", read_code(name), re.MULTILINE)
    return {*direct}.union(*(system_headers(header) for header in own_headers(name)))


def system_of(name: str) -> str:
    """Return the system that a C file is for, or "" for common code."""
    first = re.split(r"[._]", Path(name).name)[0]
    return first if first in SYSTEMS else ""


@pytest.mark.parametrize("name", SOURCES)
def test_a_c_file_sees_no_file_of_another_system(name: str) -> None:
    system = "linux" if name in FOR_LINUX else system_of(name)
    shared = {"", "posix"} if system not in {"linux", "windows"} else {""}
    assert {system_of(header) for header in own_headers(name)} <= {*shared, system}


def layer_of(name: str) -> str:
    """Return the folder directly below native/ that a C file is in, or "" for native/ itself."""
    return name.rpartition("/")[0].partition("/")[0]


@pytest.mark.parametrize("name", [name for name in SOURCES if layer_of(name)])
def test_a_c_file_sees_only_the_layers_below_its_own(name: str) -> None:
    """Files that use Python's C API may also include its helpers, which are in native/ itself."""
    layer = layer_of(name)
    helpers = {""} if is_for_python(name) else set()
    assert {layer_of(header) for header in own_headers(name)} <= {layer, *LAYERS[layer], *helpers}


def is_for_python(name: str) -> bool:
    """Whether a C file uses Python's C API."""
    return Path(name).name in FOR_PYTHON


WITHOUT_PYTHON = [name for name in SOURCES if not is_for_python(name)]


@pytest.mark.parametrize("name", WITHOUT_PYTHON)
def test_what_runs_without_python_does_not_see_it(name: str) -> None:
    assert "Python.h" not in system_headers(name)


@pytest.mark.parametrize("name", WITHOUT_PYTHON)
def test_what_runs_without_python_allocates_and_prints_nothing(name: str) -> None:
    """It also runs before main() and without libc: no malloc and no stdio."""
    words = set(re.findall(r"[A-Za-z_]\w*", read_code(name)))
    assert not words & {
        *("malloc", "calloc", "realloc", "free", "strdup", "alloca", "asprintf"),
        *("printf", "fprintf", "sprintf", "snprintf", "puts", "fputs", "perror", "FILE", "stderr"),
    }
    assert "stdio.h" not in system_headers(name)


@pytest.mark.parametrize("name", COMMON)
def test_the_common_core_knows_no_system(name: str) -> None:
    """What differs between systems is in core/platform/; CMake picks one file of it."""
    assert system_headers(name) <= STANDARD
    conditions = re.findall(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*", read_code(name), re.MULTILINE)
    assert len(conditions) == (1 if name.endswith(".h") else 0)  # a header has its guard


HEADERS = [name for name in SOURCES if name.endswith(".h") and "/stub/entry/" not in name]
"""Not those of stub/entry/: each is the part of entry.c that one architecture has."""


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_has_its_guard(name: str) -> None:
    conditions = re.findall(r"^ *#\s*(?:if|ifdef|ifndef)\b.*", read_code(name), re.MULTILINE)
    guard = "PH_" + Path(name).name.upper().replace(".", "_")
    assert conditions[0] == f"#ifndef {guard}"
