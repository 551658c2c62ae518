"""Which module may import which (docs/architecture.md, "Layers"), and that there are no circles."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FACE = "process_hardening"
NAMES = f"{FACE}._names"
PACKAGE = ROOT / "src" / FACE

# From the ground up; a name stands for a module, or for everything in a package.
# A module may import from its own layer and from those below it.
LAYERS: list[set[str]] = [
    {"_native", "_launcher", "_secret_memory", "_debug_window", "_confine"},
    {
        "system",
        "record",
        "errors",
        "variables",
        "secret_names",
        "password_options",
        "terminal",
        "runtimes",
        "shell",
    },
    {"output", "files", "changers", "table", "parser", "document"},
    {"policy", "environment", "preload", "state", "elf"},
    {"launch"},
    {FACE, "_names"},  # harden(), pre_main_hardening(), and the other public names
    {"drift", "secrets", "debug_window", "startup_hook", "domain", "separate"},
    {"interpreter_copy", "interpreter", "root_guard", "hook_installer"},
    {"audit", "verify"},
    {"children"},
    {"child_check"},
    {"cli", "tui"},
    {"cli.main", "__main__", "pytest_plugin"},
]
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
EXTENSIONS = LAYERS[0]


def part_of(module: str) -> str:
    """Return the entry of LAYERS that a module belongs to."""
    words = module.split(".")[1:] or [FACE]
    for length in range(len(words), 0, -1):
        part = ".".join(words[:length])
        if part in RANKS:
            return part
    pytest.fail(f"add {module} to LAYERS")


@functools.cache
def find_modules() -> dict[str, Path]:
    """Return the file of every module of the package; of an extension, its stub."""
    extensions = [PACKAGE / f"{name}.pyi" for name in EXTENSIONS]
    paths = [*extensions, *PACKAGE.rglob("*.py")]
    names = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in paths)
    return {
        ".".join(name).removesuffix(".__init__"): path
        for name, path in zip(names, paths, strict=True)
    }


class ImportFinder(ast.NodeVisitor):
    """Collects the modules of ours that a module imports: by statement or by name.

    A name is a string that is a whole dotted name, as in the table of commands, or what follows
    `import`, `from` or `-m` in a longer string, as in a program to be started. An f-string that
    begins with a package stands for the modules of it that the file names elsewhere, or for all.
    """

    def __init__(self, own: str, modules: Collection[str]) -> None:
        self.own = own
        self.modules = modules
        self.found: set[str] = set()
        self.words: set[str] = set()
        self.prefixes: set[str] = set()

    def find_in(self, source: str) -> set[str]:
        """Return the imports of a source text."""
        self.visit(ast.parse(source))
        # The table of lazy names serves programs; a test below sees that no module of ours asks it.
        prefixes = set() if self.own == NAMES else self.prefixes
        for prefix in prefixes:
            below = {name for name in self.modules if name.startswith(f"{prefix}.")}
            named = {f"{prefix}.{word}" for word in self.words}
            chosen = {name for name in below if any(f"{name}.".startswith(f"{n}.") for n in named)}
            self.found |= chosen or below
        return self.found - {self.own}

    def add(self, name: str) -> None:
        """Add the module that a dotted name is of: itself, or the one that defines it."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        if name:
            self.found.add(name)

    def visit_Import(self, node: ast.Import) -> None:
        """Add what `import` names."""
        for alias in node.names:
            self.add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Add what `from` names; no import is relative."""
        assert node.level == 0, f"{self.own}: a relative import"
        for alias in node.names:
            self.add(f"{node.module}.{alias.name}")

    def visit_If(self, node: ast.If) -> None:
        """Leave out what only a type checker imports."""
        if ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Leave out docstrings, which may name any module."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Add the module in `process_hardening.module.name`."""
        name = ast.unparse(node)
        if name.startswith(f"{FACE}."):
            self.add(name)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Add the modules that a string names."""
        if not isinstance(node.value, str):
            return
        self.words.add(node.value)
        pattern = rf"(?:\b(?:import|from)|-m)\s+({FACE}[.\w]+)"
        for name in (node.value, *re.findall(pattern, node.value)):
            if re.fullmatch(rf"{FACE}(\.\w+)+", name):
                self.add(name)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Keep the package that an f-string begins with."""
        text = "".join(self.text_of(part) for part in node.values)
        prefix = text.partition("{")[0]
        if prefix.startswith(f"{FACE}.") and prefix.endswith("."):
            self.prefixes.add(prefix.removesuffix("."))
        self.generic_visit(node)

    def text_of(self, part: ast.expr) -> str:
        """Return the text of a part of an f-string, or "{" for a value that is not known."""
        if isinstance(part, ast.Constant):
            return str(part.value)
        is_own_name = isinstance(part, ast.FormattedValue) and ast.unparse(part.value) == "__name__"
        return self.own if is_own_name else "{"


