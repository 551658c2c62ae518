"""What an import costs in modules, and what the package shows to the outside."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import json
import re
from pathlib import Path

import pytest

import process_hardening as ph
import support

NEVER = {
    "argparse",
    "collections.abc",
    "ctypes",
    "dataclasses",
    "enum",
    "re",
    "rich",
    "subprocess",
    "textual",
    "typing",
}
"""What the design forbids by name; the allow-lists below forbid the rest too."""

REPORTED = (
    "import sys, json; before = set(sys.modules); {};"
    " print(json.dumps(sorted(set(sys.modules) - before)))"
)

RUN_MODULES = {
    "__future__",
    "_struct",
    "encodings.ascii",  # of the numbers in /proc/sys
    "process_hardening",
    "process_hardening.cli.main",
    "process_hardening.cli",
    "process_hardening.cli.run",
    "process_hardening.errors",
    "process_hardening.hardening",
    "process_hardening.launch",
    "process_hardening.elf",
    "process_hardening.launch.execute",
    "process_hardening.launch.plan",
    "process_hardening.launch.program",
    "process_hardening.environment",
    "struct",
}


def added_by(python: str, statements: str) -> set[str]:
    """The modules that statements load in a fresh interpreter, beyond those it starts with."""
    result = support.run([python, "-c", REPORTED.format(statements)])
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


@pytest.mark.parametrize(
    "statements",
    [
        "import process_hardening",
        "import process_hardening as ph; ph.pre_main_hardening()",
        "import process_hardening as ph; ph.harden(); ph.harden(None); ph.pre_main_hardening()",
        "import os; os.environ['LD_X'] = '1'; import process_hardening as ph; ph.harden()",
        "import process_hardening as ph; dir(ph); ph.Report; ph.__all__; hasattr(ph, 'nothing')",
    ],
)
def test_the_package_is_one_module(python: str, statements: str) -> None:
    """Import and call add the extension and nothing else."""
    assert added_by(python, statements) == {"process_hardening"}


@pytest.mark.parametrize(
    ("statements", "modules"),
    [
        ("ph.DEFAULT", {"policy", "variables"}),
        ("ph.harden(ph.STRICT)", {"policy", "variables"}),
        ("ph.HardeningError", {"errors"}),
        ("ph.status()", {"hardening", "variables"}),
        ("ph.child_env()", {"hardening", "variables"}),
        ("ph.check_child", {"children", "hardening", "variables"}),
    ],
)
def test_a_name_loads_its_own_modules(python: str, statements: str, modules: set[str]) -> None:
    """Each lazy name costs what it needs, and nothing of the standard library."""
    added = added_by(python, f"import process_hardening as ph; {statements}") - {"__future__"}
    assert added == {"process_hardening", *(f"process_hardening.{name}" for name in modules)}


def imported_by(argv: list[str]) -> set[str]:
    """The modules that an interpreter imports until it ends or becomes another program."""
    result = support.run([argv[0], "-X", "importtime", *argv[1:]])
    assert result.returncode == 0, result.stderr
    return set(re.findall(r"^import time:.*\| +(\S+)$", result.stderr, re.MULTILINE)) - {"package"}


def test_run_loads_what_it_needs(python: str, command: str) -> None:
    """The import set of `run`, which stands between a user and every program."""
    bare = imported_by([python, "-c", "pass"])
    loaded = imported_by([python, command, "run", "--", "true"]) - bare
    assert not loaded & NEVER
    assert loaded <= RUN_MODULES, f"not in the list: {loaded - RUN_MODULES}"
    assert RUN_MODULES - loaded <= {"struct", "_struct", "encodings.ascii"}


def test_every_public_name_exists_and_has_a_type() -> None:
    """__all__, dir() and the stub agree; each name is there and is documented."""
    stub = ast.parse(Path(str(ph.__file__)).with_name("__init__.pyi").read_text())
    typed = {
        alias.asname for node in stub.body if isinstance(node, ast.ImportFrom)
        for alias in node.names
    } | {
        node.name for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }  # fmt: skip
    public = {name for name in typed if name and not name.startswith("_")} - {"final"}
    assert set(ph.__all__) == public
    assert len(ph.__all__) == len(public)
    assert dir(ph) == sorted(ph.__all__)
    for name in ph.__all__:
        value = getattr(ph, name)
        assert inspect.getdoc(value), name
    assert ph.__doc__


@pytest.mark.parametrize("name", ["_preload_entry", "_status", "_removed", "_initial_environment"])
def test_the_stub_names_what_the_package_uses_itself(name: str) -> None:
    """A private name of the extension has a type too."""
    stub = Path(str(ph.__file__)).with_name("__init__.pyi").read_text()
    assert name in stub
    assert hasattr(ph, name)


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (ph.harden, "(policy=None, /)"),
        (ph.pre_main_hardening, "(policy=None, *, reexec=False)"),
    ],
)
def test_native_functions_have_a_signature(function: object, signature: str) -> None:
    """help() and editors show it."""
    assert callable(function)
    assert str(inspect.signature(function)) == signature


def test_star_import_brings_the_public_names(python: str) -> None:
    """All of them, and the lazy ones too."""
    code = (
        "namespace = {}; exec('from process_hardening import *', namespace);"
        "import process_hardening as ph; assert set(ph.__all__) <= set(namespace), namespace"
    )
    assert support.run([python, "-c", code]).returncode == 0


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in every module."""
    with pytest.raises(AttributeError, match="module 'process_hardening' has no attribute 'nothi"):
        _ = ph.nothing  # type: ignore[attr-defined]
    assert not hasattr(ph, "nothing")
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from process_hardening import nothing  # type: ignore[attr-defined]  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"process_hardening\.nothing"):
        importlib.import_module("process_hardening.nothing")


def test_the_version_is_the_installed_one() -> None:
    """One number, from pyproject.toml."""
    assert ph.__version__ == importlib.metadata.version("process-hardening")


def test_public_objects_are_the_same_each_time() -> None:
    """A lazy name is looked up once: `except ph.HardeningError` works with any import style."""
    from process_hardening.errors import HardeningError
    from process_hardening.hardening import Status

    assert ph.HardeningError is HardeningError
    assert ph.Status is Status
    assert ph.HardeningError is vars(ph)["HardeningError"]


def test_a_report_is_made_by_the_package_only() -> None:
    """A Report says what happened: nobody else can write one, or change it."""
    report = ph.harden(ph.Policy(inspection=False, core_limit=False, environment=False))
    with pytest.raises(TypeError):
        ph.Report()
    for name in ("inspection", "removed", "bypassed", "other"):
        with pytest.raises(AttributeError):
            setattr(report, name, "applied")
        with pytest.raises((AttributeError, TypeError)):
            delattr(report, name)
