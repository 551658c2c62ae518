"""Suggests how to protect a process: a sentence, and the exact command if there is one. Pure."""

from __future__ import annotations

from process_hardening.audit.posture import has_our_name
from process_hardening.audit.programs import find_opening_options, join_hardened, program_of
from process_hardening.audit.reasons import (
    ARGUMENTS,
    IN_ENVIRONMENT,
    INJECTED,
    LOST,
    OPENS_ITSELF,
    OTHER_COPY,
    PARTIAL,
    READABLE,
    READABLE_BY_ROOT,
    TRACED,
    UNKNOWN,
)
from process_hardening.audit.script_argument import SHELLS, find_script
from process_hardening.audit.unknown import find_gaps
from process_hardening.record import Record
from process_hardening.runtimes import runtime_named, runtime_of
from process_hardening.shell import join, quote

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from process_hardening.audit.entries import Entry
    from process_hardening.audit.posture import Posture
    from process_hardening.audit.reasons import Secret
    from process_hardening.runtimes import Runtime

    CommandFinder = Callable[[Posture], tuple[str, ...] | None]


_ENABLE_HOOK = "process-hardening hook enable --python {}"


class Caller(Record):
    """Who will type the commands, and in which form they may be shown.

    name_command -- command_of(), or short_command_of() for output that is stored
    becomes -- the program with which root becomes another user: 'sudo' or 'runuser'; '' for none
    """

    name_command: CommandFinder
    is_root: bool = False
    becomes: str = "sudo"

    def find_command(self, posture: Posture) -> tuple[str, ...] | None:
        """Return the arguments that start a process again; None if they are unknown.

        Root does not get those that another user may have chosen for a program of root's.
        """
        is_foreign = self.is_root and posture.chosen_by_other
        return None if is_foreign else self.name_command(posture)


def fix_of(entry: Entry, reason: str, secrets: Sequence[Secret], caller: Caller) -> tuple[str, str]:
    """Return what to do about a process, and the shell command that does it ('' for none).

    reason -- a key of reasons.REASONS; secrets -- the secrets of its group
    """
    make = _FIXES.get(reason)
    return make(entry, secrets, caller) if make else ("", "")


def _start_hardened(entry: Entry, secrets: Sequence[Secret], caller: Caller) -> tuple[str, str]:
    """Suggest how to start a process hardened.

    What root types must not run as root what another user chose: the command starts as the user of
    the process, or there is none. Whoever controls a process chooses its arguments, and can replace
    the files that these name.
    """
    posture = entry.posture
    if posture.pid == 1:
        return (
            "In a container, put `harden --` first in the image's ENTRYPOINT. Leave the init of a"
            " whole machine as it is.",
            "",
        )
    program, runtime = program_of(posture), _open_runtime_of(posture)
    options = _describe_options(posture, runtime) if runtime else ""
    if options:
        return f"Start it with `harden --`, {options}.", ""
    if posture.unit:
        return _edit_unit(entry, caller)
    exported = [secret.name for secret in secrets if secret.where == IN_ENVIRONMENT]
    if program.name in SHELLS and not program.script and exported:
        words = join(caller.find_command(posture) or (program.name,))
        options = " ".join(f"-u {quote(name)}" for name in exported)
        is_own = not _is_of_other_user(posture, caller)
        return (
            "Unset the variable in that shell; keep the secret in a file that only the program"
            " reads.",
            f"exec env {options} {words}" if is_own else "",  # nobody else can type in that shell
        )
    python = _environment_of(posture)
    if python and posture.framework and caller.find_command(posture):
        return (
            "Harden every Python of its environment, including workers, and restart the program.",
            _run_as_user(posture, entry.user, caller, _ENABLE_HOOK.format(quote(python))),
        )
    is_lost = _is_folder_lost(posture)
    there = ", in its folder, which is unknown" if is_lost else ""
    arguments = None if is_lost else caller.find_command(posture)
    if arguments is None and runtime:
        words = join_hardened((runtime.commands[0], "..."), runtime)
        return f"Start it with `{words}`{there}.", ""
    if arguments is None:
        return f"Put `harden --` before the command that starts it{there}.", ""
    closed = f", with {runtime.name} closed" if runtime else ""
    where = _describe_place(entry, caller)
    command = _put_in_place(posture, entry.user, caller, join_hardened(arguments, runtime))
    return f"Start it hardened{where}{closed}.", command


