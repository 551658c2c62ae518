"""The functions that `site` calls whenever a Python with the start-up hook starts.

hook_installer.py writes the files that name these functions. If the package is missing, a line on
standard error says so and Python continues unhardened.
"""

import os
import sys

from process_hardening import _PRELOAD_LIBRARY, _native, pre_main_hardening

_READABLE = (
    "was made readable again and no longer starts hardened: run `process-hardening hook status`"
)
_EXPOSED = (
    "could be read until now: what executed it held CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH,"
    " as setpriv --reuid does (use runuser), or fs.suid_dumpable is 1"
)

_is_checked = False


def harden_always() -> None:
    """Harden this interpreter. If that fails, print one line and exit with 2, 5, 6, 7 or 8.

    `site` itself would print an error and continue unhardened.
    """
    _native.call_or_exit(_take_steps, (), {})


def harden_on_request() -> None:
    """Harden this interpreter if an ancestor process hardens its children.

    If that fails, print one line and exit with 2, 5, 6, 7 or 8.
    """
    if _is_requested():
        harden_always()


def check_interpreter() -> None:
    """Print one line if this execute-only interpreter did not start hardened.

    It may have been made readable again, or executed by a process that can read every file.

    Prints nothing for root, who can read every file, or for `process-hardening hook`, which says
    itself what is wrong. Prints only once, although `site` reads the files of a virtual environment
    twice.
    """
    global _is_checked
    if _is_checked:
        return
    _is_checked = True
    try:
        if os.getuid() == 0 or _is_hook_command():
            return
        if os.stat(sys.executable).st_mode & 0o444:
            reason = _READABLE
        elif _native.STARTED == "ordinary":
            reason = _EXPOSED
        else:
            return
        line = f"process-hardening: {sys.executable} {reason}\n"
        os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        return  # Python is embedded in another program, or has no standard error


def _is_hook_command() -> bool:
    first, *words = (os.path.basename(word) for word in sys.orig_argv[1:4] or [""])
    if first == "-m":
        return words == ["process_hardening", "hook"]
    return first == "process-hardening" and words[:1] == ["hook"]


def _is_requested() -> bool:
    return os.environ.get(_native.CHILDREN_VARIABLE) == "1"


def _take_steps() -> None:
    try:
        if _is_requested() and _is_request_incomplete():
            _harden_as_requested()
        else:
            pre_main_hardening()
    except BaseException as error:
        raise RuntimeError(f"the start-up hook failed: {error!r}") from None


def _is_request_incomplete() -> bool:
    """Return whether LD_PRELOAD names a different library or any option has a non-default value."""
    is_lost = os.environ.get("LD_PRELOAD") != os.fsdecode(_PRELOAD_LIBRARY)
    has_more = os.environ.get(_native.KEEP_VARIABLE) or _native.BYPASS_NAME_VARIABLE in os.environ
    return is_lost or bool(has_more)


def _harden_as_requested() -> None:
    """Harden this interpreter and its children, with the options of the requesting program."""
    from process_hardening.policy import HARDEN, Policy

    patterns = os.environ.get(_native.KEEP_VARIABLE, "").split(":")
    bypass = os.environ.get(_native.BYPASS_NAME_VARIABLE, _native.BYPASS_VARIABLE) or None
    try:
        policy = Policy(children=HARDEN, keep=tuple(filter(None, patterns)), bypass_variable=bypass)
    except ValueError:  # not our values: keep no variables and allow no bypass
        policy = Policy(children=HARDEN, bypass_variable=None)
    pre_main_hardening(policy)
