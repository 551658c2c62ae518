"""Checks whether a program would be hardened before its main() if this process started it."""

from __future__ import annotations

import os
import sys

from process_hardening import _native
from process_hardening.children import find_hook
from process_hardening.environment import PRELOAD_LIBRARY, split_libraries
from process_hardening.errors import CommandError
from process_hardening.preload import has_several_preloads
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from process_hardening.launch.find import Program

    Word = str | bytes | os.PathLike[str]

PRELOAD: Literal["preload library"] = "preload library"
HOOK: Literal["start-up hook"] = "start-up hook"
UNREADABLE: Literal["unreadable file"] = "unreadable file"

_IN_ANY_ORDER = "verify_asan_link_order=0"  # lets AddressSanitizer load after our library

_MISLEADING = {
    "PYTHONEXECUTABLE": False,
    "PYTHONHOME": True,
    "PYTHONPLATLIBDIR": True,
    "PYTHONPYCACHEPREFIX": True,
    "PYTHON_PRESITE": True,
}
"""Variables that make Python execute code other than its own before the start-up hook.

They make it look elsewhere for its libraries (Modules/getpath.py) or for their compiled code, or
import a module first. The values say whether -E and -I make Python ignore the variable.
"""

_MISLEADING_OPTIONS = {"Xpycache_prefix", "Xpresite"}

_WARNING_VARIABLES = ("PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONWARNDEFAULTENCODING")
_WARNING_OPTIONS = {"W", "b", "Xdev", "Xwarn_default_encoding"}
"""With these, Python imports warnings and the modules that a filter names before the start-up hook.

Source: init_interp_main() in Python/pylifecycle.c; tried with 3.11.
"""

_FROZEN_VARIABLE = "PYTHON_FROZEN_MODULES"  # since 3.13

_VARIABLES = (
    *("PATH", "LD_PRELOAD", "ASAN_OPTIONS", _native.CHILDREN_VARIABLE, _native.EXCEPT_VARIABLE),
    *(_native.BYPASS_VARIABLE, _native.BYPASS_NAME_VARIABLE),
    *("PYTHONPATH", *_MISLEADING, *_WARNING_VARIABLES, _FROZEN_VARIABLE),
    *("PYTHONNOUSERSITE", "PYTHONUSERBASE", "HOME"),
)
"""The variables that affect the result of check_child()."""

_STARTS = (".pth", ".start")
"""Files in site-packages with code that `site` executes; .start since Python 3.15 (PEP 829)."""

_OURS = ("process_hardening", _native.__name__)
_UNTIL_THE_HOOK = (
    *("encodings", "codecs", "io", "abc", "os", "stat", "posixpath", "genericpath"),
    *("_collections_abc", "_sitebuiltins", "site", "__future__"),
)
"""The modules that Python imports before the start-up hook has run."""


class ChildCheck(Record):
    """The result of check_child(): true if the program would be hardened before its main().

    by -- what would harden it: 'preload library', 'start-up hook' or 'unreadable file', such as
        the execute-only interpreter of this process; None if nothing would
    reason -- why it would not be hardened; None if it would be
    """

    by: Literal["preload library", "start-up hook", "unreadable file"] | None
    reason: str | None

    @property
    def hardened(self) -> bool:
        """Return whether the child would be hardened."""
        return self.by is not None

    def __bool__(self) -> bool:
        return self.hardened


def check_child(
    command: Word | Sequence[Word],
    env: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
    *,
    cwd: Word | None = None,
) -> ChildCheck:
    """Check whether a program would be hardened before its main() if this process started it.

    command -- the program, or the program and its arguments; "#!" lines are followed
    env, cwd -- the environment and the working directory that it would get, as in subprocess;
        default: those of this process

    The answer is about this program, not about programs that it starts or executes. A program that
    cannot be found counts as not hardened, and reason says so. Nothing is started: the check only
    reads files. Raises ValueError for an empty command and TypeError for a command of another type.
    """
    from process_hardening.launch.find import find_program

    if isinstance(command, int):
        raise TypeError(f"command must be a program or a list, not {command!r}")
    given = [command] if isinstance(command, (str, bytes, os.PathLike)) else command
    words = list(map(os.fsdecode, given))
    if not words:
        raise ValueError("the command is empty")
    variables = _read_own_variables() if env is None else _decode(env)
    folder = os.fsdecode(cwd) if cwd is not None else ""
    if os.sep in words[0]:
        words[0] = os.path.join(folder, words[0])
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    if folder:
        folders = [os.path.join(folder, one) for one in folders]
    try:
        program = find_program(words, os.pathsep.join(folders))
    except CommandError as error:
        return _refused(str(error))
    if program.is_unreadable:
        return ChildCheck(by=UNREADABLE, reason=None)
    if folder and not os.path.isabs(program.path):
        return _refused("its #! line names an interpreter relative to the working directory")
    if folder and program.loaded is not None and not os.path.isabs(program.loaded):
        return _refused("it is a dynamic loader, with a program relative to the working directory")
    for entry in program.variables:
        name, _, value = entry.partition("=")
        variables[name] = value
    # The bypass variable that native/preload/ and the start-up hook obey.
    bypass = variables.get(_native.BYPASS_NAME_VARIABLE, _native.BYPASS_VARIABLE)
    if bypass and variables.get(bypass) == "1":
        return _refused(f"{bypass}=1 is in its environment")
    reason = _why_not_by_library(program, variables)
    if reason is None:
        return ChildCheck(by=PRELOAD, reason=None)
    return _check_hook(program, variables, folder, reason)