@functools.cache
def imports_of(module: str) -> set[str]:
    """Return the modules of ours that a module imports, at its top or inside a function."""
    path = find_modules()[module]
    if path.suffix == ".pyi":
        return set()
    return ImportFinder(module, find_modules()).find_in(path.read_text())


@pytest.mark.parametrize("module", sorted(find_modules()))
def test_a_module_imports_from_its_own_layer_or_below(module: str) -> None:
    rank = RANKS[part_of(module)]
    assert [name for name in sorted(imports_of(module)) if RANKS[part_of(name)] > rank] == []


@pytest.mark.parametrize(("one", "other"), [("cli", "tui"), ("tui", "cli")])
def test_the_commands_and_the_tui_never_import_each_other(one: str, other: str) -> None:
    crossings = [
        (module, name)
        for module in find_modules()
        if part_of(module) == one
        for name in imports_of(module)
        if part_of(name) == other
    ]
    assert crossings == []


@pytest.mark.parametrize("part", ["audit", "verify", "cli", "tui"])
def test_only_the_lower_layers_import_an_extension(part: str) -> None:
    """Everything above goes through __init__, policy, environment, state and their neighbours."""
    users = [
        module
        for module in find_modules()
        if part_of(module).split(".")[0] == part
        if {part_of(name) for name in imports_of(module)} & EXTENSIONS
    ]
    assert users == []


def test_no_module_asks_for_a_lazy_name() -> None:
    """They would make a circle through __init__.py, which no test of imports could see."""
    lazy = set(
        re.findall(r'^    "(\w+)": "\w+",$', find_modules()[NAMES].read_text(), re.MULTILINE)
    )
    assert "Policy" in lazy
    for module, path in find_modules().items():
        imported = re.findall(rf"^\s*from {FACE} import (.*)$", path.read_text(), re.MULTILINE)
        aliases = re.findall(rf"^\s*import {FACE} as (\w+)$", path.read_text(), re.MULTILINE)
        used = {name for line in imported for name in re.split(r"[\s,]+", line)}
        for alias in aliases:
            used |= set(re.findall(rf"\b{alias}\.(\w+)", path.read_text()))
        assert used & lazy == set(), module


def walk_imports(module: str) -> Iterator[str]:
    """Yield every module that a module imports, directly or through others."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imports_of(waiting.pop()) - seen:
            seen.add(name)
            waiting.append(name)
            yield name


def test_no_imports_form_a_circle() -> None:
    """A circle is a set of modules each of which imports, in the end, all the others."""
    reached = {module: set(walk_imports(module)) for module in find_modules()}
    circles = {
        frozenset(name for name in names if module in reached[name])
        for module, names in reached.items()
        if module in names
    }
    assert sorted(map(sorted, circles)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import process_hardening.a", {"a"}),
        ("from process_hardening import a, b", {"a", "b"}),
        ("from process_hardening.a import function", {"a"}),
        ("import process_hardening\nprocess_hardening.a.function()", {"", "a"}),
        ("def f():\n    from process_hardening import a", {"a"}),
        ("import_module('process_hardening.a')", {"a"}),
        ("TABLE = {'name': 'process_hardening.a'}", {"a"}),
        ("run('python -m process_hardening.a --option')", {"a"}),
        ("run('import process_hardening.a; f()')", {"a"}),
        ("import_module(f'process_hardening.c.{name}')", {"c.x", "c.y"}),
        ("NAME = 'x'\nimport_module(f'process_hardening.c.{NAME}')", {"c.x"}),
        ("NAME = 'x'\nimport_module(f'{__name__}.{NAME}')", {"own.x"}),
        ("if TYPE_CHECKING:\n    from process_hardening import a", set()),
        ("'''See process_hardening.a.'''", set()),
        ("import os, process_hardening_other", set()),
    ],
)
def test_an_import_is_found_however_it_is_written(source: str, found: set[str]) -> None:
    modules = {FACE, *(f"{FACE}.{name}" for name in ("a", "b", "c.x", "c.y", "own.x"))}
    expected = {f"{FACE}.{name}".rstrip(".") for name in found}
    assert ImportFinder(f"{FACE}.own", modules).find_in(source) == expected
