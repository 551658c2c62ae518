"""Which method starts a program, and why not another."""

from __future__ import annotations

import os

from process_hardening.elf import Image, read_image
from process_hardening.environment import PRELOAD_LIBRARY, why_not_preloaded
from process_hardening.errors import CannotProtectError
from process_hardening.launch.program import Program
from process_hardening.record import Record

AUTO = "auto"
EXECUTE_ONLY = "execute-only"
PRELOAD = "preload"
IN_PROCESS = "in-process"
METHODS = (AUTO, EXECUTE_ONLY, PRELOAD, IN_PROCESS)


class Host(Record):
    """The kernel settings that decide which method works.

    suid_dumpable -- fs.suid_dumpable: what an execute-only image becomes (proc_sys_fs(5))
    memfd_noexec -- vm.memfd_noexec: 2 forbids programs in memory (sysctl/vm.rst)
    """

    suid_dumpable: int
    memfd_noexec: int

    @staticmethod
    def read() -> Host:
        """The settings in force."""
        return Host(
            suid_dumpable=_read_setting("fs/suid_dumpable"),
            memfd_noexec=_read_setting("vm/memfd_noexec"),
        )


def _read_setting(name: str) -> int:
    """A number in /proc/sys; 0, which is the default, where the kernel does not have it."""
    try:
        with open(f"/proc/sys/{name}", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


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
    reason = why_not_preloaded()
    if reason:
        return reason
    fd = os.open(PRELOAD_LIBRARY, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = read_image(fd, PRELOAD_LIBRARY)
    finally:
        os.close(fd)
    if library is None:
        return f"{PRELOAD_LIBRARY}: not an ELF file"
    return None if image.same_kind(library) else "our library is for another architecture"


class Plan(Record):
    """A way to start a program that will work here.

    method -- EXECUTE_ONLY or PRELOAD
    because -- why it is not the stronger one, or is weaker than usual; None when it is neither
    children -- whether our library stays in LD_PRELOAD, for the children
    library -- whether our library is loaded into the program
    """

    program: Program
    method: str
    because: str | None
    children: bool
    library: bool

    @property
    def description(self) -> str:
        """What is started, in words."""
        path, copied = self.program.path, self.program.copied
        if self.method != EXECUTE_ONLY:
            return path
        return f"{path} (execute-only copy{'' if copied == path else f' of {copied}, its loader'})"


def make_plan(program: Program, method: str, children: bool, host: Host) -> Plan:
    """Choose a method for an ELF program.

    method -- AUTO, or the one to take
    children -- whether its children are to be hardened too

    Raises CannotProtectError, with every reason, when no method works.
    """
    no_image = why_not_execute_only(program.image, host)
    # Usually nobody needs the answer, and it costs reading a file.
    needs_library = children or no_image or method == PRELOAD or host.suid_dumpable == 2
    no_preload = why_not_preload(program.image) if needs_library else None
    # A static program cannot load the library, but its children may.
    if children and no_preload and program.image.interpreter:
        raise CannotProtectError(f"{program.path}: --children: {no_preload}")
    if method in (AUTO, EXECUTE_ONLY) and not no_image:
        return _plan_execute_only(program, children, host, no_preload)
    if method in (AUTO, PRELOAD) and not no_preload:
        because = f"not execute-only: {no_image}" if method == AUTO else None
        return Plan(
            program=program, method=PRELOAD, because=because, children=children, library=True
        )
    if method == AUTO:
        raise CannotProtectError(
            f"{program.path}: cannot be protected: not execute-only: {no_image};"
            f" not preload: {no_preload}"
        )
    reason = no_image if method == EXECUTE_ONLY else no_preload
    raise CannotProtectError(f"{program.path}: not {method}: {reason}")


def _plan_execute_only(
    program: Program, children: bool, host: Host, no_preload: str | None
) -> Plan:
    """The plan for an execute-only image.

    With fs.suid_dumpable=2 its user cannot read it, but a pipe in core_pattern gets its memory:
    our library, where it can be loaded, then closes that.
    """
    because, library = None, children
    if host.suid_dumpable == 2:
        remedy = f"and no preload: {no_preload}" if no_preload else "so our library is loaded too"
        because = f"fs.suid_dumpable=2 lets a core_pattern pipe read it, {remedy}"
        library = children or not no_preload
    return Plan(
        program=program, method=EXECUTE_ONLY, because=because, children=children, library=library
    )
