"""Describes what a process runs: a short name, and the command that starts it. Pure."""

from __future__ import annotations

from process_hardening.audit.script_argument import find_script, read_options
from process_hardening.runtimes import close, has_undoing_option, opening_options, runtime_of
from process_hardening.secret_names import HIDDEN
from process_hardening.shell import join

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture
    from process_hardening.runtimes import Runtime

# Program files with many names: argv[0] decides what they do.
_MANY_NAMES = frozenset({"busybox", "toybox", "coreutils", "dash", "exe"})


class Program:
    """What a process runs.

    name -- the name of the program file, or argv[0] if one file has many names
    run -- the arguments that determine what an interpreter runs: 'server.js', or '-m' and a module
    script -- the last of those arguments; '' for none
    script_name -- its file name
    words -- the whole name for display: 'node server.js'
    """

    __slots__ = ("name", "run", "script", "script_name", "words")

    def __init__(self, name: str, run: tuple[str, ...] = ()) -> None:
        self.name = name
        self.run = run
        self.script = run[-1] if run else ""
        self.script_name = self.script.rstrip("/").rsplit("/", 1)[-1]
        self.words = " ".join(filter(None, (name, *run[:-1], self.script_name)))


def program_of(posture: Posture) -> Program:
    """Return what a process runs, from its exe link, arguments and name, as far as it is known."""
    if posture.is_name_hidden:
        return Program("(hidden)")
    arguments = posture.arguments
    called = _called(arguments)
    name = _choose_name(_file_name(posture.exe), called) or posture.name or "?"
    run, _ = find_script(name, arguments[1:])
    return Program(name, run)


def _called(arguments: tuple[str, ...]) -> str:
    """Return the program in argv[0], which may be a process title: 'nginx: worker process'."""
    if not arguments:
        return ""
    word = arguments[0].split(" ", 1)[0] if is_title(arguments) else arguments[0]
    return word.rsplit("/", 1)[-1].removeprefix("-").rstrip(":")


def _file_name(exe: str | None) -> str:
    return (exe or "").removesuffix(" (deleted)").rsplit("/", 1)[-1]


def _choose_name(file_name: str, called: str) -> str:
    if not file_name:
        return called
    is_other_name = file_name in _MANY_NAMES or file_name.startswith(("ld-", "memfd:"))
    is_shorter_name = called and (file_name.startswith(called) or called.startswith(file_name))
    return called if called and (is_other_name or is_shorter_name) else file_name


def is_title(arguments: tuple[str, ...]) -> bool:
    """Return whether a process overwrote its arguments with a title, as setproctitle(3) does."""
    return len(arguments) == 1 and " " in arguments[0]


def join_hardened(arguments: tuple[str, ...], runtime: Runtime | None = None) -> str:
    """Return the shell command that starts a program hardened and with its runtime closed."""
    before, command = _close(runtime, arguments) if runtime else ((), arguments)
    return join((*before, "harden", "--", *command))


def _close(runtime: Runtime, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Close a runtime by its first option, or by its last one if another would undo that."""
    name, options = _called(arguments), arguments[1:]
    is_undone = has_undoing_option(runtime, read_options(name, options))
    return close(runtime, arguments, find_script(name, options)[1] if is_undone else 0)


def find_opening_options(posture: Posture, runtime: Runtime) -> tuple[str, ...]:
    """Return the names of the options of a process that disclose its memory in another way."""
    arguments = posture.arguments
    found = read_options(_called(arguments), arguments[1:]) if arguments else ()
    return tuple(word.partition("=")[0] for word in opening_options(runtime, found))


def _has_command(posture: Posture) -> bool:
    """Return whether its arguments can start it again; beam.smp needs variables from `erl` too."""
    arguments = posture.arguments
    if not arguments or is_title(arguments) or not arguments[0]:
        return False
    runtime = runtime_of(program_of(posture).name)
    return runtime is None or not runtime.starters


def command_of(posture: Posture) -> tuple[str, ...] | None:
    """Return the arguments that start the program again; None if they are unknown.

    They are unknown if the process overwrote them with a title, if they contain a secret, or if
    another program set up the process.
    """
    arguments = posture.arguments
    if not _has_command(posture) or posture.hides_arguments:
        return None
    return (arguments[0].removeprefix("-"), *arguments[1:])


def short_command_of(posture: Posture) -> tuple[str, ...] | None:
    """Return the program and what an interpreter runs; "..." replaces all other arguments.

    For output that is stored or sent: any word of a command line may be a password.
    """
    arguments = posture.arguments
    if not _has_command(posture):
        return None
    run = program_of(posture).run
    kept = (arguments[0].removeprefix("-"), *(run if HIDDEN not in run else ()))
    return kept if len(kept) == len(arguments) else (*kept, "...")
