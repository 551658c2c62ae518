"""The start-up hook of a Python environment: files in its site-packages that `site` obeys.

Until Python 3.17 `site` executes the `import` lines of .pth files; from 3.15 on it calls what
.start files name, and then takes no notice of the `import` lines of a .pth file of the same name
(PEP 829). Where both are written, one alone is in force.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from process_hardening.errors import CommandError

ran = ""
ALWAYS = "always"
ON_REQUEST = "on_request"
"""The modes; the hook calls the function _harden_MODE of native/python.c."""

DISABLED = "disabled"
DAMAGED = "damaged"

NAME = "00_process_hardening"
"""Sorted before what other packages write: `site` goes by the alphabet."""

_COMMENT = "# `process-hardening disable` removes this: Python hardens itself at its start\n"

# suffix: first and last Python, the line
_FILES = {
    ".start": ((3, 15), (4, 0), "process_hardening._native:_harden_{}\n"),
    ".pth": (
        (3, 0),
        (3, 17),
        "import process_hardening._native; process_hardening._native._harden_{}()\n",
    ),
}

_ASK = """
import json, sys, sysconfig
try:
    from process_hardening._native import _harden_always
    found = True
except ImportError:
    found = False
print(json.dumps([sys.version_info[:2], sysconfig.get_path("purelib"),
                  sys.prefix != sys.base_prefix, found]))
"""
_PROVE = """
import sys
import process_hardening._native
if not process_hardening._native._hook:
    sys.exit("the hook was not called")
if process_hardening.status().inspectable:
    sys.exit("the hook was called, and others of the user can still read the process")
"""


class Environment:
    """A Python environment, as its interpreter tells.

    python -- its interpreter; version -- (major, minor)
    site_packages -- the folder that `site` reads, whatever -I and -s say
    is_virtual -- whether it is a virtual environment
    has_package -- whether its interpreter finds process_hardening, with -I too
    """

    __slots__ = ("has_package", "is_virtual", "python", "site_packages", "version")

    def __init__(self, python: str | None) -> None:
        """Ask an interpreter, or the one of a virtual environment's folder; None: this one.

        Raises CommandError.
        """
        if python == "":
            raise CommandError("--python: the path is empty: name an interpreter")
        python = python or sys.executable
        if os.path.isdir(python):
            folder = python
            python = os.path.join(folder, "bin", "python")
            if not os.path.exists(python):
                raise CommandError(f"{folder}: no Python environment: it has no bin/python")
        # Whatever a hook that is there already does, it has to answer.
        answer = _ask(python, _ASK, {"CODEX_SKIP_HARDENING": "1"})
        try:
            version, site_packages, is_virtual, has_package = json.loads(answer.stdout)
        except ValueError:
            raise CommandError(f"{python}: no Python interpreter: {_last_line(answer)}") from None
        self.python = python
        self.version: tuple[int, int] = tuple(version)
        self.site_packages: str = site_packages
        self.is_virtual: bool = is_virtual
        self.has_package: bool = has_package

    def path(self, suffix: str) -> str:
        """Where the file with this suffix is, or would be."""
        return os.path.join(self.site_packages, NAME + suffix)

    @property
    def paths(self) -> list[str]:
        """Where the files of the hook are, or would be."""
        return [self.path(suffix) for suffix in self.texts(ALWAYS)]

    def texts(self, mode: str) -> dict[str, str]:
        """The files of the hook for this version: suffix and text."""
        return {
            suffix: _COMMENT + line.format(mode)
            for suffix, (first, last, line) in _FILES.items()
            if first <= self.version <= last
        }


def _found(environment: Environment) -> dict[str, str]:
    """The files that are there: suffix and text. Raises CommandError."""
    texts = {suffix: _read(environment.path(suffix)) for suffix in _FILES}
    return {suffix: text for suffix, text in texts.items() if text is not None}


def state_of(environment: Environment) -> str:
    """ALWAYS, ON_REQUEST, DISABLED, or DAMAGED where the files are not as enable() writes them."""
    found = _found(environment)
    if not found:
        return DISABLED
    for mode in (ALWAYS, ON_REQUEST):
        if found == environment.texts(mode):
            return mode
    return DAMAGED


def enable(environment: Environment, mode: str) -> None:
    """Write the hook, and see that it works: an interpreter that is started then is hardened.

    Raises CommandError, with everything as it was before.
    """
    if not environment.has_package:
        raise CommandError(
            f"{environment.python} does not find process_hardening: install it there first"
        )
    before = _found(environment)
    try:
        _put(environment, environment.texts(mode))
        proof = _ask(environment.python, _PROVE, {"PROCESS_HARDENING_CHILDREN": "1"})
        if proof.returncode:
            raise CommandError(f"{environment.python} is not hardened: {_last_line(proof)}")
    except CommandError:
        _put(environment, before)
        raise


def disable(environment: Environment) -> None:
    """Remove the files of the hook, damaged ones too. Raises CommandError."""
    _put(environment, {})


def _put(environment: Environment, texts: dict[str, str]) -> None:
    """Have exactly these files of the hook: suffix and text. Raises CommandError."""
    for suffix in _FILES:
        path = environment.path(suffix)
        if suffix in texts:
            _write(path, texts[suffix])
            continue
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CommandError(f"{path}: cannot be removed: {error.strerror}") from None


def _ask(python: str, code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that takes nothing from the user. Raises CommandError."""
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("LD_", "CODEX_SKIP_"))}
    try:
        return subprocess.run(
            [python, "-I", "-c", code],
            env={**inherited, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise CommandError(f"{python}: cannot be started: {error.strerror}") from None


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
    return lines[-1]


def _read(path: str) -> str | None:
    """The text of a file; None when there is none. Raises CommandError."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}") from None


def _write(path: str, text: str) -> None:
    """Write a file that others see whole or not at all. Raises CommandError."""
    unfinished = f"{path}.{os.getpid()}"  # with a suffix that `site` takes no notice of
    try:
        with open(unfinished, "x", encoding="utf-8") as file:
            os.chmod(unfinished, 0o644)  # a hook that another user cannot read would not harden
            file.write(text)
        os.replace(unfinished, path)
    except OSError as error:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None
