"""Reads what a process was started with and has mapped: its arguments, environment and files."""

from __future__ import annotations

import os

from process_hardening.audit.command_line import (
    LONGEST_BLOCK,
    facts_of_command,
    facts_of_python,
)
from process_hardening.audit.environ import EnvironmentFacts, EnvironmentReader
from process_hardening.audit.injection import InjectionReader
from process_hardening.audit.mapped import LONGEST_MAPS, Mapped, read_mapped
from process_hardening.audit.posture import TOO_MUCH
from process_hardening.audit.procfiles import Attempts, read_cwd, read_file, read_link, read_rest
from process_hardening.audit.procfs import MOST_CODE_FILES, parse_unit
from process_hardening.audit.user_namespace import OwnUserNamespace

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.command_line import Facts

_SYSTEMD = "/run/systemd/system"
"""Exists if systemd manages the services; sd_booted(3)."""

# Limits on what a hostile process can make us read, in bytes and in number; docs/audit.md lists
# their cost.
_MOST_STRINGS = 5000


class ChangedError(Exception):
    """The process has changed since reading began."""


class ImageReader:
    """Reads the images of processes.

    namespace -- our own user namespace; injection -- finds injected libraries
    """

    def __init__(self, namespace: OwnUserNamespace, injection: InjectionReader) -> None:
        self._namespace = namespace
        self._injection = injection
        self._environments = EnvironmentReader()
        self._has_units = os.path.isdir(_SYSTEMD)

    def read(
        self, open_maps: int | None, folder: int, inspectable: bool | None
    ) -> tuple[Facts, Mapped | None]:
        """Read the arguments, the environment and the mapped files of a program.

        The mapped files are None if they could not all be read.

        open_maps -- a descriptor of its maps; None: the kernel protects them

        Raises ChangedError if the program is no longer the one whose maps file was opened, and
        OSError if the process has ended.
        """
        attempts = Attempts()
        read = attempts.read
        command = read(read_file, "cmdline", folder, "cmdline", LONGEST_BLOCK)
        other_user_namespace = read(self._namespace.is_other_of, "ns/user", folder)
        environ = read(read_file, "environ", folder, "environ", LONGEST_BLOCK)
        exe = read(read_link, "exe", folder, "exe")
        maps = read(_read_maps, "maps", open_maps)
        if maps == b"":
            raise ChangedError
        facts: Facts = {"exe": exe, "other_user_namespace": other_user_namespace}
        facts["cwd"] = read_cwd(folder)
        if self._has_units:
            facts["unit"] = parse_unit(read(read_file, "cgroup", folder, "cgroup") or b"")
        if attempts.hidden:
            facts["protected"] = _list_protected(attempts.hidden)
        if command is not None and not _is_too_long(command):
            facts |= facts_of_command(command)
        mapped = None
        if exe is not None and maps is not None and len(maps) < LONGEST_MAPS:
            mapped = read(read_mapped, "root", folder, exe, maps)
        facts["problem"] = attempts.problem
        if mapped is not None and len(mapped.code) > MOST_CODE_FILES:
            mapped = None
            facts["problem"] = TOO_MUCH["mappings"]
        if environ is not None and _is_too_long(environ):
            facts["problem"] = TOO_MUCH["environment"]
        elif maps is not None and len(maps) >= LONGEST_MAPS:
            facts["problem"] = TOO_MUCH["mappings"]
        elif environ is not None:
            environment = self._environments.classify(environ)
            facts["loader_variables"] = environment.loader_variables
            facts["secret_variables"] = environment.secret_variables
            if mapped is not None and exe is not None:
                facts |= self._find_libraries(mapped, environment, inspectable is True)
                reachable = False if environment.forbids_debugging else inspectable
                facts |= facts_of_python(exe, mapped.code, command or b"", reachable)
        return facts, mapped

    def _find_libraries(
        self, mapped: Mapped, environment: EnvironmentFacts, is_exposed: bool
    ) -> Facts:
        variables = environment.loader_variables
        is_ours, found = self._injection.find_injected(mapped, environment, is_exposed)
        if is_ours and "LD_AUDIT" not in variables:
            variables = tuple(name for name in variables if name != "LD_PRELOAD")
        return {"loader_variables": variables, "injected_libraries": found}


def _read_maps(fd: int | None) -> bytes | None:
    return None if fd is None else read_rest(fd, LONGEST_MAPS)


def _list_protected(hidden: set[str]) -> tuple[str, ...]:
    """Return the fields of a posture that need a file which the kernel hides."""
    needed = {
        "exe": ("exe",),
        "loader_variables": ("environ",),
        "secret_variables": ("environ",),
        "injected_libraries": ("maps", "environ"),
        "secret_arguments": ("cmdline",),
        "python": ("maps", "exe"),
        "other_user_namespace": ("ns/user",),
    }
    return tuple(field for field, names in needed.items() if not hidden.isdisjoint(names))


def _is_too_long(block: bytes) -> bool:
    return len(block) >= LONGEST_BLOCK or block.count(b"\0") > _MOST_STRINGS
