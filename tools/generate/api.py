"""docs/reference/api.md: a line for each public name, and the directives that the site replaces.

A clone shows the lines; `make docs` puts each name's signature and docstring below them.
"""

from __future__ import annotations

import ast
import inspect
import itertools

from tools.generate.markdown import NOTE

import process_hardening
from process_hardening import policy, pytest_plugin

SECTIONS = (
    ("Hardening", "", ("pre_main_hardening", "harden", "Report", "HardeningError")),
    ("Policies", "", ("Policy", "DEFAULT", "STRICT")),
    ("The state", "", ("status", "Status")),
    (
        "Hardening that lasts",
        "[What undoes hardening](../lasting.md).",
        ("recheck", "Drift", "watch", "debuggable", "DebugWindowError"),
    ),
    (
        "Children",
        "[Which children are hardened](../children.md).",
        ("harden_children", "ChildrenReport", "check_child", "ChildCheck", "popen_unhardened"),
    ),
    (
        "Confining",
        "[What it stops, and what it does not](../confine.md).",
        (
            "confined",
            "popen_confined",
            "confine",
            "confinement",
            "Confinement",
            "ConfinementError",
        ),
    ),
    (
        "The environment",
        "",
        ("child_env", "rescrub", "guard_environment", "InjectorRefusedError"),
    ),
    ("Secrets", "", ("take_env", "MissingVariableError", "SecretBuffer", "SecretMemoryError")),
    (
        "Testing your own program",
        "[How to use the plugin](../develop.md#tests-with-pytest).",
        ("pytest_plugin.assert_hardened", "pytest_plugin.HardeningCall"),
    ),
)
"""Title, where to read more, names."""

_MEMBERS = {"Report": "true", "Policy": "[replace]", "SecretBuffer": "[from_env, close]"}
"""Which members of a class the site shows."""

_TOP = """# Python API

```python
import process_hardening as ph
```

Every name here but the last two is in `process_hardening.__all__`; `ph.__version__` is the version.
[Exit codes](exit-codes.md) lists the exit status of each failure.
`python -m pydoc process_hardening.NAME` shows the arguments, the return value and the errors of a
name, and so does the site that `make docs` builds.
"""


def _summary(name: str) -> str:
    """The first line of a name's docstring."""
    if name in ("DEFAULT", "STRICT"):
        return _constants()[name]
    owner = pytest_plugin if "." in name else process_hardening
    text = inspect.getdoc(getattr(owner, name.rpartition(".")[2]))
    assert text, name
    return text.splitlines()[0]


def _constants() -> dict[str, str]:
    """The first line of the string that follows each assignment of policy.py."""
    body = ast.parse(inspect.getsource(policy)).body
    texts = {}
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.Assign) and isinstance(following, ast.Expr):
            name = ast.unparse(statement.targets[0])
            texts[name] = ast.literal_eval(following.value).splitlines()[0]
    return texts


def _section(title: str, link: str, names: tuple[str, ...]) -> str:
    rows = [f"| `{name}` | {_summary(name)} |" for name in names]
    parts = [f"## {title}", *([link] if link else []), "\n".join(["| | |", "|---|---|", *rows])]
    for name in names:
        options = f"\n    options:\n      members: {_MEMBERS[name]}" if name in _MEMBERS else ""
        parts.append(f"::: process_hardening.{name}{options}")
    return "\n\n".join(parts)


def render() -> str:
    """The page."""
    return "\n\n".join([NOTE, _TOP.rstrip(), *(_section(*section) for section in SECTIONS)]) + "\n"
