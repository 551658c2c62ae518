"""Copies an interpreter if that is possible, links its libraries, and tests the copy."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess

from process_hardening.elf import Image, read_image
from process_hardening.errors import CannotProtectError, CommandError
from process_hardening.files import read_text, replace_bytes, replace_file

MODE = 0o111
"""The mode of a copy that its users can run but not read."""

_SELF_TEST = """
import os
print(os.stat("/proc/self/environ").st_uid == os.geteuid() != 0)
"""
"""Prints whether it is dumpable. If it is not, root owns its files in /proc (proc(5))."""

_PATIENCE = 60
"""How many seconds an interpreter may take to exit."""


def check_source(source: str) -> Image:
    """Refuse interpreters that cannot be copied faithfully. Raises CommandError."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            mode = os.fstat(fd).st_mode
            gains_rights = mode & (stat.S_ISUID | stat.S_ISGID) or _has_capabilities(fd)
            image = read_image(fd, source)
        finally:
            os.close(fd)
    except PermissionError:
        raise CommandError(
            f"{source}: unreadable, so it cannot be copied; its processes are already born hardened"
        ) from None
    except OSError as error:
        raise CommandError(f"{source}: {error.strerror}") from None
    except CannotProtectError as error:
        raise CommandError(str(error)) from None
    if gains_rights:
        raise CommandError(
            f"{source}: a copy would lose its set-user-ID bit or file capabilities; the kernel"
            " already protects such a program"
        )
    if image is None:
        raise CommandError(f"{source}: not an ELF program: a script cannot be execute-only")
    return image


def _has_capabilities(fd: int) -> bool:
    try:
        return bool(os.getxattr(fd, "security.capability"))
    except OSError:  # ENODATA, or a file system without attributes
        return False


def link_libraries(image: Image, folder: str) -> None:
    """Link libraries that a program finds relative to itself, so that a copy finds them too.

    image -- what check_source() returned; folder -- the directory of the copy

    Interpreters of uv and conda have such libraries. A record names the links that were made, for
    unlink_libraries(). Raises CommandError.
    """
    there, here = _library_folders(image.path, folder)
    if not any("ORIGIN" in text for text in (*image.rpath, *image.runpath, *image.needed)):
        return
    import json

    made = _read_record(folder)
    for name in map(os.path.basename, image.needed):
        library, link = os.path.join(there, name), os.path.join(here, name)
        if os.path.exists(library) and not os.path.lexists(link):
            made[name] = library
            # Before the link: a killed run leaves no link that is not in the record.
            replace_file(_record(folder), json.dumps(made))
            try:
                os.symlink(library, link)
            except OSError as error:
                raise CommandError(f"{link}: {error.strerror}") from None


def unlink_libraries(source: str, folder: str) -> None:
    """Remove the links that link_libraries() made and that nobody has changed since.

    Raises CommandError, and removes nothing, if the record of them is damaged.
    """
    _, here = _library_folders(source, folder)
    for name, library in _read_record(folder).items():
        link = os.path.join(here, name)
        with contextlib.suppress(OSError):
            if os.path.islink(link) and os.readlink(link) == library:
                os.unlink(link)
    try:
        os.unlink(_record(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandError(f"{_record(folder)}: {error.strerror}") from None


def _record(folder: str) -> str:
    return os.path.join(folder, ".process-hardening-links.json")


def _read_record(folder: str) -> dict[str, str]:
    """Map the name of each link that link_libraries() made to its target; {} without a record.

    Raises CommandError if the record is damaged. Another program of the user may have written it.
    """
    path = _record(folder)
    if not os.path.lexists(path):
        return {}
    import json

    from process_hardening.document import Value

    try:
        entries = Value(json.loads(read_text(path, allow_pipe=False)), "the record").entries()
        made = {name: library.text() for name, library in entries.items()}
        if any(name != os.path.basename(name) for name in made):
            raise ValueError("a link is not in the folder of libraries")
    except (ValueError, RecursionError) as error:
        raise CommandError(
            f"{path}: damaged ({error}): delete it; links to libraries in the environment's lib/"
            " stay, and do no harm"
        ) from None
    return made


def _library_folders(source: str, folder: str) -> tuple[str, str]:
    """Return the directory of the source's libraries, and the one where a copy looks for them."""
    there = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(source))), "lib")
    return there, os.path.join(os.path.dirname(os.path.realpath(folder)), "lib")


def copy(source: str, path: str, mode: int) -> None:
    """Copy a file and its times. Raises CommandError."""
    try:
        with open(source, "rb") as file:
            content = file.read()
            times = os.fstat(file.fileno())
        replace_bytes(path, content, mode, exactly=True)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def check_start(path: str, source: str) -> None:
    """Refuse a copy that does not start, or that starts as a readable process.

    Raises CommandError.
    """
    try:
        if stat.S_IMODE(os.stat(path).st_mode) != MODE:
            raise CommandError(f"{path}: the file system does not preserve mode 0111")
        process = ask([path, "-I", "-S", "-c", _SELF_TEST], {})
    except OSError as error:
        hint = ": is the file system mounted noexec?" if error.errno == errno.EACCES else ""
        raise CommandError(f"{path}: cannot be started: {error.strerror}{hint}") from None
    if process.stdout == "True\n":
        raise CommandError(
            f"{path}: readable despite its mode 0111: check fs.suid_dumpable and the access"
            " control list of the directory"
        )
    if process.returncode or process.stdout != "False\n":
        raise CommandError(f"{source}: a copy of it does not start: {last_line(process)}")


def ask(argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run an interpreter and return its output.

    If SIGCHLD is ignored, the status is 0 whatever happens, so it proves nothing without output.

    Raises OSError if it cannot be started, and CommandError if it does not exit in time.
    """
    try:
        return subprocess.run(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{argv[0]}: did not exit within {_PATIENCE} seconds") from None


def last_line(process: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that an interpreter wrote to standard error, or its exit status."""
    lines = process.stderr.strip().splitlines() or [f"it exited with status {process.returncode}"]
    return lines[-1]