def _is_of_other_user(posture: Posture, caller: Caller) -> bool:
    return caller.is_root and posture.uid != 0


def _is_relative(posture: Posture) -> bool:
    """Return whether its program, or the file that its interpreter runs, is a relative path."""
    arguments = posture.arguments
    if not arguments:
        return False
    run, before = find_script(program_of(posture).name, arguments[1:])
    file = run[-1] if run else next(iter(arguments[before + 1 :]), "")
    is_path = "/" in arguments[0] and not arguments[0].startswith(("/", "-"))
    return is_path or (bool(file) and not file.startswith(("/", "-")))


def _is_folder_lost(posture: Posture) -> bool:
    """Return whether a command would not find the file; a module (-m) is as a rule installed."""
    return posture.cwd is None and _is_relative(posture) and "-m" not in posture.arguments


def _needs_folder(posture: Posture, caller: Caller) -> bool:
    """Return whether the command has to start in the folder in which the program was started."""
    if posture.cwd is None:
        return False
    return _is_relative(posture) or (posture.cwd != "/" and _is_of_other_user(posture, caller))


def _describe_place(entry: Entry, caller: Caller) -> str:
    """Return what root has to keep of how another user's program was started."""
    posture = entry.posture
    if not _is_of_other_user(posture, caller):
        return ""
    folder = f" in {posture.cwd}," if _needs_folder(posture, caller) else ""
    is_possible = _run_as_user(posture, entry.user, caller, "x")
    needs = "" if is_possible else " (no command: sudo is missing, or the user is unknown)"
    return f" as {entry.user},{folder} with the environment that it has now{needs}"


def _run_as_user(posture: Posture, user: str, caller: Caller, command: str) -> str:
    """Make root's command run as the user of the process; '' if nothing here can do that."""
    if not _is_of_other_user(posture, caller):
        return command
    if not posture.uid or not caller.becomes:
        return ""
    if caller.becomes == "sudo":
        name = f"#{user}" if user.isdecimal() else user  # sudo(8), -u
        return f"sudo -u {quote(name)} {command}"
    return "" if user.isdecimal() else f"{caller.becomes} -u {quote(user)} -- {command}"


def _put_in_place(posture: Posture, user: str, caller: Caller, command: str) -> str:
    """Make a command start the program as its user and in its folder."""
    command = _run_as_user(posture, user, caller, command)
    if command and _needs_folder(posture, caller):
        command = f"cd {quote(str(posture.cwd))} && {command}"
    return command


def _open_runtime_of(posture: Posture) -> Runtime | None:
    return runtime_named(posture.opens_itself or "")


def _describe_options(posture: Posture, runtime: Runtime) -> str:
    """Return how to close a runtime that no command closes; '' if a command does."""
    opening = find_opening_options(posture, runtime)
    if opening:
        return f"without {' and '.join(opening)}, with {runtime.closing}"
    if runtime.options and runtime_of(program_of(posture).name) is not runtime:
        return f"and make it pass {runtime.closing} to {runtime.name}"
    return ""