def _refused(reason: str) -> ChildCheck:
    return ChildCheck(by=None, reason=reason)


def _read_own_variables() -> dict[str, str]:
    """Return the variables that affect the result.

    They are read from the C environment, which children inherit. os.environ may differ from it.
    """
    named = bytes(_native.read_variable(_native.BYPASS_NAME_VARIABLE.encode()) or b"")
    names = (*_VARIABLES, os.fsdecode(named))
    values = {name: _native.read_variable(os.fsencode(name)) for name in names}
    if has_several_preloads():  # which one counts depends on the loader
        values["LD_PRELOAD"] = None
    return {name: os.fsdecode(bytes(value)) for name, value in values.items() if value is not None}


def _decode(env: Mapping[str, str] | Mapping[bytes, bytes]) -> dict[str, str]:
    return {os.fsdecode(name): os.fsdecode(value) for name, value in env.items()}


def _why_not_by_library(program: Program, variables: Mapping[str, str]) -> str | None:
    """Return why our library would not harden the program, or None if it would."""
    if PRELOAD_LIBRARY not in split_libraries(variables.get("LD_PRELOAD", "")):
        return "LD_PRELOAD in its environment does not name the preload library"
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return "real and effective ids differ, so the loader ignores LD_PRELOAD (ld.so(8))"
    if program.no_library is not None:
        return program.no_library
    if program.runtime and _IN_ANY_ORDER not in variables.get("ASAN_OPTIONS", ""):
        return (
            f"{program.runtime} must come before the preload library: set"
            f" ASAN_OPTIONS={_IN_ANY_ORDER}"
        )
    if variables.get(_native.CHILDREN_VARIABLE) != "1":  # the library exempts only children
        return None
    names = [program.name, *([os.path.basename(program.loaded)] if program.loaded else [])]
    return _excepted(names, variables.get(_native.EXCEPT_VARIABLE, ""))


def _excepted(names: Sequence[str], patterns: str) -> str | None:
    """Return why a variable exempts a program with one of these names from our library, or None."""
    from fnmatch import fnmatchcase

    raw = list(map(os.fsencode, names))  # "?" stands for one byte, as in native/exec/handover.c
    for pattern in os.fsencode(patterns).split(b":"):
        if any(fnmatchcase(name, pattern.replace(b"[", b"[[]")) for name in raw):
            return f"{_native.EXCEPT_VARIABLE} in its environment exempts it"
    return None


def _check_hook(
    program: Program, variables: Mapping[str, str], folder: str, reason: str
) -> ChildCheck:
    """Check whether the start-up hook of this interpreter's environment would harden the program.

    folder -- the working directory of the program; "" if it is ours
    reason -- why our library would not harden it
    """
    mode = find_hook() if _is_own_interpreter(program.path) else ""
    if not mode or (mode != "always" and variables.get(_native.CHILDREN_VARIABLE) != "1"):
        return _refused(reason)
    problem = _why_not_by_hook(_read_flags(program.argv[1:]), variables, folder)
    return _refused(f"{reason}, and {problem}") if problem else ChildCheck(by=HOOK, reason=None)


