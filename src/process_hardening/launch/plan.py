"""How a program can be started: which method, and why not another."""

from __future__ import annotations

import os

from process_hardening.errors import CannotProtectError
from process_hardening.environment import preload_path, why_not_preloaded
from process_hardening.elf import Image, read_image
from process_hardening.launch.program import Program

AUTO = "auto"
EXECUTE_ONLY = "execute-only"
PRELOAD = "preload"
IN_PROCESS = "in-process"
METHODS = (AUTO, EXECUTE_ONLY, PRELOAD, IN_PROCESS)

PROTECTS = {
    EXECUTE_ONLY: "from its first instruction: no debugger, /proc/PID/mem or core dump of the"
    " same user, no descriptor opened in the launch window, no injected library",
    PRELOAD: "from before its main(): no debugger, /proc/PID/mem or core dump of the same user,"
    " no injected library",
    IN_PROCESS: "from before its first line: no debugger, /proc/PID/mem or core dump of the"
    " same user",
}
EXPOSES = {
    EXECUTE_ONLY: "its arguments; its environment, while `run` itself starts; what root and"
    " CAP_SYS_PTRACE can read",
    PRELOAD: "its arguments; the moment between exec and the library's constructor, in which a"
    " patient attacker can open /proc/PID/mem; what root and CAP_SYS_PTRACE can read",
    IN_PROCESS: "its arguments; whoever attached or opened /proc/PID/mem while this interpreter"
    " started; what root and CAP_SYS_PTRACE can read",
}


class Host:
    """The settings of this kernel that decide which method works.

    suid_dumpable -- fs.suid_dumpable: what an execute-only image becomes (proc_sys_fs(5))
    memfd_noexec -- vm.memfd_noexec: 2 forbids programs in memory (sysctl/vm.rst)
    """

    __slots__ = ("memfd_noexec", "suid_dumpable")

    def __init__(self, suid_dumpable: int, memfd_noexec: int) -> None:
        self.suid_dumpable = suid_dumpable
        self.memfd_noexec = memfd_noexec

    @staticmethod
    def read() -> Host:
        """The settings in force; 0, their default, where the kernel has none."""

        def setting(name: str) -> int:
            try:
                with open(f"/proc/sys/{name}", "rb") as file:
                    return int(file.read())
            except (OSError, ValueError):
                return 0

        return Host(setting("fs/suid_dumpable"), setting("vm/memfd_noexec"))


def _library() -> Image | str:
    """The facts of our library, or why it cannot be used."""
    reason = why_not_preloaded()
    if reason:
        return reason
    path = preload_path()
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_image(fd, path) or f"{path}: no ELF file"
    finally:
        os.close(fd)


def why_not_execute_only(image: Image, host: Host) -> str | None:
    """Why this program cannot be started from an execute-only image, or None."""
    if host.memfd_noexec >= 2:
        return "vm.memfd_noexec=2 forbids programs in memory"
    if host.suid_dumpable == 1:
        return "fs.suid_dumpable=1 makes such a program dumpable: sysctl fs.suid_dumpable=0"
    return _why_not_by_loader(image) if image.needs_origin else None


def _why_not_by_loader(image: Image) -> str | None:
    """Why its dynamic loader cannot be told to run this program under its own name, or None."""
    loader = image.interpreter
    if not loader:
        return "it finds its libraries relative to its own file ($ORIGIN)"
    try:
        with open(loader, "rb") as file:
            knows_option = b"argv0\0" in file.read()
    except OSError as error:
        return f"{loader}: {error.strerror}"
    return None if knows_option else f"{loader} has no --argv0: it needs glibc 2.33 or musl 1.2.1"


def why_not_preload(image: Image) -> str | None:
    """Why our library cannot be loaded into this program, or None."""
    if not image.interpreter:
        return "it is statically linked"
    library = _library()
    if isinstance(library, str):
        return library
    return None if image.same_kind(library) else "our library is for another architecture"


class Plan:
    """A way to start a program that was found to work.

    method -- EXECUTE_ONLY, PRELOAD or IN_PROCESS
    because -- why it is not the one before it in that order, or weaker than usual, or None
    children -- whether our library stays in LD_PRELOAD, for the children
    library -- whether our library is loaded into the program
    """

    __slots__ = ("because", "children", "library", "method", "program")

    def __init__(
        self, program: Program, method: str, because: str | None, children: bool, library: bool
    ) -> None:
        self.program = program
        self.method = method
        self.because = because
        self.children = children
        self.library = library

    @property
    def told(self) -> str:
        """What is started, for people."""
        path, copied = self.program.path, self.program.copied
        if self.method != EXECUTE_ONLY:
            return path
        return f"{path} (execute-only copy{'' if copied == path else f' of {copied}, its loader'})"


def make_plan(program: Program, method: str, children: bool, host: Host) -> Plan:
    """Choose a method for an ELF program. Raises CannotProtectError when none works."""
    no_image = why_not_execute_only(program.image, host)
    # Nobody asks for it in the most usual case, and it costs the reading of a file.
    needs_library = children or no_image or method == PRELOAD or host.suid_dumpable == 2
    no_preload = why_not_preload(program.image) if needs_library else None
    if children and no_preload and no_preload != "it is statically linked":
        raise CannotProtectError(f"{program.path}: --children: {no_preload}")
    if method in (AUTO, EXECUTE_ONLY) and not no_image:
        because, library = None, children
        if host.suid_dumpable == 2:
            # Non-dumpable to its user, but a pipe in core_pattern would get the memory.
            because = "fs.suid_dumpable=2 lets a core_pattern pipe read it"
            because += f", and no preload: {no_preload}" if no_preload else ": with our library"
            library = library or not no_preload
        return Plan(program, EXECUTE_ONLY, because, children, library)
    if method in (AUTO, PRELOAD) and not no_preload:
        because = f"not execute-only: {no_image}" if method == AUTO else None
        return Plan(program, PRELOAD, because, children, True)
    if method == AUTO:
        raise CannotProtectError(
            f"{program.path}: cannot be protected: not execute-only: {no_image};"
            f" not preload: {no_preload}"
        )
    reason = no_image if method == EXECUTE_ONLY else no_preload
    raise CannotProtectError(f"{program.path}: not {method}: {reason}")