def _edit_unit(entry: Entry, caller: Caller) -> tuple[str, str]:
    """Return how to edit a systemd service. An empty ExecStart= is needed: systemd.service(5)."""
    posture = entry.posture
    unit = posture.unit or ""
    is_users, name = unit.startswith("--user "), unit.removeprefix("--user ")
    if is_users and caller.is_root and not posture.uid:  # started by the user, for example by sudo
        return "Put `harden --` before the command that starts it.", ""
    # The service may run as root even if this process of it does not.
    may_name = is_users or not _is_of_other_user(posture, caller)
    arguments = (caller.find_command(posture) if may_name else None) or ("COMMAND",)
    line = join_hardened(arguments, _open_runtime_of(posture))
    fix = f"In [Service], add an empty ExecStart=, then ExecStart={line}, and restart the service."
    if not is_users:
        return fix, f"{'' if caller.is_root else 'sudo '}systemctl edit {quote(name)}"
    command = f"systemctl --user edit {quote(name)}"
    if _is_of_other_user(posture, caller):
        command = f"env XDG_RUNTIME_DIR=/run/user/{posture.uid} {command}"
    return fix, _run_as_user(posture, entry.user, caller, command)


def _environment_of(posture: Posture) -> str:
    """Return the interpreter in the virtual environment of a Python process; '' for none."""
    arguments = posture.arguments
    if not posture.python or not arguments or not arguments[0].startswith("/"):
        return ""
    is_linked = posture.exe is not None and arguments[0] != posture.exe
    is_system = arguments[0].startswith(("/usr/bin/", "/bin/", "/usr/sbin/"))
    return arguments[0] if is_linked and not is_system else ""


def _harden_parent(entry: Entry, _: Sequence[Secret], caller: Caller) -> tuple[str, str]:
    ancestor = entry.ancestor
    arguments = caller.find_command(ancestor) if ancestor else None
    if ancestor is None or arguments is None:
        return "Start its parent with `harden --children --`.", ""
    if _is_folder_lost(ancestor):
        return "Start its parent with `harden --children --`, in its folder, which is unknown.", ""
    user = entry.user if ancestor.uid == entry.posture.uid else str(ancestor.uid)
    command = f"harden --children -- {join(arguments)}"
    return (
        f"Start its parent, {ancestor.name}, in a way that hardens its children too.",
        _put_in_place(ancestor, user, caller, command),
    )


def _move_argument(*_: object) -> tuple[str, str]:
    return (
        "Pass it in a file or on standard input, and rotate the secret: it was visible.",
        "process-hardening explain PH010",
    )


def _find_tracer(entry: Entry, *_: object) -> tuple[str, str]:
    return (
        "Find the process that reads its memory, and stop that process.",
        f"ps -o pid,user,args -p {entry.posture.tracer_pid}",
    )


def _library_of(entry: Entry, with_our_name: bool) -> str:
    paths = entry.posture.injected_libraries or ()
    return next((path for path in paths if has_our_name(path) is with_our_name), "LIBRARY")


def _find_library(entry: Entry, *_: object) -> tuple[str, str]:
    library = _library_of(entry, False)
    return (
        "Find out where the library comes from, then start the program hardened.",
        f"grep -F {quote(library)} /proc/{entry.posture.pid}/maps",
    )


def _find_installation(entry: Entry, *_: object) -> tuple[str, str]:
    library = _library_of(entry, True)
    return (
        "Audit it with the process-hardening that started it; if none did, this library was"
        " injected.",
        f"ls -l {quote(f'/proc/{entry.posture.pid}/root{library}')}",
    )


def _close_gap(entry: Entry, secrets: Sequence[Secret], caller: Caller) -> tuple[str, str]:
    gap = find_gaps(entry.posture, is_root=caller.is_root)[0]
    if gap.is_restart:
        return _start_hardened(entry, secrets, caller)
    return gap.fix, gap.command.replace("PID", str(entry.posture.pid))


_FIXES: dict[str, Callable[[Entry, Sequence[Secret], Caller], tuple[str, str]]] = {
    TRACED: _find_tracer,
    INJECTED: _find_library,
    OTHER_COPY: _find_installation,
    ARGUMENTS: _move_argument,
    LOST: _harden_parent,
    READABLE: _start_hardened,
    OPENS_ITSELF: _start_hardened,
    READABLE_BY_ROOT: _start_hardened,
    PARTIAL: _start_hardened,
    UNKNOWN: _close_gap,
}
