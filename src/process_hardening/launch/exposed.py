"""pre_main_hardening(reexec=True): a program that was started exposed is started again."""

from __future__ import annotations

from process_hardening import _native
from process_hardening.environment import is_exposed

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable

    from process_hardening import Report
    from process_hardening.policy import Policy


def harden_or_start_again(
    policy: Policy | None, harden: Callable[[Policy | None, bool], Report]
) -> Report:
    """Harden this process; then start it again as an execute-only image if it was exposed before.

    harden -- takes the policy, and whether a failure ends the process

    Returns the Report when it is not started again. Raises HardeningError.
    """
    exposed = is_exposed(getattr(policy, "keep", ()))
    report = harden(policy, True)
    if not exposed or report.bypassed:
        return report
    from process_hardening.errors import HardeningError
    from process_hardening.launch.reexec import start_again

    try:
        start_again()
    except HardeningError as error:
        error.bypass_variable = policy.bypass_variable if policy else _native.BYPASS_VARIABLE
        raise
    return report
