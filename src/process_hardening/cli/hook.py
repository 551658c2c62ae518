"""process-hardening hook: make every Python process of an environment harden itself."""

from __future__ import annotations

import os

from process_hardening import hook_installer as installer
from process_hardening import interpreter
from process_hardening.changers import SOMEBODY
from process_hardening.cli.facts import SCHEMA
from process_hardening.errors import FOUND, NOT_KNOWN, CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse

HELP = "make every Python process of a virtual environment harden itself at start-up"
EPILOG = """\
actions:
  enable   write a file into site-packages, then start Python once to check that it works
  disable  remove the file and restore the interpreter
  status   print whether the hook is enabled and whether the interpreter is execute-only

With --execute-only, the environment also gets its own copy of the interpreter, which users can
run but not read. Python is then hardened from its first instruction, even with -I, -S or an empty
environment. Run the command again after an upgrade of the base interpreter.

Root is refused for an environment in which another user can change anything: the interpreter,
its standard library, site-packages, or a directory that a .pth file names. All actions start the
interpreter: use `sudo -u USER`.

Disable the hook before you uninstall the package. Otherwise the hook prints an error every
time Python starts.

exit status of `hook enable` and `hook disable`:
  0  the hook was enabled or disabled
  2  usage error, or the command failed and changed nothing

exit status of `hook status`:
  0  the hook is enabled
  1  the hook is not enabled
  2  usage error, or the interpreter cannot be queried
  3  the hook is damaged, or an execute-only interpreter was made readable again or is older than
     its base; run the printed command to repair it
"""

# state: exit status and text of `hook status`
_ANSWERS = {
    installer.ALWAYS: (0, "enabled: every start of {python} is hardened"),
    installer.ON_REQUEST: (
        0,
        "enabled on request: {python} is hardened if a parent program asks for it",
    ),
    installer.DISABLED: (FOUND, "not enabled: {python}"),
    installer.DAMAGED: (NOT_KNOWN, "damaged: {paths}: run `{repair}`"),
}

# state: exit status and text of `hook status`; this text follows the one about the hook
_INTERPRETER_ANSWERS = {
    interpreter.READABLE: (0, ""),
    interpreter.EXECUTE_ONLY: (0, "; its interpreter is execute-only{undo}"),
    interpreter.REOPENED: (NOT_KNOWN, "; its interpreter was made readable again: run `{repair}`"),
    interpreter.OUTDATED: (
        NOT_KNOWN,
        "; its interpreter is older than its base, {source}: run `{repair}`",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.epilog = EPILOG
    parser.add_argument(
        "action", metavar="ACTION", choices=tuple(_ACTIONS), help="enable, disable or status"
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="an interpreter or the directory of a virtual environment; default: this one",
    )
    parser.add_argument(
        "--on-request",
        action="store_true",
        help="enable: harden only descendants of programs that harden their children"
        " (harden_children(), run --children)",
    )
    parser.add_argument(
        "--execute-only",
        action="store_true",
        help="enable: also make the interpreter execute-only (Linux)",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        help="enable, disable: allow an interpreter outside a virtual environment",
    )
    parser.add_argument("--json", action="store_true", help="status: print JSON with stable keys")


def run(options: argparse.Namespace) -> int:
    """Run the action and return the exit status. Raises CommandError."""
    if options.on_request and options.action != "enable":
        raise CommandError("--on-request is an option of `hook enable`")
    if options.execute_only and options.action != "enable":
        raise CommandError("--execute-only is an option of `hook enable`")
    if options.json and options.action != "status":
        raise CommandError("--json is an option of `hook status`")
    if options.system and options.action == "status":
        raise CommandError("--system is an option of `hook enable` and `hook disable`")
    environment = installer.find_environment(options.python)
    if options.action != "status" and not (environment.is_virtual or options.system):
        raise CommandError(
            f"{environment.python} is not in a virtual environment: add --system to change it for"
            " all programs that use it"
        )
    return _ACTIONS[options.action](environment, options)


def _enable(environment: installer.PythonEnvironment, options: argparse.Namespace) -> int:
    mode = installer.ON_REQUEST if options.on_request else installer.ALWAYS
    before = installer.read_state(environment)
    paths = ", ".join(environment.paths)
    if installer.is_enabled(environment, mode, options.execute_only):
        write(f"already enabled: {paths}{_read_interpreter(environment)}")
        return 0
    installer.enable(environment, mode, options.execute_only)
    note = " (replaced a hook that was damaged)" if before == installer.DAMAGED else ""
    write(f"enabled: {paths}{note}{_read_interpreter(environment)}")
    return 0


def _disable(environment: installer.PythonEnvironment, _: argparse.Namespace) -> int:
    was_enabled = installer.disable(environment)
    write(f"{'disabled' if was_enabled else 'not enabled'}: {environment.python}")
    return 0


def _print_status(environment: installer.PythonEnvironment, options: argparse.Namespace) -> int:
    state = installer.read_state(environment)
    of_interpreter = installer.read_interpreter_state(environment)
    status = max(_ANSWERS[state][0], _INTERPRETER_ANSWERS[of_interpreter][0])
    if options.json:
        write(_as_json(environment, state, of_interpreter))
        return status
    line = _ANSWERS[state][1].format(
        python=environment.python,
        paths=", ".join(environment.paths),
        repair=installer.repair_command(environment),
    )
    write(line + _describe_interpreter(environment, of_interpreter))
    return status


def _as_json(environment: installer.PythonEnvironment, state: str, of_interpreter: str) -> str:
    import json

    is_damaged = NOT_KNOWN in (_ANSWERS[state][0], _INTERPRETER_ANSWERS[of_interpreter][0])
    found = {
        "schema": SCHEMA,
        "python": environment.python,
        "virtual": environment.is_virtual,
        "hook": state,
        "files": [str(path) for path in environment.paths],
        "interpreter": of_interpreter,
        "repair": installer.repair_command(environment) if is_damaged else None,
    }
    return json.dumps(found)


def _read_interpreter(environment: installer.PythonEnvironment) -> str:
    return _describe_interpreter(environment, installer.read_interpreter_state(environment))


def _describe_interpreter(environment: installer.PythonEnvironment, state: str) -> str:
    """Describe the interpreter. state -- what installer.read_interpreter_state() returned."""
    _, text = _INTERPRETER_ANSWERS[state]
    if not text:
        return ""
    names = environment.names
    users = interpreter.find_reopeners(names)
    undo = f" ({_list_users(users)} can undo it)" if users else " (only root can undo it)"
    repair = installer.repair_command(environment)
    return text.format(undo=undo, source=names.source, repair=repair)


def _list_users(uids: list[int]) -> str:
    names = {SOMEBODY: "members of a group, or others", os.getuid(): "you"}
    return ", ".join(names.get(uid, f"uid {uid}") for uid in sorted(uids, reverse=True))


_ACTIONS = {"enable": _enable, "disable": _disable, "status": _print_status}
