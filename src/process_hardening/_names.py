"""The public names that __init__.py does not define. Each is loaded on first use (PEP 562).

This is a separate module because a start that only hardens needs none of them. Type checkers and
editors read _lazy.pyi.
"""

import sys

from process_hardening import _native

_MODULE_OF = {
    "DEFAULT": "policy",
    "STRICT": "policy",
    "ChildCheck": "child_check",
    "ChildrenReport": "children",
    "Confinement": "domain",
    "ConfinementError": "errors",
    "DebugWindowError": "errors",
    "Drift": "drift",
    "HardeningError": "errors",
    "InjectorRefusedError": "errors",
    "MissingVariableError": "errors",
    "Policy": "policy",
    "SecretBuffer": "secrets",
    "SecretMemoryError": "errors",
    "Status": "state",
    "check_child": "child_check",
    "child_env": "environment",
    "confine": "domain",
    "confined": "domain",
    "confinement": "domain",
    "debuggable": "debug_window",
    "guard_environment": "drift",
    "harden_children": "children",
    "popen_confined": "domain",
    "popen_unhardened": "children",
    "recheck": "drift",
    "rescrub": "drift",
    "status": "state",
    "take_env": "secrets",
    "watch": "drift",
}

PUBLIC_NAMES = ["Report", "harden", "pre_main_hardening", *_MODULE_OF]
"""process_hardening.__all__."""

_OTHERS = {"__all__": PUBLIC_NAMES, "__version__": _native.VERSION}


def load(name: str) -> object:
    """Return the value of a public name and store it in the package. Raises AttributeError."""
    package = __name__.partition(".")[0]
    if name in _MODULE_OF:
        module = __import__(f"{package}.{_MODULE_OF[name]}", fromlist=(name,))
        value = getattr(module, name)
    elif name in _OTHERS:
        value = _OTHERS[name]
    else:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    setattr(sys.modules[package], name, value)
    return value
