"""From PROGRAM on the command line to the ELF file that the kernel would run."""

from __future__ import annotations

import os
import stat
import sys

from process_hardening.elf import Image, read_image
from process_hardening.errors import CannotProtectError, NotFoundError, UnreadableProgramError
from process_hardening.record import Record

_LINE_SIZE = 256  # BINPRM_BUF_SIZE: what the kernel reads of a "#!" line
_INTERPRETERS = 5  # how deep the kernel follows "#!" (fs/exec.c exec_binprm)


class Program(Record):
    """A program that can be started.

    path -- the ELF file; fd -- a descriptor on it, at its first byte; image -- its facts
    argv -- the arguments, as the kernel would pass them
    env -- variables that a "#!/usr/bin/env -S NAME=VALUE" line adds
    """

    path: str
    fd: int
    image: Image
    argv: list[str]
    env: dict[str, str]

    @property
    def copied(self) -> str:
        """The file that an execute-only image is a copy of: its own, or its dynamic loader's.

        An image in memory is in no folder. If the program looks for libraries beside its own file,
        the image is of the loader, which is told to run the file (ld.so(8)).
        """
        return (self.image.needs_origin and self.image.interpreter) or self.path


def find(name: str) -> str:
    """The path of a program, found as execvp(3) finds it.

    Raises NotFoundError, or CannotProtectError when PATH has it but it is not executable.
    """
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
    """A descriptor on an executable file. Raises CannotProtectError, which says why not."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise CannotProtectError(f"{path}: is a directory")
        if not stat.S_ISREG(mode):
            raise CannotProtectError(f"{path}: not a regular file")
        if not os.access(path, os.X_OK):
            raise CannotProtectError(f"{path}: not executable: chmod +x it")
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError as error:
        raise UnreadableProgramError(
            f"{path}: cannot be read: {error.strerror}: start it directly, the kernel keeps others"
            " out of such a program from its start"
        ) from None
    except OSError as error:
        raise CannotProtectError(f"{path}: cannot be read: {error.strerror}") from None
    if mode & (stat.S_ISUID | stat.S_ISGID) or _has_capabilities(fd):
        os.close(fd)
        raise CannotProtectError(
            f"{path}: set-user-ID, set-group-ID or file capabilities would be lost: start it"
            " directly; the kernel itself keeps other processes out of such programs"
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
    """The command that env(1) would start for its "#!" line, and the variables it would set."""
    words = arguments
    if arguments and arguments[0].startswith(("-S", "--split-string=")):
        import shlex

        text = arguments[0].removeprefix("-S").removeprefix("--split-string=")
        if set(text) & set("$#\\"):  # env reads these otherwise than a shell does
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
    """The path, written so that no interpreter takes it for an option."""
    return os.path.join(os.curdir, path) if path.startswith("-") else path


def _run_with_this_python(script: str, arguments: list[str]) -> tuple[str, list[str]]:
    """The path and argv that give a script to this interpreter."""
    return sys.executable, [sys.executable, _as_file(script), *arguments]


def _follow_first_line(
    path: str, line: bytes, arguments: list[str]
) -> tuple[str, list[str], dict[str, str]]:
    """What the kernel would run in the place of a file that is not an ELF program.

    line -- the start of the file
    arguments -- those after the program's name

    Returns the path, argv and variables that env(1) would add. Raises CannotProtectError or
    NotFoundError.
    """
    if not line.startswith(b"#!"):
        if path.endswith(".py"):
            return *_run_with_this_python(path, arguments), {}
        raise CannotProtectError(f"{path}: neither an ELF program nor a script with a #! line")
    interpreter, words = _split_shebang(line, path)
    env: dict[str, str] = {}
    if os.path.basename(interpreter) == "env":
        (interpreter, *words), env = _follow_env(words, path)
        target = find(interpreter)
    elif os.path.exists(interpreter):
        target = interpreter
    else:
        raise CannotProtectError(f"{path}: broken #! line: {interpreter}: no such file")
    return target, [interpreter, *words, _as_file(path), *arguments], env


def _check_machine(image: Image, path: str) -> None:
    """Raise CannotProtectError for an ELF file that this kernel cannot run."""
    machine = os.uname().machine
    if not image.runs_on(machine):
        raise CannotProtectError(
            f"{path}: for another machine (ELF machine {image.machine}), this one is {machine}"
        )


def resolve(name: str, arguments: list[str]) -> Program:
    """The program that `name arguments...` would run, after following "#!" lines and env(1).

    A Python script that is not executable or has no "#!" line is given to this interpreter.
    Raises NotFoundError or CannotProtectError. The caller closes the descriptor.
    """
    path = name if name.endswith(".py") and os.path.isfile(name) else find(name)
    argv = [name, *arguments]
    env: dict[str, str] = {}
    if path.endswith(".py") and os.path.isfile(path) and not os.access(path, os.X_OK):
        if not os.access(path, os.R_OK):
            raise CannotProtectError(f"{path}: cannot be read")
        path, argv = _run_with_this_python(path, arguments)

    for _ in range(_INTERPRETERS):
        fd = open_executable(path)
        try:
            image = read_image(fd, path)
            if image:
                _check_machine(image, path)
                return Program(path=path, fd=fd, image=image, argv=argv, env=env)
            line = os.pread(fd, _LINE_SIZE, 0)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        path, argv, added = _follow_first_line(path, line, argv[1:])
        env.update(added)
    raise CannotProtectError(f"{name}: more than {_INTERPRETERS - 1} interpreters in a row")
