"""What PROGRAM is: a script, a module or an ELF file, and which image the kernel would run."""

from __future__ import annotations

import os
import stat
import sys

from process_hardening.errors import CannotProtectError, NotFoundError
from process_hardening.elf import Image, read_image

_LINE_SIZE = 256  # BINPRM_BUF_SIZE: what the kernel reads of a "#!" line
_INTERPRETERS = 5  # how deep the kernel follows "#!" (fs/exec.c exec_binprm)


class Program:
    """A program that can be started.

    path -- the ELF file; fd -- a descriptor on it, at its first byte; image -- its facts
    argv -- the arguments, as the kernel would pass them
    env -- variables that a "#!/usr/bin/env -S NAME=VALUE" line adds
    """

    __slots__ = ("argv", "env", "fd", "image", "path")

    def __init__(
        self, path: str, fd: int, image: Image, argv: list[str], env: dict[str, str]
    ) -> None:
        self.path = path
        self.fd = fd
        self.image = image
        self.argv = argv
        self.env = env

    @property
    def copied(self) -> str:
        """The file of which an execute-only image is a copy: its own, or its dynamic loader's.

        An image in memory is in no folder. A program that looks for libraries beside its own file
        is left to the loader, which is given the file (ld.so(8)).
        """
        return (self.image.needs_origin and self.image.interpreter) or self.path


def find(name: str) -> str:
    """The path of a program, found as execvp(3) does. Raises NotFoundError."""
    if "/" in name:
        if not os.path.exists(name):
            raise NotFoundError(f"{name}: no such file")
        return name
    if not name:
        raise NotFoundError("the name of the program is empty")
    refused = None
    # Not os.get_exec_path(), which imports warnings.
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            refused = refused or path
    if refused:
        raise CannotProtectError(f"{refused}: not executable: chmod +x it")
    if os.path.exists(name):
        raise NotFoundError(f"{name}: not found in PATH; for the file here, write ./{name}")
    raise NotFoundError(f"{name}: not found in PATH")


def open_executable(path: str) -> int:
    """A descriptor on an executable file, or a CannotProtectError that says why not."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise CannotProtectError(f"{path}: is a directory")
        if not stat.S_ISREG(mode):
            raise CannotProtectError(f"{path}: not a regular file")
        if not os.access(path, os.X_OK):
            raise CannotProtectError(f"{path}: not executable: chmod +x it")
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotProtectError(f"{path}: cannot be read: {error.strerror}") from None
    if mode & (stat.S_ISUID | stat.S_ISGID) or _has_capabilities(fd):
        os.close(fd)
        raise CannotProtectError(
            f"{path}: set-user-ID, set-group-ID or file capabilities would be lost: start it"
            " directly, the kernel itself keeps other processes out of such programs"
        )
    return fd


def _has_capabilities(fd: int) -> bool:
    try:
        return bool(os.getxattr(fd, "security.capability"))
    except OSError:
        return False


def _split_shebang(line: bytes, path: str) -> tuple[str, list[str]]:
    """The interpreter of a "#!" line and its one argument, if any (fs/binfmt_script.c)."""
    text, newline, _ = line[2:].partition(b"\n")
    text = text.partition(b"\0")[0].strip(b" \t")
    interpreter = text.replace(b"\t", b" ").partition(b" ")[0]
    argument = text[len(interpreter) :].lstrip(b" \t")
    if not interpreter or (not newline and len(line) == _LINE_SIZE and not argument):
        raise CannotProtectError(f"{path}: broken #! line: name an interpreter in it")
    return os.fsdecode(interpreter), [os.fsdecode(argument)] if argument else []


def _follow_env(arguments: list[str], path: str) -> tuple[list[str], dict[str, str]]:
    """What env(1) would start for the argument of its "#!" line, and the variables it would set."""
    words = arguments
    if arguments and arguments[0].startswith(("-S", "--split-string=")):
        import shlex

        text = arguments[0].removeprefix("-S").removeprefix("--split-string=")
        if set(text) & set("$#\\"):  # which mean other things to env than to a shell
            raise CannotProtectError(
                f"{path}: #! line: cannot follow env with $, # or \\: name the interpreter"
            )
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise CannotProtectError(f"{path}: broken #! line: {error}") from None
    elif arguments and arguments[0].startswith("-"):
        words = arguments[0].split()
    env = {}
    while words and "=" in words[0] and not words[0].startswith("-"):
        name, _, value = words[0].partition("=")
        env[name] = value
        words = words[1:]
    if not words or words[0].startswith("-"):
        raise CannotProtectError(
            f"{path}: #! line: cannot follow env with these words: name the interpreter"
        )
    return words, env


def _as_file(path: str) -> str:
    """A path that no interpreter takes for an option."""
    return os.path.join(os.curdir, path) if path.startswith("-") else path


def resolve(name: str, arguments: list[str]) -> Program:
    """Find out what `name arguments...` would run, following "#!" lines and env(1).

    A Python script that is not executable or has no "#!" line is given to this interpreter.
    Raises NotFoundError or CannotProtectError. The caller closes the descriptor.
    """
    path = name if name.endswith(".py") and os.path.isfile(name) else find(name)
    argv = [name, *arguments]
    env: dict[str, str] = {}
    if path.endswith(".py") and os.path.isfile(path) and not os.access(path, os.X_OK):
        if not os.access(path, os.R_OK):
            raise CannotProtectError(f"{path}: cannot be read")
        path, argv = sys.executable, [sys.executable, _as_file(path), *arguments]

    for _ in range(_INTERPRETERS):
        fd = open_executable(path)
        try:
            image = read_image(fd, path)
            line = b"" if image else os.pread(fd, _LINE_SIZE, 0)
        except BaseException:
            os.close(fd)
            raise
        if image:
            if not image.runs_on(os.uname().machine):
                os.close(fd)
                raise CannotProtectError(
                    f"{path}: for another machine (ELF machine {image.machine}),"
                    f" this one is {os.uname().machine}"
                )
            return Program(path, fd, image, argv, env)
        os.close(fd)
        if not line.startswith(b"#!") and path.endswith(".py"):
            path, argv = sys.executable, [sys.executable, _as_file(path), *argv[1:]]
            continue
        if not line.startswith(b"#!"):
            raise CannotProtectError(f"{path}: neither an ELF program nor a script with a #! line")

        interpreter, words = _split_shebang(line, path)
        script = path
        if os.path.basename(interpreter) == "env":
            words, added = _follow_env(words, path)
            env.update(added)
            interpreter, path = words[0], find(words[0])
            words = words[1:]
        else:
            path = interpreter
            if not os.path.exists(path):
                raise CannotProtectError(f"{script}: broken #! line: {interpreter}: no such file")
        argv = [interpreter, *words, _as_file(script), *argv[1:]]
    raise CannotProtectError(f"{name}: more than {_INTERPRETERS - 1} interpreters in a row")
