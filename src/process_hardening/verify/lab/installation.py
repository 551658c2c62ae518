"""Installs, in a directory for one run, what root or a user would install for protection."""

from __future__ import annotations

import glob
import os
import shutil
import sys

import process_hardening
from process_hardening.elf import read_image
from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.verify.victims import (
    INTERPRETER,
    PYTHON,
    ROOTS_INTERPRETER,
    ROOTS_LAUNCHER,
    find_launcher,
)

UNREADABLE = 0o111
ROOTS = 0o711
_LIBRARY = os.path.basename(PRELOAD_LIBRARY)


def install(names: set[str], folder: str, uid: int, gid: int) -> dict[str, str]:
    """Install the named items and return their paths.

    names -- any of INTERPRETER, ROOTS_INTERPRETER and ROOTS_LAUNCHER
    folder -- a directory that every user can enter
    uid, gid -- the owner of the items that a user would install

    Raises OSError.
    """
    paths = {}
    if INTERPRETER in names:
        path = _copy_interpreter(os.path.join(folder, "interpreter"))
        _protect(path, uid, gid, UNREADABLE)
        paths[INTERPRETER] = path
    if ROOTS_INTERPRETER in names:
        path = _copy_interpreter(os.path.join(folder, "interpreter-of-root"))
        _protect(path, 0, 0, ROOTS)
        paths[ROOTS_INTERPRETER] = path
    if ROOTS_LAUNCHER in names:
        path = os.path.join(folder, "root", "bin", "harden")
        library = os.path.join(folder, "root", "lib", "process-hardening", _LIBRARY)
        for copy in (path, library):
            os.makedirs(os.path.dirname(copy), 0o755)
        shutil.copyfile(find_launcher() or "harden", path)
        shutil.copyfile(PRELOAD_LIBRARY, library)
        _protect(path, 0, 0, ROOTS)
        os.chmod(library, 0o644)
        paths[ROOTS_LAUNCHER] = path
    return paths


def _protect(path: str, uid: int, gid: int, mode: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    os.chmod(path, mode)


def _copy_interpreter(folder: str) -> str:
    """Make a virtual environment with a copy of this interpreter, and return the copy's path.

    The copy can import our package and the packages next to it. Raises OSError.
    """
    original = os.path.realpath(PYTHON)
    path = os.path.join(folder, "bin", os.path.basename(original))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = os.path.join(folder, "lib", version, "site-packages")
    for made in (os.path.dirname(path), packages):
        os.makedirs(made, 0o755)
    with open(os.path.join(folder, "pyvenv.cfg"), "w", encoding="utf-8") as file:
        file.write(f"home = {os.path.dirname(original)}\n")
    with open(os.path.join(packages, "process-hardening.pth"), "w", encoding="utf-8") as file:
        file.write(os.path.dirname(os.path.dirname(process_hardening.__file__)) + "\n")
    shutil.copyfile(original, path)
    with open(original, "rb") as program:
        image = read_image(program.fileno(), original)
    if image is not None and image.needs_origin:  # it needs libpython in $ORIGIN/../lib
        for library in glob.glob(os.path.join(sys.base_prefix, "lib", "libpython*")):
            os.symlink(library, os.path.join(folder, "lib", os.path.basename(library)))
    return path
