# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""Right and wrong uses of the public names: what a wrong one is to mypy and pyright, both strict.

A wrong use has a comment that tells both checkers to expect an error there, and both report a
comment that is not needed. test_types.py takes the comments out and finds an error in each of these
lines; and it makes the calls in WRONG_CALLS, which raise TypeError or ValueError.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import process_hardening as ph
from process_hardening.pytest_plugin import HardeningCall, assert_hardened

Outcome = Literal["applied", "already in place", "unsupported here", "skipped"]


def use_reports() -> None:
    """Words are literals, and a limit compares with resource's."""
    policy = ph.Policy(children="harden", keep=("LD_LIBRARY_PATH",), bypass_variable="MYAPP_DEV")
    production = policy.replace(refuse_bypass=True, seal=True)
    report = ph.harden(policy=production)
    outcome: Outcome = report.inspection
    report = ph.pre_main_hardening(ph.STRICT, reexec=True)
    born: bool = report.started != "ordinary"
    status = ph.status()
    if status.core_limit is not None and status.core_limit[1] == resource.RLIM_INFINITY:
        print(outcome, born, status.verdict == "exposed")
    try:
        ph.harden()
    except ph.HardeningError as error:
        print(error.step == "children", error.exit_code == 8, error.bypass_variable)


def use_others() -> None:
    """Lists and tuples of words; keywords as the documentation shows them."""
    drift = ph.recheck(ph.DEFAULT, on_drift=lambda drift: print(drift.steps))
    with (
        ph.watch(interval=5.0, policy=ph.STRICT, on_drift="exit") as watch,
        ph.debuggable(seconds=60),
    ):
        print(watch.is_running, "inspection" in drift.steps, ph.rescrub(ph.DEFAULT))
    children = ph.harden_children(keep={"LD_LIBRARY_PATH"}, bypass_variable=None)
    check = ph.check_child(["node", Path("x.js")], cwd=Path("/"))
    print(children.outcome == "applied", check.by == "preload library")
    environment = ph.child_env(secrets="drop", keep=["HOME"], drop=("MY_*",), hardened=False)
    subprocess.run(ph.confined([Path("/bin/ls"), "-l"], allow_signals=True), env=environment)
    process = ph.popen_confined(("npm", "install"), strict=True, cwd="/")
    with ph.SecretBuffer(b"secret", require="mlock") as secret:
        print(secret.protection == "mlock", ph.take_env("TOKEN"), ph.confinement().reason)
    assert_hardened(process, within=5, allow=lambda finding: finding == "PH004")
    call = HardeningCall(policy=ph.DEFAULT, reexec=False, fatal=True)
    print(call.policy.children == "leave")


WRONG_CALLS: tuple[Callable[[], object], ...] = (
    lambda: ph.Policy(children="hardn"),  # type: ignore[arg-type]
    lambda: ph.Policy(keep="LD_LIBRARY_PATH"),  # type: ignore[arg-type]
    lambda: ph.Policy(inspection="yes"),  # type: ignore[arg-type]
    lambda: ph.Policy(inspections=False),  # type: ignore[call-arg]
    lambda: ph.Policy(refuse_bypass=1.0),  # type: ignore[arg-type]
    lambda: ph.DEFAULT.replace(children="hardn"),  # type: ignore[arg-type]
    lambda: ph.DEFAULT.replace(seals=True),  # type: ignore[call-arg]
    lambda: ph.harden("strict"),  # type: ignore[arg-type]
    lambda: ph.harden(reexec=True),  # type: ignore[call-arg]
    lambda: ph.recheck(ph.DEFAULT, "exit"),  # type: ignore[call-arg]
    lambda: ph.recheck(on_drift="reapplied"),  # type: ignore[arg-type]
    lambda: ph.watch(interval="5"),  # type: ignore[arg-type]
    lambda: ph.watch(on_drift=3),  # type: ignore[arg-type]
    lambda: ph.rescrub("strict"),  # type: ignore[arg-type]
    lambda: ph.debuggable(seconds="60"),  # type: ignore[arg-type]
    lambda: ph.harden_children(keep="LD_LIBRARY_PATH"),  # type: ignore[arg-type]
    lambda: ph.check_child(5),  # type: ignore[arg-type]
    lambda: ph.child_env(secrets="dropped"),  # type: ignore[arg-type]
    lambda: ph.child_env(drop="HOME"),  # type: ignore[arg-type]
    lambda: ph.child_env(hardened="no"),  # type: ignore[arg-type]
    lambda: ph.confined("npm install"),  # type: ignore[arg-type]
    lambda: ph.confined(["npm"], strict="no"),  # type: ignore[arg-type]
    lambda: ph.popen_confined("npm install"),  # type: ignore[arg-type]
    lambda: ph.confine(allow_signals="no"),  # type: ignore[arg-type]
    lambda: ph.SecretBuffer("secret"),  # type: ignore[arg-type]
    lambda: ph.SecretBuffer(16, require="mlocked"),  # type: ignore[arg-type]
    lambda: ph.take_env(b"TOKEN"),  # type: ignore[arg-type]
    lambda: assert_hardened(12.5),  # type: ignore[arg-type]
    lambda: ph.status(1234),  # type: ignore[call-arg]
)


def use_what_is_wrong_at_a_glance() -> None:
    """What only checkers see: a word that is never returned, a name that is not there."""
    if ph.status().verdict == "hardend":  # type: ignore[comparison-overlap]
        sys.exit(1)
    if ph.harden().started == "born hardened":  # type: ignore[comparison-overlap]
        sys.exit(1)
    if ph.check_child("node").by == "library":  # type: ignore[comparison-overlap]
        sys.exit(1)
    ph.DEFAULT.seal = True  # type: ignore[misc]
    ph.harden().seal = "applied"  # type: ignore[misc]
    ph.harden().items()  # type: ignore[attr-defined]
    ph.harden().replace(seal="applied")  # type: ignore[attr-defined]
    ph.Report(inspection="applied")  # type: ignore[call-arg]
    ph.pre_main_hardening(reexec="yes")  # type: ignore[arg-type]
    ph.hardened()  # type: ignore[attr-defined]
