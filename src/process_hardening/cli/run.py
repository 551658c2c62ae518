"""process-hardening run: start any program so that it is born hardened."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse

    from process_hardening import Policy, Report

HELP = "start a program so that it is hardened before its first statement"
USAGE = (
    "process-hardening run [--method METHOD] [--children] [--keep NAME]... [--clear NAME]..."
    " [--strict] [--explain] [--] PROGRAM [ARG...]\n"
    "       process-hardening run [OPTION...] SCRIPT.py [ARG...]\n"
    "       process-hardening run [OPTION...] -m MODULE [ARG...]"
)
EPILOG = """\
methods:
  auto          execute-only where possible, else preload (the default)
  execute-only  from a sealed copy of its image that nobody may read: the kernel makes the
                process non-dumpable before its first instruction
  preload       a library hardens it before its main(); dynamically linked programs only
  in-process    harden this interpreter, then run the script or module in it

exit status:
  the program's own; 126 it cannot be started protected, 127 it is not found, 2 usage,
  5, 6, 7 or 8 a step of hardening failed; CODEX_SKIP_HARDENING=1 starts it unprotected,
  with a warning
"""

# name: (what argparse stores, metavar or None for a flag, help)
OPTIONS: dict[str, tuple[str, str | None, str]] = {
    "--method": ("method", "METHOD", "auto, execute-only, preload or in-process"),
    "--children": ("children", None, "harden all dynamically linked descendants too"),
    "--keep": ("keep", "NAME", "leave a variable (or PREFIX*) in the environment"),
    "--clear": ("clear", "NAME", "remove one more variable (or PREFIX*)"),
    "--strict": ("strict", None, "no_new_privs, refuse an attached tracer, remove more variables"),
    "--explain": ("explain", None, "print what would be done and what it protects; start nothing"),
}
_LISTS = ("keep", "clear")


class Options:
    """The arguments, under the names that argparse gives them, with what they are by default."""

    def __init__(self) -> None:
        self.method = "auto"
        self.children = False
        self.keep: list[str] = []
        self.clear: list[str] = []
        self.strict = False
        self.explain = False
        self.module: str | None = None
        self.command: list[str] = []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse, for help and for what parse() does not understand."""
    import argparse

    from process_hardening.launch.plan import METHODS

    parser.usage = USAGE
    parser.epilog = EPILOG
    for flag, (name, metavar, text) in OPTIONS.items():
        if metavar is None:
            parser.add_argument(flag, dest=name, action="store_true", help=text)
        else:
            parser.add_argument(
                flag,
                dest=name,
                metavar=metavar,
                help=text,
                action="append" if name in _LISTS else "store",
                choices=METHODS if name == "method" else None,
                default=[] if name in _LISTS else "auto",
            )
    parser.add_argument("-m", dest="module", metavar="MODULE", help="run a Python module")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="PROGRAM [ARG...]")


def parse(arguments: list[str]) -> Options | None:
    """Parse a well-formed command line without argparse, which costs as much as Python's start.

    Returns None for anything else: argparse then says what is wrong.
    """
    from process_hardening.launch.plan import METHODS

    options = Options()
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            break
        if word.startswith("-m"):
            options.module = word[2:] or next(rest, None)
            if options.module is None:
                return None
            options.command = list(rest)
            return options
        if not word.startswith("-"):
            rest = iter([word, *rest])
            break
        flag, equals, value = word.partition("=")
        if flag not in OPTIONS:
            return None
        name, metavar, _ = OPTIONS[flag]
        if metavar is None:
            if equals:
                return None
            setattr(options, name, True)
            continue
        if not equals:
            value = next(rest, "")
            if value.startswith("-"):
                return None
        if not value or (name == "method" and value not in METHODS):
            return None
        if name in _LISTS:
            getattr(options, name).append(value)
        else:
            setattr(options, name, value)
    options.command = list(rest)
    return options if options.command else None


