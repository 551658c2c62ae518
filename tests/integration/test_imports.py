"""What an import costs in modules, and what the package shows to the outside."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import process_hardening as ph
import support
from victims import PROGRAMS

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

NOTHING: Any = {"inspection": False, "core_limit": False, "environment": False}
"""A policy that leaves the process of the tests as it is."""

RUN_MODULES = {
    "__future__",
    "process_hardening",
    "_process_hardening",
    "process_hardening.cli",
    "process_hardening.cli.main",
    "process_hardening.cli.run",
    "process_hardening.environment",
    "process_hardening.errors",
    "process_hardening.launch",
    "process_hardening._launcher",
    "process_hardening.system",
}


def added_by(python: str, statements: str) -> set[str]:
    """The modules that statements load in a fresh interpreter, beyond those it starts with."""
    result = support.run([python, str(PROGRAMS / "loaded_modules.py"), statements])
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "statements",
    [
        "import process_hardening",
        "import process_hardening as ph; ph.pre_main_hardening()",
        "import process_hardening as ph; ph.harden(); ph.harden(None); ph.pre_main_hardening()",
        "import process_hardening as ph; ph.Report",
    ],
)
def test_import_and_call_load_two_files(python: str, statements: str) -> None:
    """The package and the extension, and nothing of the standard library."""
    assert added_by(python, statements) == {"process_hardening", "_process_hardening"}


@pytest.mark.parametrize(
    ("statements", "modules"),
    [
        ("os.environ['LD_X'] = '1'; ph.harden()", {"environment"}),
        ("dir(ph); ph.__all__; ph.__version__; hasattr(ph, 'nothing')", {"_names"}),
        ("ph.DEFAULT", {"_names", "environment", "policy", "record", "variables"}),
        ("ph.harden(ph.STRICT)", {"_names", "environment", "policy", "record", "variables"}),
        ("ph.HardeningError", {"_names", "errors"}),
        ("ph.harden(); ph.status()", {"_names", "environment", "record", "state", "system"}),
        ("ph.child_env()", {"_names", "environment", "variables"}),
        (
            "ph.check_child",
            {"_names", "child_check", "children", "environment", "errors", "preload", "record"},
        ),
    ],
)
def test_a_name_loads_its_own_modules(python: str, statements: str, modules: set[str]) -> None:
    """A lazy name costs what it needs, and nothing of the standard library."""
    added = added_by(python, f"import os, process_hardening as ph; {statements}")
    names = {f"process_hardening.{name}" for name in modules}
    assert added - {"__future__"} == {"process_hardening", "_process_hardening", *names}


def imported_by(argv: list[str]) -> set[str]:
    """The modules that an interpreter imports until it ends or becomes another program."""
    result = support.run([argv[0], "-X", "importtime", *argv[1:]])
    assert result.returncode == 0, result.stderr
    return set(re.findall(r"^import time:.*\| +(\S+)$", result.stderr, re.MULTILINE)) - {"package"}


def test_run_loads_what_it_needs(python: str) -> None:
    """The import set of `run`, which stands between a user and every program."""
    bare = imported_by([python, "-c", "pass"])
    # What the script of the entry point itself imports is pip's, or uv's.
    code = "from process_hardening.cli.main import main; raise SystemExit(main())"
    loaded = imported_by([python, "-c", code, "run", "--", "true"]) - bare
    assert not loaded & NEVER
    assert loaded <= RUN_MODULES, f"not in the list: {loaded - RUN_MODULES}"
    assert loaded >= RUN_MODULES


def test_version_loads_no_command(python: str) -> None:
    """Bug reports begin with it, and deployments ask it."""
    code = "from process_hardening.cli.main import main; main()"
    loaded = imported_by([python, "-c", code, "--version"])
    assert "process_hardening.parser" in loaded
    assert not {name for name in loaded if name.startswith("process_hardening.verify")}


def names_for_type_checkers() -> set[str]:
    """The names that _lazy.pyi imports and __init__.py defines."""
    tree = ast.parse(Path(str(ph.__file__)).read_text())
    lazy = ast.parse(Path(str(ph.__file__)).with_name("_lazy.pyi").read_text())
    imported = {
        alias.asname
        for node in lazy.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    defined = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    return imported | {name for name in defined if not name.startswith("_")}


def test_type_checkers_see_the_names_that_programs_see() -> None:
    """The table of lazy names and the imports for type checkers agree."""
    assert names_for_type_checkers() == set(ph.__all__)
    assert len(set(ph.__all__)) == len(ph.__all__)
    assert dir(ph) == sorted(ph.__all__)


@pytest.mark.parametrize("name", ph.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """help() has something to say."""
    assert inspect.getdoc(getattr(ph, name))


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (ph.harden, {"policy": None}),
        (ph.pre_main_hardening, {"policy": None, "reexec": False}),
    ],
)
def test_help_and_editors_show_the_real_function(
    function: Callable[..., object], parameters: dict[str, object]
) -> None:
    """Its signature and its source."""
    signature = inspect.signature(function)
    assert {name: p.default for name, p in signature.parameters.items()} == parameters
    assert f"def {function.__name__}(" in inspect.getsource(function)


def test_the_entry_of_the_preload_library_is_the_same_in_both_places() -> None:
    """__init__.py has its own, because it does not load environment.py, and resolves no links."""
    from process_hardening.environment import PRELOAD_ENTRY

    assert os.path.realpath(os.fsdecode(ph._PRELOAD_LIBRARY)) == os.fsdecode(PRELOAD_ENTRY)[11:]


def test_the_default_request_is_that_of_the_default_policy() -> None:
    """__init__.py has its own, because it does not load policy.py."""
    from process_hardening.policy import native_form

    assert native_form(ph.DEFAULT)[:3] == ph._DEFAULT[:3]
    assert native_form(ph.DEFAULT)[4:] == ph._DEFAULT[4:]


def test_star_import_brings_the_public_names(python: str) -> None:
    """All of them, and the lazy ones too."""
    code = "from process_hardening import *\nprint(*dir())"
    assert set(ph.__all__) <= set(support.run([python, "-c", code]).stdout.split())


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
    from process_hardening.state import Status

    assert ph.HardeningError is HardeningError
    assert ph.Status is Status
    assert ph.HardeningError is vars(ph)["HardeningError"]


def test_a_report_is_immutable() -> None:
    """It says what happened."""
    report = ph.harden(ph.Policy(inspection=False, core_limit=False, environment=False))
    for name in ("inspection", "removed", "bypassed", "other"):
        with pytest.raises(AttributeError):
            setattr(report, name, "applied")
        with pytest.raises(AttributeError):
            delattr(report, name)


@pytest.mark.parametrize(
    "make", [lambda: ph.harden(ph.DEFAULT.replace(**NOTHING)), ph.status, ph.Policy]
)
def test_records_are_equal_hashable_and_can_be_pickled(make: Callable[[], object]) -> None:
    """Reports, statuses and policies are ordinary values."""
    one, other = make(), make()
    assert one == other
    assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 -- our own bytes
    assert one != object()
    assert repr(one).startswith(f"{type(one).__name__}(")


@pytest.mark.parametrize("wrong", [{"pid": 1}, {"dumpable": 0}])
def test_a_record_needs_exactly_its_fields(wrong: dict[str, object]) -> None:
    """A missing or misspelt field is an error."""
    with pytest.raises(TypeError):
        ph.Status(**wrong)  # type: ignore[arg-type]
