"""What `site` calls at every start of a Python whose environment has the start-up hook.

Every start pays for this module, so it imports nothing until there is something to harden.
hook_installer.py writes the files that name these functions.
"""

import os

CHILDREN_VARIABLE = "PROCESS_HARDENING_CHILDREN"
KEEP_VARIABLE = "PROCESS_HARDENING_KEEP"
"""As in process_hardening.environment, which costs more to import than the hardening itself."""

ran = ""
"""The hook that this interpreter was started through: "always", "on_request", or "" for none."""


def harden_always() -> None:
    """Harden this interpreter. If that fails, print one line and exit with 5, 6, 7 or 8."""
    global ran
    ran = "always"
    _harden()


def harden_on_request() -> None:
    """Harden this interpreter if a program above it has its children hardened.

    If that fails, print one line and exit with 5, 6, 7 or 8.
    """
    global ran
    ran = "on_request"
    if os.environ.get(CHILDREN_VARIABLE) == "1":
        _harden()


def _harden() -> None:
    try:
        if os.environ.get(CHILDREN_VARIABLE) == "1" and _is_request_incomplete():
            from process_hardening.children import harden_as_requested

            harden_as_requested()
        else:
            from process_hardening.hardening import pre_main_hardening

            pre_main_hardening()
    except BaseException as error:  # `site` would print it and go on unhardened
        _exit_after(error)


def _is_request_incomplete() -> bool:
    """Whether our library was lost on the way here, or there are variables to keep."""
    from process_hardening.environment import preload_path

    return os.environ.get("LD_PRELOAD") != preload_path() or bool(os.environ.get(KEEP_VARIABLE))


def _exit_after(error: BaseException) -> None:
    """Print one line on standard error and exit: 5, 6, 7 or 8 for a failed step, else 2."""
    try:
        from process_hardening.terminal import complain

        complain(RuntimeError(f"the start-up hook failed: {error}"))
    finally:
        os._exit(getattr(error, "exit_code", 2))
