"""process-hardening hook: have every Python of an environment harden itself when it starts."""

from __future__ import annotations

from process_hardening import hook_installer as installer
from process_hardening.errors import CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse

HELP = "have every Python of a virtual environment harden itself when it starts"
EPILOG = """\
actions:
  enable   write a file into site-packages, then start Python once to check that it works
  disable  remove the file
  status   print whether the hook is enabled

Disable the hook before you uninstall the package: without the package, the hook prints an error
at every start of Python.

exit status of `hook enable` and `hook disable`:
  0  the hook is enabled, or disabled
  2  wrong usage, or it failed: nothing was changed

exit status of `hook status`:
  0  the hook is enabled
  1  the hook is not enabled
  2  wrong usage, or an interpreter that cannot be asked
  3  the hook is damaged or outdated; the printed command repairs it
"""

# state: exit status and text of `hook status`
_ANSWERS = {
    installer.ALWAYS: (0, "enabled: every start of {python} is hardened"),
    installer.ON_REQUEST: (
        0,
        "enabled on request: {python} is hardened below programs that ask for it",
    ),
    installer.DISABLED: (1, "not enabled: {python}"),
    installer.DAMAGED: (3, "damaged: {paths}: `{repair}` repairs it"),
    installer.OUTDATED: (
        3,
        "outdated: {paths} is of an earlier version and does not harden: `{repair}` repairs it",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument(
        "action", metavar="ACTION", choices=tuple(_ACTIONS), help="enable, disable or status"
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="an interpreter or the folder of a virtual environment; default: this one",
    )
    parser.add_argument(
        "--on-request",
        action="store_true",
        help="enable: only below programs that have their children hardened"
        " (harden_children(), run --children)",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="enable, disable: allow an interpreter outside a virtual environment",
    )


def run(options: argparse.Namespace) -> int:
    """Carry out the action; returns the exit status. Raises CommandError."""
    if options.on_request and options.action != "enable":
        raise CommandError("--on-request is an option of `hook enable`")
    if options.system and options.action == "status":
        raise CommandError("--system is an option of `hook enable` and `hook disable`")
    environment = installer.find_environment(options.python)
    if options.action != "status" and not (environment.is_virtual or options.system):
        raise CommandError(
            f"{environment.python} is not in a virtual environment: add --system to change it for"
            " every program that uses it"
        )
    return _ACTIONS[options.action](environment, options)


def _enable(environment: installer.PythonEnvironment, options: argparse.Namespace) -> int:
    mode = installer.ON_REQUEST if options.on_request else installer.ALWAYS
    before = installer.read_state(environment)
    paths = ", ".join(environment.paths)
    if before == mode:
        write(f"already enabled: {paths}")
        return 0
    installer.enable(environment, mode)
    replaced = before in (installer.DAMAGED, installer.OUTDATED)
    write(f"enabled: {paths}{f' (replaced a hook that was {before})' if replaced else ''}")
    return 0


def _disable(environment: installer.PythonEnvironment, _: argparse.Namespace) -> int:
    if installer.read_state(environment) == installer.DISABLED:
        write(f"not enabled: {environment.python}")
        return 0
    installer.disable(environment)
    write(f"disabled: {environment.python}")
    return 0


def _print_status(environment: installer.PythonEnvironment, _: argparse.Namespace) -> int:
    status, text = _ANSWERS[installer.read_state(environment)]
    write(
        text.format(
            python=environment.python,
            paths=", ".join(environment.paths),
            repair=installer.repair_command(environment),
        )
    )
    return status


_ACTIONS = {"enable": _enable, "disable": _disable, "status": _print_status}
