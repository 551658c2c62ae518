"""For type checkers and editors: the names in the table of _names.py."""

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
from process_hardening.policy import DEFAULT as DEFAULT
from process_hardening.policy import STRICT as STRICT
from process_hardening.policy import Policy as Policy
from process_hardening.secrets import SecretBuffer as SecretBuffer
from process_hardening.secrets import take_env as take_env
from process_hardening.state import Status as Status
from process_hardening.state import status as status
