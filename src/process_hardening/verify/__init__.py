"""Runs real attacks on hardened victims and an unhardened control, and judges the results.

verify(), verify_program() and verify_process() return a Verification. Everything is loaded on
first use, so the package costs nothing to import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from process_hardening.verify.attacks import find_attacks as find_attacks
    from process_hardening.verify.attacks import list_attacks as list_attacks
    from process_hardening.verify.model import BLOCKED as BLOCKED
    from process_hardening.verify.model import BUILT_IN as BUILT_IN
    from process_hardening.verify.model import CONTROL as CONTROL
    from process_hardening.verify.model import EXPECTED as EXPECTED
    from process_hardening.verify.model import INCONCLUSIVE as INCONCLUSIVE
    from process_hardening.verify.model import LEAKED as LEAKED
    from process_hardening.verify.model import TOOL as TOOL
    from process_hardening.verify.model import UNAVAILABLE as UNAVAILABLE
    from process_hardening.verify.model import Attack as Attack
    from process_hardening.verify.model import AttackResult as AttackResult
    from process_hardening.verify.model import Observation as Observation
    from process_hardening.verify.model import Progress as Progress
    from process_hardening.verify.model import Verification as Verification
    from process_hardening.verify.model import VictimResult as VictimResult
    from process_hardening.verify.run import verify as verify
    from process_hardening.verify.run import verify_confined as verify_confined
    from process_hardening.verify.run import verify_process as verify_process
    from process_hardening.verify.run import verify_program as verify_program
    from process_hardening.verify.victims import BROKEN_VICTIMS as BROKEN_VICTIMS
    from process_hardening.verify.victims import SAMPLES as SAMPLES
    from process_hardening.verify.victims import VICTIMS as VICTIMS

_MODEL = (
    *("BLOCKED", "EXPECTED", "INCONCLUSIVE", "LEAKED", "UNAVAILABLE"),
    *("BUILT_IN", "TOOL", "CONTROL"),
    *("Attack", "AttackResult", "Observation", "Progress", "Verification", "VictimResult"),
)
_MODULES = {
    **dict.fromkeys(_MODEL, "model"),
    **dict.fromkeys(("verify", "verify_confined", "verify_process", "verify_program"), "run"),
    **dict.fromkeys(("VICTIMS", "SAMPLES", "BROKEN_VICTIMS"), "victims"),
    **dict.fromkeys(("find_attacks", "list_attacks"), "attacks"),
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
