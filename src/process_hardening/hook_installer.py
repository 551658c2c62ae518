"""Installs the start-up hook: files in site-packages that Python's `site` module reads.

This is separate from startup_hook.py, which runs every time Python starts.

Until Python 3.17, `site` executes the `import` lines of .pth files. Since 3.15, it calls the
functions that .start files name, and ignores the `import` lines of a .pth file of the same name
(PEP 829). If both exist, only one takes effect.
"""

from __future__ import annotations

import ast
import os
import sys

from process_hardening import _native, interpreter, root_guard
from process_hardening.errors import USAGE_ERROR, CommandError
from process_hardening.files import replace_bytes
from process_hardening.interpreter_copy import ask, last_line
from process_hardening.record import Record
from process_hardening.shell import join

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import subprocess

ALWAYS = "always"
ON_REQUEST = "on_request"
"""The modes. The hook calls the function harden_MODE() of startup_hook.py."""

DISABLED = "disabled"
DAMAGED = "damaged"
"""The other states: no hook, and files that enable() did not write."""

NAME = "00_process_hardening"
"""Sorts before the files of other packages: `site` reads them in alphabetical order."""

_COMMENT = "# `process-hardening hook disable` removes this: it hardens Python at its start\n"

_MODES = (ALWAYS, ON_REQUEST)

# The .pth line checks the variable first: a process that need not be hardened imports nothing, and
# a process whose children need not be hardened does not import startup_hook.py.
_IS_REQUESTED = f"os.environ.get({_native.CHILDREN_VARIABLE!r}) == '1'"
_IS_FIRST = "'hardened' not in globals()"  # `site` reads the files of a virtual environment twice
_CALL = "__import__('process_hardening.startup_hook', fromlist=['']).harden_{}()"

# The package is looked up in the directory of this file, before PYTHONPATH, and its compiled code
# is not read from PYTHONPYCACHEPREFIX, which the user chooses. If the package is missing, Python
# continues, so that pip can repair the environment; `site` itself would print a traceback, twice.
# After any other error, which another process could have caused, for example with a descriptor
# limit, Python exits.
_TRY = """\
try:
 caches, sys.pycache_prefix = sys.pycache_prefix, None
 try:
  sys.path.insert(0, sitedir)
  try: import process_hardening
  finally: sys.path.remove(sitedir)
  {call}
 finally: sys.pycache_prefix = caches
 globals()['hardened'] = True
except ModuleNotFoundError as error:
 if globals().setdefault('hardening_error', error) is error:
  os.write(2, f'process-hardening: this Python is not hardened: {{error}}: install'
   f' process-hardening again, or delete {{sitedir}}/{file}\\n'.encode('utf-8', 'replace'))
except Exception as error:
 try:
  os.write(2, f'process-hardening: the start-up hook failed: {{error!r}}; exiting with status {rc}'
   f' (to start without it, delete {{sitedir}}/{file})\\n'.encode('utf-8', 'replace'))
 finally: os._exit({rc})
"""

# For an execute-only environment. Imports the check only if other processes could read this one at
# its start, or can read the interpreter, and never as root, who can always read both.
_LOOK = "is_exposed = os.access('/proc/self/mem', 4) or os.access(sys.executable or '', 4)"
_CHECK = (
    "is_exposed and os.getuid()"
    " and __import__('process_hardening.startup_hook', fromlist=['']).check_interpreter()"
)


def _pth(mode: str, execute_only: bool) -> str:
    """Return the line of the .pth file: `site` executes each line that starts with `import`."""
    call = _CALL.format(mode)
    if mode == ALWAYS:
        call = f"{call} if {_IS_REQUESTED} else process_hardening.pre_main_hardening()"
    conditions = f"{_IS_REQUESTED} and {_IS_FIRST}" if mode == ON_REQUEST else _IS_FIRST
    code = _TRY.format(call=call, file=f"{NAME}.pth", rc=USAGE_ERROR)
    harden = f"{conditions} and exec({code!r})"
    steps = (_LOOK, harden, _CHECK) if execute_only else (harden,)
    return "; ".join(("import os, sys", *steps))


def _start(mode: str, execute_only: bool) -> str:
    """Return the lines of the .start file, which name the functions to call."""
    line = f"process_hardening.startup_hook:harden_{mode}"
    check = "\nprocess_hardening.startup_hook:check_interpreter"
    return line + check if execute_only else line


# suffix: first and last versions of Python that read it, and the function that makes its text
_FILES = {".start": ((3, 15), (4, 0), _start), ".pth": ((3, 0), (3, 17), _pth)}

