"""Harden a process: no debugger, no core dump, no injected library.

The package itself is an extension, native/python.c, whose docstrings stand here a second time.
"""

from collections.abc import Callable
from typing import TypeVar, final

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
    def inspection(self) -> str:
        """The step that keeps processes of the same user out."""
    @property
    def core_limit(self) -> str:
        """The step that sets RLIMIT_CORE to 0, soft and hard."""
    @property
    def environment(self) -> str:
        """The step that removes loader variables."""
    @property
    def no_new_privs(self) -> str:
        """The step that sets no_new_privs."""
    @property
    def seal(self) -> str:
        """The step that forbids to undo the first one."""
    @property
    def children(self) -> str:
        """The step that has later children hardened."""
    @property
    def removed(self) -> tuple[str, ...]:
        """Names of the variables that this call took out."""
    @property
    def bypassed(self) -> bool:
        """Whether the bypass variable made it skip every step."""

def harden(policy: Policy | None = None, /) -> Report:
    """Take the steps of a policy in this process.

    policy -- a Policy; None means DEFAULT

    Returns a Report. Raises HardeningError for the first step that fails; the steps
    before it stay. Raises TypeError when policy is no Policy, before any step.
    """

def pre_main_hardening(policy: Policy | None = None, *, reexec: bool = False) -> Report:
    """Harden this process, or end it: the first statement of main().

    policy -- a Policy; None means DEFAULT
    reexec -- start the program again as an execute-only image when it was born
              dumpable or with a library injected (Linux; elsewhere ignored)

    Returns a Report. When a step fails, prints one line to standard error and ends
    the process at once with status 5 (inspection), 6 (ptrace), 7 (core limit),
    8 (environment) or 2 (wrong arguments); nothing can catch that.
    CODEX_SKIP_HARDENING=1 in the environment skips everything, with a warning.
    """

_Made = TypeVar("_Made")
_preload_entry: bytes
_children_variable: str
_keep_variable: str
_hook: str
"""Which function of the start-up hook was called when this interpreter started, or ""."""

def _harden_always() -> Report: ...
def _harden_on_request() -> Report | None: ...
def _status() -> tuple[int, int, int, int, int, tuple[int, int] | None, tuple[str, ...]]: ...
def _take_variable(name: bytes, make: Callable[[memoryview], _Made], /) -> _Made | None: ...
def _removed() -> dict[bytes, bytes]: ...
def _initial_environment() -> list[bytes]: ...
def _restore_signals() -> None: ...
def _exec_file(path: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...], /) -> None: ...
def _exec_image(
    fd: int, name: bytes, argv: tuple[bytes, ...], env: tuple[bytes, ...], /
) -> None: ...
