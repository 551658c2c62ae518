"""Harden a process: no debugger, no core dump, no injected library.

The package itself is an extension, native/python.c.
"""

from typing import final

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
from process_hardening.errors import DebugWindowError as DebugWindowError
from process_hardening.errors import HardeningError as HardeningError
from process_hardening.errors import InjectorRefusedError as InjectorRefusedError
from process_hardening.errors import MissingVariableError as MissingVariableError
from process_hardening.errors import SecretMemoryError as SecretMemoryError
from process_hardening.hardening import Status as Status
from process_hardening.hardening import child_env as child_env
from process_hardening.hardening import status as status
from process_hardening.policy import DEFAULT as DEFAULT
from process_hardening.policy import STRICT as STRICT
from process_hardening.policy import Policy as Policy
from process_hardening.secret_memory import SecretBuffer as SecretBuffer
from process_hardening.secret_memory import take_env as take_env

__version__: str
__all__ = [
    "DEFAULT",
    "STRICT",
    "ChildCheck",
    "ChildrenReport",
    "DebugWindowError",
    "HardeningError",
    "InjectorRefusedError",
    "MissingVariableError",
    "Policy",
    "Report",
    "SecretBuffer",
    "SecretMemoryError",
    "Status",
    "check_child",
    "child_env",
    "debuggable",
    "guard_environment",
    "harden",
    "harden_children",
    "popen_unhardened",
    "pre_main_hardening",
    "recheck",
    "rescrub",
    "status",
    "take_env",
    "watch",
]

@final
class Report:
    """What a call of harden() or pre_main_hardening() did.

    Each step is 'applied', 'already in place', 'unsupported here' or 'skipped'.
    """

    @property
    def inspection(self) -> str: ...
    @property
    def core_limit(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def no_new_privs(self) -> str: ...
    @property
    def seal(self) -> str: ...
    @property
    def children(self) -> str: ...
    @property
    def removed(self) -> tuple[str, ...]: ...
    @property
    def bypassed(self) -> bool: ...

def harden(policy: Policy | None = None, /) -> Report: ...
def pre_main_hardening(policy: Policy | None = None, *, reexec: bool = False) -> Report: ...

_preload_entry: bytes
_children_variable: str
_keep_variable: str
_hook: str
"""Which function of the start-up hook was called when this interpreter started, or ""."""

def _harden_always() -> Report: ...
def _harden_on_request() -> Report | None: ...
def _status() -> tuple[int, int, int, int, int, tuple[int, int] | None, tuple[str, ...]]: ...
def _expose() -> None: ...
def _take_variable(name: bytes, /) -> bytearray | None: ...
def _protect(address: int, size: int, /) -> str: ...
def _removed() -> dict[bytes, bytes]: ...
def _initial_environment() -> list[bytes]: ...
def _restore_signals() -> None: ...
def _exec_file(path: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...], /) -> None: ...
def _exec_image(
    fd: int, name: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...], /
) -> None: ...