# Runs with -S, so that only code of the interpreter itself is executed: what is in site-packages is
# checked later. Without `site`, Python knows about its virtual environment only since 3.14.
# It prints a Python literal, because importing json would double the time that it takes.
_ASK = """
import sys
from os.path import abspath, dirname, isfile, join
folder = dirname(abspath(sys.executable))
places = join(folder, "pyvenv.cfg"), join(dirname(folder), "pyvenv.cfg")
settings = list(filter(isfile, places))
if settings:
    sys.prefix = sys.exec_prefix = dirname(folder)
import site, sysconfig
from importlib.machinery import PathFinder
folders = site.getsitepackages()
package = PathFinder.find_spec("process_hardening", folders)
inside = package and package.submodule_search_locations or []
found = (PathFinder.find_spec("process_hardening.startup_hook", inside)
         and PathFinder.find_spec("_process_hardening", folders))
for path in settings[:1]:
    with open(path, encoding="utf-8") as file:
        values = dict(map(str.strip, line.lower().split("=", 1)) for line in file if "=" in line)
    if values.get("include-system-site-packages", "true") == "true":
        folders += site.getsitepackages([sys.base_prefix, sys.base_exec_prefix])
print(ascii([sys.version_info[:2], sysconfig.get_path("purelib"), bool(settings),
             found is not None, sys.executable, sys.path, folders]))
"""
_PROVE = """
import sys
import process_hardening
if process_hardening.status().inspectable:
    sys.exit("other processes of the user can still read it with the hook installed")
print("process-hardening: hardened")
"""
_IS_PROVED = "process-hardening: hardened\n"


class PythonEnvironment(Record):
    """A Python environment, as its interpreter describes it.

    python -- its interpreter; version -- (major, minor)
    site_packages -- the directory that `site` reads, even with -I and -s
    is_virtual -- whether it is a virtual environment
    has_package -- whether its interpreter finds process_hardening, even with -I
    executable -- its sys.executable
    """

    python: str
    version: tuple[int, int]
    site_packages: str
    is_virtual: bool
    has_package: bool
    executable: str

    def path(self, suffix: str) -> str:
        """Return the path of the hook file with this suffix, which may not exist."""
        return os.path.join(self.site_packages, NAME + suffix)

    @property
    def paths(self) -> list[str]:
        """The paths of the hook files, which may not exist."""
        return [self.path(suffix) for suffix in self.contents(ALWAYS)]

    def contents(self, mode: str, execute_only: bool = False) -> dict[str, bytes]:
        """Map the suffix of each hook file that this version of Python reads to its content.

        execute_only -- whether they also check that the interpreter is still execute-only
        """
        return {
            suffix: f"{_COMMENT}{text(mode, execute_only)}\n".encode()
            for suffix, (first, last, text) in _FILES.items()
            if first <= self.version <= last
        }

    @property
    def names(self) -> interpreter.Names:
        """Return the names of its interpreter. Raises CommandError."""
        return interpreter.find_names(self.executable, self.is_virtual)


def find_environment(python: str | None = None) -> PythonEnvironment:
    """Query an interpreter about its environment.

    python -- an interpreter, or the directory of a virtual environment; default: this interpreter

    Raises CommandError.
    """
    if python == "":
        raise CommandError("--python: empty path: name an interpreter")
    python = python or sys.executable
    if os.path.isdir(python):
        folder = python
        python = os.path.join(folder, "bin", "python")
        if not os.path.exists(python):
            raise CommandError(f"{folder}: not a Python environment: it has no bin/python")
    root_guard.check_interpreter(python)
    answer = _ask(python, _ASK, {}, "-S")
    try:
        version, site_packages, is_virtual, has_package, executable, path, folders = (
            ast.literal_eval(answer.stdout)
        )
    except (TypeError, ValueError, SyntaxError, MemoryError, RecursionError):  # all that it raises
        problem = f"not a Python interpreter: {last_line(answer)}"
        raise CommandError(f"{python}: {problem}") from None
    root_guard.check_interpreter(executable)
    root_guard.check_site(path, [site_packages, *folders])
    return PythonEnvironment(
        python=python,
        version=version,
        site_packages=site_packages,
        is_virtual=is_virtual,
        has_package=has_package,
        executable=executable,
    )


def read_own_state() -> str:
    """Return what read_state() returns for this interpreter's environment. Raises CommandError."""
    import sysconfig

    return read_state(
        PythonEnvironment(
            python=sys.executable,
            version=sys.version_info[:2],
            site_packages=sysconfig.get_path("purelib"),
            is_virtual=sys.prefix != sys.base_prefix,
            has_package=True,
            executable=sys.executable,
        )
    )


def read_state(environment: PythonEnvironment) -> str:
    """Return ALWAYS, ON_REQUEST, DISABLED or DAMAGED. Raises CommandError."""
    found = _read_files(environment)
    if not found:
        return DISABLED
    for mode in _MODES:
        wanted = (environment.contents(mode), environment.contents(mode, execute_only=True))
        if found in wanted and environment.has_package:
            return mode
    return DAMAGED