def _why_not_by_hook(flags: set[str], variables: Mapping[str, str], folder: str) -> str | None:
    """Return why Python would not reach the start-up hook, or only after other code; or None.

    flags -- its options; folder -- its working directory; "": ours
    """
    if "S" in flags:
        return "-S disables the start-up hook"
    if not flags.isdisjoint(_MISLEADING_OPTIONS):
        return "an option -X makes Python miss the start-up hook"
    is_isolated = not flags.isdisjoint("EI")
    for name, is_ignored in _MISLEADING.items():
        if variables.get(name) and not (is_ignored and is_isolated):
            return f"{name} makes Python miss the start-up hook"
    if flags.isdisjoint("Is") and runs_user_site_first(variables, folder, is_isolated):
        return "a .pth or .start file in the user's site-packages comes before the start-up hook"
    path = "" if is_isolated else variables.get("PYTHONPATH")
    if not path:
        return None
    if any(map(variables.get, _WARNING_VARIABLES)) or not flags.isdisjoint(_WARNING_OPTIONS):
        return "PYTHONPATH serves the warnings filter before the start-up hook"
    is_frozen = "Xfrozen_modules=off" not in flags and variables.get(_FROZEN_VARIABLE) != "off"
    if _is_shadowed([os.path.join(folder, one) for one in path.split(os.pathsep)], is_frozen):
        return "PYTHONPATH shadows the package of the start-up hook"
    return None


def runs_user_site_first(variables: Mapping[str, str], folder: str, is_isolated: bool) -> bool:
    """Return whether Python would execute a file of the user before the start-up hook.

    Not in a virtual environment, whose own are first (site.py).

    variables, folder -- the environment and the working directory that it would get
    is_isolated -- whether it ignores the variables of Python
    """
    if sys.prefix != sys.base_prefix:
        return False
    if variables.get("PYTHONNOUSERSITE") and not is_isolated:
        return False
    import sysconfig

    # With a "t" in its path for a free-threaded Python.
    user = sysconfig.get_preferred_scheme("user")
    site = sysconfig.get_path("purelib", user, {"userbase": _find_user_base(variables)})
    try:
        return any(entry.endswith(_STARTS) for entry in os.listdir(os.path.join(folder, site)))
    except OSError:
        return False


def _find_user_base(variables: Mapping[str, str]) -> str:
    """Return the folder that site.getuserbase() would return with these variables.

    It obeys PYTHONUSERBASE even with -E, and calls os.path.expanduser().
    """
    base = variables.get("PYTHONUSERBASE")
    if base:
        return base
    home = variables.get("HOME")
    if home is None:
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            home = "~"
    return f"{home.rstrip('/')}/.local"


def _is_own_interpreter(path: str) -> bool:
    """Return whether a file is the interpreter of our environment.

    Python finds its environment by the location of the interpreter.
    """
    if os.path.dirname(path) != os.path.dirname(sys.executable):
        return False
    try:
        return os.path.samefile(path, sys.executable)
    except OSError:  # one was deleted
        return False


def _read_flags(arguments: Sequence[str]) -> set[str]:
    """Return the options that Python would parse before the name of the program.

    One letter each; -X with its name, and frozen_modules with its value.
    """
    flags = set()
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            break
        if word.startswith("--"):
            if word == "--check-hash-based-pycs":  # the only one with a value
                next(rest, None)
            continue
        for place, letter in enumerate(word[1:], 2):
            flags.add(letter)
            if letter in "cm":
                return flags
            if letter in "WX":  # their value is the rest of the word, or the next word
                value = next(rest, "") if place == len(word) else word[place:]
                flags |= {letter + value, letter + value.partition("=")[0]}
                break
    return flags


def _is_shadowed(folders: Sequence[str], is_frozen: bool) -> bool:
    """Return whether a module in these directories would shadow one of ours or of Python's.

    is_frozen -- whether Python uses the modules that are built into it, as it does by default
    """
    import _imp
    import sysconfig
    from importlib.machinery import PathFinder

    # The hook looks for our package next to itself first, except in Python 3.15.
    is_beside_hook = os.path.dirname(os.path.dirname(__file__)) == sysconfig.get_path("purelib")
    ours = () if is_beside_hook and sys.version_info < (3, 15) else _OURS
    for name in (*ours, *_UNTIL_THE_HOOK):
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if is_frozen and _imp.is_frozen(name):
            continue
        if file is None:
            if is_frozen:
                continue
            return True  # where Python would load it from is unknown here
        own = os.path.dirname(os.path.dirname(file) if hasattr(module, "__path__") else file)
        spec = PathFinder.find_spec(name, [*folders, own])
        if spec is None or spec.origin is None:
            return True
        if os.path.realpath(spec.origin) != os.path.realpath(file):
            return True
    return False
