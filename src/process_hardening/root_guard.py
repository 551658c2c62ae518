"""Keeps root from running and changing the code of a Python environment that others can change."""

from __future__ import annotations

import contextlib
import glob
import os

from process_hardening.changers import SOMEBODY, find_changers, find_changers_below
from process_hardening.errors import CommandError
from process_hardening.files import read_text
from process_hardening.shell import quote

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BESIDE = (
    "pyvenv.cfg",
    "python*",
    ".python*",  # what interpreter.py keeps
)
_BELOW = (
    "pyvenv.cfg",
    "lib*/libpython*",
    "lib*/python[0-9]?*",  # python3.14 and python314.zip, but not Debian's python3
)
"""What an interpreter reads with `-I -S`, in its directory and in the one above.

Source: Modules/getpath.py of CPython.
"""

_SITE_FOLDERS = ("site-packages", "dist-packages")


def check_interpreter(python: str) -> None:
    """Refuse root an interpreter that another user can change.

    That is everything that it reads with `-I -S`: its file, its settings and its standard library,
    and every link and directory on the way to them.

    Raises CommandError.
    """
    if os.geteuid():
        return
    path = python
    if "/" not in python:
        import shutil

        path = shutil.which(python) or python
    _refuse_changeable([path])
    if not os.path.lexists(path):
        return  # and only root can create it: its start fails, and says why
    tops = []
    for folder in _find_program_folders(path):
        parent = os.path.dirname(folder)
        _refuse_changeable([folder, parent])
        tops += _list_matches(folder, _BESIDE) + _list_matches(parent, _BELOW)
    _refuse_changeable(tops)
    for top in dict.fromkeys(map(os.path.realpath, tops)):
        _refuse_changeable_library(top)


def check_site(libraries: list[str], folders: list[str]) -> None:
    """Refuse root a search path that another user can change.

    libraries -- where Python finds its standard library
    folders -- where `site` looks for .pth files; the directories that these files name count too

    Raises CommandError.
    """
    if os.geteuid():
        return
    for library in libraries:
        _refuse_changeable_library(library)
    for folder in dict.fromkeys(folders):
        _refuse(find_changers_below(folder))
        for named in _list_named_folders(folder):
            _refuse(find_changers_below(named))


def _find_program_folders(path: str) -> list[str]:
    """Return the directories in which an interpreter looks for its files."""
    folders = [os.path.dirname(find(path)) for find in (os.path.abspath, os.path.realpath)]
    for parent in (folders[0], os.path.dirname(folders[0])):
        settings = os.path.join(parent, "pyvenv.cfg")
        if not os.path.exists(settings):
            continue
        _refuse_changeable([settings])
        with contextlib.suppress(UnicodeDecodeError):
            for line in read_text(settings).splitlines():
                name, _, value = line.partition("=")
                if name.strip().lower() == "home":
                    folders += [value.strip(), os.path.realpath(value.strip())]
    return list(dict.fromkeys(folders))


def _list_matches(folder: str, patterns: tuple[str, ...]) -> list[str]:
    """Return the files and directories of a directory that match any of these patterns."""
    paths = (os.path.join(glob.escape(folder), pattern) for pattern in patterns)
    return [match for path in paths for match in glob.glob(path)]


def _list_named_folders(folder: str) -> Iterator[str]:
    """Yield the directories that the .pth files of a directory name."""
    for name in _list_names(folder):
        if not name.endswith(".pth"):
            continue
        with contextlib.suppress(OSError), open(os.path.join(folder, name), "rb") as file:
            for line in file.read().decode("utf-8-sig", "surrogateescape").splitlines():
                is_path = line.strip() and not line.startswith(("#", "import ", "import\t"))
                if is_path and "\0" not in line:
                    yield os.path.join(folder, line.rstrip())


def _list_names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _refuse_changeable(paths: Iterable[str]) -> None:
    _refuse((path, find_changers(path)) for path in paths)


def _refuse_changeable_library(folder: str) -> None:
    """Raise CommandError if another user can change a standard library.

    The site-packages in it do not count: not every environment reads them.
    """
    _refuse_changeable([folder])
    for name in _list_names(folder):
        if name not in _SITE_FOLDERS:
            _refuse(find_changers_below(os.path.join(folder, name)))


def _refuse(found: Iterable[tuple[str, set[int]]]) -> None:
    """Raise CommandError for the first path that another user can change."""
    for path, changers in found:
        if SOMEBODY in changers:
            raise CommandError(
                f"{path}: a group or all users can write to it, or to a directory above it, and"
                " root would run it: remove that permission (`namei -l` shows where, `chmod go-w`"
                " removes it), or run this command as another user"
            )
        if changers:
            user = _name_user(min(changers))
            raise CommandError(
                f"{path}: the user {user} can change it, and root would run it: put `sudo -u"
                f" {quote(user)}` before this command"
            )


def _name_user(uid: int) -> str:
    """Return a user as sudo(8) takes it."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
