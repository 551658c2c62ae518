"""Harden a process: no debugger, no core dump, no injected library.

    import process_hardening as ph

    ph.pre_main_hardening()  # the first statement of main()
"""

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from process_hardening.children import ChildCheck as ChildCheck
    from process_hardening.children import ChildrenReport as ChildrenReport
    from process_hardening.children import check_child as check_child
    from process_hardening.children import harden_children as harden_children
    from process_hardening.children import popen_unhardened as popen_unhardened
    from process_hardening.debug_window import debuggable as debuggable
    from process_hardening.drift import guard_environment as guard_environment
    from process_hardening.drift import recheck as recheck
    from process_hardening.drift import rescrub as rescrub
    from process_hardening.drift import watch as watch
    from process_hardening.environment import child_env as child_env
    from process_hardening.errors import DebugWindowError as DebugWindowError
    from process_hardening.errors import HardeningError as HardeningError
    from process_hardening.errors import InjectorRefusedError as InjectorRefusedError
    from process_hardening.errors import MissingVariableError as MissingVariableError
    from process_hardening.errors import SecretMemoryError as SecretMemoryError
    from process_hardening.environment import ReportasReport
    from process_hardening.environment import hardenasharden
    from process_hardening.environment import pre_main_hardeningaspre_main_hardening
    from process_hardening.policy import DEFAULT as DEFAULT
    from process_hardening.policy import STRICT as STRICT
    from process_hardening.policy import Policy as Policy
    from process_hardening.secrets import SecretBuffer as SecretBuffer
    from process_hardening.secrets import take_env as take_env
    from process_hardening.state import Status as Status
    from process_hardening.state import status as status

_MODULE_OF = {
    "DEFAULT": "policy",
    "STRICT": "policy",
    "ChildCheck": "children",
    "ChildrenReport": "children",
    "DebugWindowError": "errors",
    "HardeningError": "errors",
    "InjectorRefusedError": "errors",
    "MissingVariableError": "errors",
    "Policy": "policy",
    "Report": "hardening",
    "SecretBuffer": "secrets",
    "SecretMemoryError": "errors",
    "Status": "state",
    "check_child": "children",
    "child_env": "environment",
    "debuggable": "debug_window",
    "guard_environment": "drift",
    "harden": "hardening",
    "harden_children": "children",
    "popen_unhardened": "children",
    "pre_main_hardening": "hardening",
    "recheck": "drift",
    "rescrub": "drift",
    "status": "state",
    "take_env": "secrets",
    "watch": "drift",
}
"""Public names, and the module that each is loaded from when it is first used (PEP 562)."""

__all__ = list(_MODULE_OF)  # noqa: PLE0604 -- the table above is the one place


def __getattr__(name: str) -> object:
    if name == "__version__":
        from process_hardening._native import __version__

        return __version__
    if name in _MODULE_OF:
        module = __import__(f"{__name__}.{_MODULE_OF[name]}", fromlist=(name,))
        globals()[name] = getattr(module, name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