def read_interpreter_state(environment: PythonEnvironment) -> str:
    """Return one of the states that interpreter.py defines. Raises CommandError.

    Also returns REOPENED if only the hook still shows that the interpreter was execute-only.
    """
    state = interpreter.read_state(environment.names)
    if state == interpreter.READABLE and _checks_interpreter(environment):
        return interpreter.REOPENED
    return state


def _checks_interpreter(environment: PythonEnvironment) -> bool:
    return any(b"check_interpreter" in content for content in _read_files(environment).values())


def repair_command(environment: PythonEnvironment) -> str:
    """Return the command that repairs the hook and the interpreter, without changing their mode."""
    found = _read_files(environment)
    words = ["process-hardening", "hook", "enable"]
    if any(f"harden_{ON_REQUEST}".encode() in content for content in found.values()):
        words.append("--on-request")
    if read_interpreter_state(environment) != interpreter.READABLE:
        words.append("--execute-only")
    if not environment.is_virtual:
        words.append("--system")
    if environment.python != sys.executable:
        words += ["--python", environment.python]
    return join(words)


def is_enabled(environment: PythonEnvironment, mode: str, execute_only: bool) -> bool:
    """Return whether enable() with these arguments would do nothing. Raises CommandError."""
    state = read_interpreter_state(environment)
    wanted = environment.contents(mode, state != interpreter.READABLE)
    return (
        environment.has_package
        and _read_files(environment) == wanted
        and (not execute_only or state == interpreter.EXECUTE_ONLY)
    )


def enable(environment: PythonEnvironment, mode: str, execute_only: bool = False) -> None:
    """Write the hook, and start an interpreter to check that it is hardened.

    execute_only -- first make the interpreter execute-only, or copy it again; if this is False, an
        interpreter that is already execute-only stays execute-only

    If it raises CommandError, nothing has changed.
    """
    if not environment.has_package:
        raise CommandError(
            f"{environment.python} does not find process_hardening: install it there first"
        )
    before = _read_files(environment)
    names = environment.names
    was_readable = read_interpreter_state(environment) == interpreter.READABLE
    try:
        if execute_only:
            interpreter.make_execute_only(names)
        _write_files(environment, environment.contents(mode, execute_only or not was_readable))
        request = {_native.CHILDREN_VARIABLE: "1"} if mode == ON_REQUEST else {}
        proof = _ask(environment.python, _PROVE, request)
        if proof.returncode or _IS_PROVED not in proof.stdout:
            said = last_line(proof)
            raise CommandError(f"{environment.python} is not hardened: {said}")
    except BaseException:  # Ctrl-C too
        if _read_files(environment) != before:
            _write_files(environment, before)
        if execute_only and was_readable and interpreter.read_state(names) != interpreter.READABLE:
            interpreter.make_readable(names)
        raise


def disable(environment: PythonEnvironment) -> bool:
    """Remove the files of the hook, even damaged ones, and restore the interpreter.

    Returns False if there was nothing to do. Raises CommandError.
    """
    is_hooked = read_state(environment) != DISABLED
    is_ordinary = interpreter.read_state(environment.names) == interpreter.READABLE
    if is_hooked:
        _write_files(environment, {})
    interpreter.make_readable(environment.names)
    return is_hooked or not is_ordinary


def _read_files(environment: PythonEnvironment) -> dict[str, bytes]:
    """Map the suffix of each existing hook file to its content. Raises CommandError."""
    found = {}
    for suffix in _FILES:
        path = environment.path(suffix)
        try:
            with open(path, "rb") as file:
                found[suffix] = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CommandError(f"{path}: cannot be read: {error.strerror}") from None
    return found


def _write_files(environment: PythonEnvironment, contents: dict[str, bytes]) -> None:
    """Write these hook files (suffix to content), and remove all others. Raises CommandError."""
    for suffix in _FILES:
        path = environment.path(suffix)
        if suffix in contents:
            # `site` ignores files that it cannot read: other users would not be hardened.
            replace_bytes(path, contents[suffix], 0o644, exactly=True)
            continue
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CommandError(f"{path}: cannot be removed: {error.strerror}") from None


def _ask(
    python: str, code: str, env: dict[str, str], *flags: str
) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that ignores the user's settings. Raises CommandError."""
    dropped = ("LD_", _native.BYPASS_VARIABLE, _native.CHILDREN_VARIABLE)
    env = {**{n: v for n, v in os.environ.items() if not n.startswith(dropped)}, **env}
    try:
        return ask([python, "-I", *flags, "-c", code], env)
    except OSError as error:
        raise CommandError(f"{python}: cannot be started: {error.strerror}") from None