def _policy(options: Options) -> Policy | None:
    if not (options.strict or options.keep or options.clear):
        return None  # DEFAULT, which the extension has too: nothing to import

    from process_hardening import DEFAULT, STRICT
    from process_hardening.errors import CommandError

    policy = STRICT if options.strict else DEFAULT
    try:
        return policy.replace(keep=tuple(options.keep), clear=(*policy.clear, *options.clear))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _explain(
    options: Options,
    report: Report,
    program: str,
    argv: list[str],
    method: str,
    because: str | None,
) -> None:
    from process_hardening.launch.plan import EXPOSES, PROTECTS
    from process_hardening.output import write
    from process_hardening.terminal import printable

    lines = [
        ("program", program),
        ("arguments", " ".join(map(repr, argv))),
    ]
    if report.bypassed:
        lines.append(("protects", "nothing: the bypass variable is set"))
    else:
        lines += [
            ("method", method + (f" ({because})" if because else "")),
            ("core limit", "0, soft and hard, for its children too"),
            ("removed", ", ".join(report.removed) or "no variable needed removing"),
            ("protects", PROTECTS[method]),
            ("does not protect", EXPOSES[method]),
            (
                "children",
                "dynamically linked ones harden too, others do not"
                if options.children
                else "not hardened but for the core limit, nor is a program that this one becomes"
                " by exec; see --children",
            ),
        ]
        if options.strict:
            lines.append(("strict", "no_new_privs is set, for its children too"))
    write("\n".join(f"{label + ':':<18}{printable(text)}" for label, text in lines))


def _find_script(name: str) -> str:
    """The path of a Python script. Raises NotFoundError or CannotProtectError."""
    from process_hardening.errors import CannotProtectError
    from process_hardening.launch.program import find

    path = name if os.path.exists(name) else find(name)
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise CannotProtectError(f"{path}: not a file that can be read")
    with open(path, "rb") as file:
        line = file.readline(256)
    if not path.endswith(".py") and not (line.startswith(b"#!") and b"python" in line):
        raise CannotProtectError(f"{path}: not in-process: not a Python script")
    return path


def _has_module(name: str) -> bool:
    """Whether `python -m name` would find something. Imports the packages it is in, as that does.

    An error of such an import that is not about the name itself is the program's own.
    """
    from importlib.util import find_spec

    try:
        spec = None if name.startswith(".") else find_spec(name)
        if spec and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if not name.startswith(error.name or name):
            raise
        return False
    except ValueError:  # "__main__" itself
        return False
    return spec is not None


def _folder() -> str:
    """The working directory as Python has it in sys.path: "" when it was deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _run_here(options: Options, script: str) -> int:
    """Run the script or module in this interpreter. Its SystemExit and traceback are its own."""
    import runpy

    from process_hardening.errors import NotFoundError

    # With -I or -P, the first entry is not the script's folder but the standard library.
    has_own_entry = not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
    if options.module:
        sys.argv = [options.module, *options.command]
        if has_own_entry:
            sys.path[0] = _folder()
        if not _has_module(options.module):
            raise NotFoundError(f"{options.module}: no such module")
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
        return 0
    sys.argv = [script, *options.command[1:]]
    if has_own_entry:
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    runpy.run_path(script, run_name="__main__")
    return 0


def run(options: Options) -> int:
    """Become the program; or run it here (in-process); or explain. Returns 0 for the latter two."""
    import process_hardening as ph
    from process_hardening.errors import CannotProtectError, CommandError
    from process_hardening.launch import execute, plan, program

    if options.module == "":
        raise CommandError("run: -m needs the name of a module")
    if options.module is None:
        options.command = options.command[options.command[:1] == ["--"] :]
        if not options.command:
            raise CommandError("run: name a program; see `process-hardening run --help`")
    policy = _policy(options)
    method = options.method
    linux = sys.platform.startswith(("linux", "android"))
    if method == plan.AUTO and not linux:
        method = plan.IN_PROCESS
    if method == plan.IN_PROCESS:
        if options.children:
            raise CannotProtectError("--children needs --method execute-only or preload")
        script = "" if options.module else _find_script(options.command[0])
        report = ph.pre_main_hardening(policy)
        if not options.explain:
            execute.leave_injected(report.removed)
            return _run_here(options, script)
        argv = ["-m", options.module, *options.command] if options.module else options.command
        _explain(options, report, sys.executable, argv, method, None)
        return 0

    if options.module:
        target = program.resolve(sys.executable, ["-m", options.module, *options.command])
    else:
        target = program.resolve(options.command[0], options.command[1:])
    report = ph.pre_main_hardening(policy)
    if report.bypassed:
        if not options.explain:
            execute.become_unprotected(target)
        _explain(options, report, target.path, target.argv, method, None)
        return 0
    chosen = plan.make_plan(target, method, options.children, plan.Host.read())
    if options.explain:
        _explain(options, report, chosen.told, target.argv, chosen.method, chosen.because)
        return 0
    return execute.become(chosen, tuple(options.keep))
