"""Who may import whom (docs/architecture.md, "The house")."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "process_hardening"
NATIVE = ROOT / "native"

# From the ground up. A module imports from layers below its own, and from its own part.
LAYERS: list[set[str]] = [
    {"process_hardening", "_secret_memory", "_debug_window"},  # the extensions
    {"errors", "terminal", "variables", "secret_names"},
    {"files", "output", "policy"},
    {"hardening", "parser"},
    {"launch", "posture", "attacks", "drift", "secret_memory", "debug_window"},
    {"verify", "children", "hook"},
    {"reporters"},
    {"commands", "tui"},
    {"__main__", "pytest_plugin"},
]
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}


def modules() -> list[Path]:
    """The Python modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def part_of(name: str) -> str:
    """The part of the package that a module of the dotted name belongs to."""
    words = name.split(".")
    return words[1] if len(words) > 1 and words[1] in RANKS else words[0]


def imports_of(path: Path) -> Iterator[str]:
    """The dotted names of our own modules that a file imports, at its top or anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if is_ours(str(node.module)):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_ours(name: str) -> bool:
    """Whether it is of this package."""
    return name.split(".")[0] == "process_hardening"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_below(path: Path) -> None:
    """Never from above, nor from its neighbours: commands and tui share no code."""
    own = part_of(f"process_hardening.{path.relative_to(PACKAGE).with_suffix('').parts[0]}")
    assert own in RANKS, f"{path}: tell LAYERS where it belongs"
    for name in imports_of(path):
        part = part_of(name)
        assert part == own or RANKS[part] < RANKS[own], f"{path} imports {name}"


def test_every_part_has_its_layer() -> None:
    """A new module or folder of the package must be placed."""
    parts = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    }
    assert parts <= set(RANKS)


def test_private_names_of_the_extension_have_few_users() -> None:
    """The commands and what renders them go through hardening, launch and posture."""
    users = {
        part_of(f"process_hardening.{path.relative_to(PACKAGE).with_suffix('').parts[0]}")
        for path in modules()
        if re.search(r"\b(_native|process_hardening|ph)\._[a-z]", path.read_text())
    }
    assert users <= {
        *("children", "drift", "hardening", "hook", "launch", "posture", "secret_memory"),
    }


# The project's headers that each C file includes, and no others.
HEADERS = {
    "module.c": {"binding.h", "launch/image.h"},
    "binding.c": {"binding.h"},
    "binding.h": {"core/hardening.h"},
    "preload.c": {"core/hardening.h"},
    "core/hardening.h": set[str](),
    "core/harden.c": {"environment.h", "hardening.h", "platform.h"},
    "core/environment.h": {"hardening.h"},
    "core/environment.c": {"environment.h", "hardening.h", "platform.h"},
    "core/initial_block.c": {"environment.h", "hardening.h", "platform.h"},
    "core/message.c": {"hardening.h"},
    "core/platform.h": {"hardening.h"},
    "core/platform/linux.c": {"../platform.h", "linux_seal.h", "linux_syscall.h"},
    "core/platform/linux_seal.h": set(),
    "core/platform/linux_start.c": {"../platform.h"},
    "core/platform/linux_syscall.h": set(),
    "core/platform/posix.h": {"../platform.h"},
    "core/platform/posix.c": {"posix.h"},
    "core/platform/macos.c": {"posix.h"},
    "core/platform/freebsd.c": {"posix.h"},
    "core/platform/openbsd.c": {"posix.h"},
    "core/platform/netbsd.c": {"posix.h"},
    "core/platform/windows.c": {"../platform.h"},
    "launch/image.h": {"../core/hardening.h"},
    "launch/image.c": {"../core/platform.h", "../core/platform/linux_syscall.h", "image.h"},
    "launch/no_image.c": {"../core/platform.h", "image.h"},
    "secret/secret.h": set(),
    "secret/linux.c": {"secret.h"},
    "secret/other.c": {"secret.h"},
    "secret/module.c": {"../binding.h", "secret.h"},
    "window/window.h": {"../core/hardening.h"},
    "window/linux.c": {"../core/platform/linux_syscall.h", "window.h"},
    "window/other.c": {"window.h"},
    "window/module.c": {"../binding.h", "window.h"},
}
SYSTEM_FREE = {
    "core/harden.c": set[str](),
    "core/initial_block.c": set(),
    "core/message.c": {"errno.h"},
    "core/environment.c": {"errno.h"},
    "core/hardening.h": {"stddef.h", "stdint.h"},
    "core/platform.h": set(),
    "core/environment.h": set(),
}
"""The system headers of the files that every system compiles."""
PYTHON_FILES = {name for name in HEADERS if name.endswith("module.c")} | {"binding.c", "binding.h"}
"""The files that use Python, and thus may allocate."""


def sources() -> list[str]:
    """The C files, by their path below native/."""
    return sorted(str(path.relative_to(NATIVE)) for path in NATIVE.rglob("*.[ch]"))


def code_of(name: str) -> str:
    """A C file without its comments and strings."""
    text = (NATIVE / name).read_text()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    return re.sub(r'(?<!include )"(\\.|[^"\\\n])*"', '""', text)


@pytest.mark.parametrize("name", sources())
def test_a_c_file_includes_only_its_own_headers(name: str) -> None:
    """Platform files do not see each other; extensions and preload.c see only public headers."""
    assert name in HEADERS, f"native/{name} is missing from HEADERS"
    text = (NATIVE / name).read_text()
    assert set(re.findall(r'^\s*#\s*include\s*"(.*)"', text, re.MULTILINE)) == HEADERS[name]
    system = set(re.findall(r"^\s*#\s*include\s*<(.*)>", text, re.MULTILINE))
    assert ("Python.h" in system) == (name == "binding.h")
    if name in SYSTEM_FREE:
        assert system == SYSTEM_FREE[name]


@pytest.mark.parametrize("name", [name for name in sources() if name not in PYTHON_FILES])
def test_the_core_allocates_nothing_and_prints_nothing(name: str) -> None:
    """No malloc and no stdio: the core also runs without libc, before main()."""
    words = set(re.findall(r"[A-Za-z_]\w*", code_of(name)))
    assert not words & {
        *("malloc", "calloc", "realloc", "free", "strdup", "alloca", "asprintf"),
        *("printf", "fprintf", "sprintf", "snprintf", "puts", "fputs", "perror", "FILE", "stderr"),
    }
    assert "<stdio.h>" not in (NATIVE / name).read_text()


@pytest.mark.parametrize("name", [name for name in SYSTEM_FREE if name.endswith(".c")])
def test_the_common_code_asks_for_no_system(name: str) -> None:
    """What differs between systems is in platform/, where CMake picks files for one system."""
    assert not re.search(r"^\s*#\s*(if|ifdef|ifndef|elif)\b", code_of(name), re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in sources() if name.endswith(".h")])
def test_a_header_has_its_guard(name: str) -> None:
    """And in the shared headers it is the only condition."""
    conditions = re.findall(r"^ *#\s*(?:if|ifdef|ifndef)\b.*", code_of(name), re.MULTILINE)
    guard = "PH_" + Path(name).name.upper().replace(".", "_")
    assert conditions[0] == f"#ifndef {guard}"
    if not name.startswith("core/platform/"):
        assert len(conditions) == 1
