"""Finds injected libraries: those that LD_PRELOAD, LD_AUDIT or ld.so.preload caused to be mapped.

The environment block shows the requests, as long as it is unchanged since execve(2). Otherwise what
the loader loaded shows them: audit libraries first, then preloaded ones, then those that the
program needs, and those that these need (ld.so(8)). It keeps lists of them (link.h). This module
reads these lists and the names that the libraries need, for every process that is not exposed and
otherwise only if it has to, and reads nothing else from the process's memory.
"""

from __future__ import annotations

import os

from process_hardening.audit.injection_requests import PRELOAD_FILE, parse_requests
from process_hardening.audit.loaded import (
    explain_libraries,
    find_first_libraries,
    is_of_system,
    link_program,
)
from process_hardening.audit.own_library import is_ours
from process_hardening.audit.posture import has_our_name
from process_hardening.audit.procfs import decode, identify, unescape_path
from process_hardening.elf import DamagedElfError, read_image

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from process_hardening.audit.deputy import Deputy
    from process_hardening.audit.environ import EnvironmentFacts
    from process_hardening.audit.loaded import File, LinkedProgram
    from process_hardening.audit.mapped import Mapped
    from process_hardening.audit.program_files import ProgramOpener

    Place: TypeAlias = tuple[str | None, bytes]

_IN_MEMORY = b"/memfd:"

# Bounds on what a hostile process can make us read.
_MOST_REQUESTS = 64
_MOST_REMEMBERED = 4096
_MOST_OF_OURS = 4  # files with our library's name; an honest process has one or two


class InjectionReader:
    """Finds the injected libraries of processes. Caches programs, since many processes share them.

    opener -- opens the programs
    mount_namespace -- our own; None: this kernel has only one
    """

    def __init__(self, opener: ProgramOpener, mount_namespace: str | None) -> None:
        self._opener = opener
        self._deputy: Deputy | None = None
        self._here: Place = (mount_namespace, b"")
        self._programs: dict[tuple[bytes, bytes], LinkedProgram | None] = {}
        self._preload_files: dict[Place, list[bytes] | None] = {}
        # Programs of exposed processes, with the files whose code was mapped, that show no library
        # that they did not ask for. What the memory of a process shows holds for no other.
        self._untouched: set[tuple[bytes | File, ...]] = set()

    def close(self) -> None:
        """Let the helper process exit, if there is one."""
        if self._deputy is not None:
            self._deputy.close()

    def preload_file_of(self, folder: int, place: Place) -> list[bytes] | None:
        """Return the libraries that a process's own ld.so.preload names; None: it was not read.

        place -- the process's mount namespace, and its root in it
        """
        if place not in self._preload_files:
            found: list[bytes] | None = []
            deputy, no_answer = self.find_deputy()
            try:
                text = deputy.read_plain_file(folder, PRELOAD_FILE)
                found = None if text is None else parse_requests(PRELOAD_FILE.encode(), text)
            except FileNotFoundError:
                pass
            except ProcessLookupError:
                raise
            except (no_answer, OSError):
                found = None
            self._preload_files[place] = found
        return self._preload_files[place]

    def find_deputy(self) -> tuple[Deputy, type[Exception]]:
        """Return the helper for reads that could block, and its exception; few audits need it."""
        from process_hardening.audit.deputy import Deputy, NoAnswerError

        if self._deputy is None:
            self._deputy = Deputy()
        return self._deputy, NoAnswerError

    def _read_program(self, folder: int, exe: bytes) -> LinkedProgram | None:
        """Return the program of a process; None if it is unreadable or not a valid ELF file.

        Such a program could load anything.
        """
        fd = self._opener.open(folder)
        if fd is None:
            deputy, no_answer = self.find_deputy()
            try:
                image = deputy.read_image(folder, decode(exe))
            except no_answer:
                return None
        else:
            try:
                image = read_image(fd, decode(exe))
            except DamagedElfError:
                return None
            finally:
                os.close(fd)
        if image is None:
            return None
        return link_program(image, is_alone=not image.interpreter and not image.dynamic)

    def place_of(self, process: Mapped) -> Place:
        """Return the mount namespace of a process, and its root in it. Raises OSError."""
        here, _ = self._here
        return here and os.readlink("ns/mnt", dir_fd=process.folder), process.root

    def find_requested(self, process: Mapped, requests: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Return the mapped files that each request names: by path, by inode or by base name."""
        if not requests:
            return []
        paths = [r for r in requests if r.startswith(b"/") and b"$" not in r]
        identities: dict[bytes, bytes] = {}
        deputy, no_answer = self.find_deputy()
        try:
            found = deputy.identify(process.folder, [decode(path) for path in paths])
            identities = {
                path: one[0].encode() for path, one in zip(paths, found, strict=True) if one
            }
        except ProcessLookupError:
            raise
        except (no_answer, OSError):
            pass  # compare the text
        by_key: dict[bytes, dict[bytes, None]] = {}
        for request in requests:
            for key in _keys_of(request, identities):
                by_key[key] = {}
        for file, path in process.code:
            for key in (file, path, path.rpartition(b"/")[2]):
                if key in by_key:
                    by_key[key][path] = None
        return [
            tuple({path: None for key in _keys_of(request, identities) for path in by_key[key]})
            for request in requests
        ]

    def _program_of(self, process: Mapped) -> LinkedProgram | None:
        folder, exe = process.folder, process.exe
        files = [file for file in process.code if file[1] == exe]
        if not files:  # the link and the mappings differ, e.g. the process called exec in between
            return None
        if len(files) > 1:  # the image of `harden` and the program; the link is to the image
            behind = self._read_program_behind(process, [exe]) or self._read_program(folder, exe)
            return behind and behind.replace(is_alone=False)
        if exe.startswith(_IN_MEMORY):  # perhaps an image of `harden`, with the program's name
            name = exe.removeprefix(_IN_MEMORY).removesuffix(b" (deleted)")
            paths = {path: None for _, path in process.code if path.endswith(b"/" + name)}
            behind = self._read_program_behind(process, paths)
            if behind:
                return behind
        key = files[0]
        if key not in self._programs:
            if len(self._programs) > _MOST_REMEMBERED:
                self._programs.clear()
            self._programs[key] = self._read_program(folder, exe)
        return self._programs[key]

    def _read_program_behind(self, process: Mapped, paths: Iterable[bytes]) -> LinkedProgram | None:
        """Return the dynamic program that a stand-in has mapped under one of these paths."""
        deputy, no_answer = self.find_deputy()
        for path in paths:
            for name, start in process.find_starts(path):
                try:
                    image = deputy.read_image(process.folder, decode(path), f"map_files/{name}")
                except ProcessLookupError:
                    raise
                except (no_answer, OSError):
                    return None  # without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE
                if image and image.interpreter:  # if position-independent, it starts at address 0
                    return link_program(image, 0 if image.entry >= start else start)
        return None

    def find_injected(
        self, process: Mapped, environment: EnvironmentFacts, is_exposed: bool
    ) -> tuple[bool, tuple[str, ...] | None]:
        """Return whether all requests name only our library, and the injected libraries.

        environment -- with what its LD_PRELOAD and LD_AUDIT name, and whether that is all
        is_exposed -- whether everybody can read the process: then a quick look is enough

        The libraries are None if they are unknown. Raises OSError if the process ends meanwhile.
        """
        is_quiet = is_exposed and environment.is_whole and not environment.requests
        key: tuple[bytes | File, ...] = (process.exe, *process.code)
        if is_quiet and key in self._untouched:
            return False, ()
        try:
            program = self._program_of(process)
        except PermissionError:
            program = None
        if is_quiet and looks_untouched(process, program):
            if len(self._untouched) < _MOST_REMEMBERED:
                self._untouched.add(key)
            return False, ()
        return _Look(self, process, program, is_exposed).find(environment)

    def are_here(self, process: Mapped, program: LinkedProgram, files: Sequence[File]) -> bool:
        """Return whether mapped files are what the process finds under their paths.

        If not, they may be from another mount namespace, where a user can put anything anywhere.
        Those of the system also have to belong to root: folders below /usr may be a user's.
        """
        paths = [decode(unescape_path(path)) for _, path in files]
        try:
            if self.place_of(process) == self._here:
                found: list[tuple[str, bool] | None] = [identify(os.stat(path)) for path in paths]
            else:
                deputy, no_answer = self.find_deputy()
                try:
                    found = deputy.identify(process.folder, paths)
                except no_answer:
                    return False
        except ProcessLookupError:
            raise
        except OSError:
            return False
        return all(
            one and one[0] == decode(file) and (one[1] or not is_of_system(path, program))
            for one, (file, path) in zip(found, files, strict=True)
        )


def looks_untouched(
    process: Mapped, program: LinkedProgram | None, injected: Collection[bytes] = ()
) -> bool:
    """Return whether the mapped files show no library besides those in injected.

    A library can hide from this, so it decides nothing about a process that is not exposed.
    """
    if program is None:
        return False
    if not program.image.interpreter:
        return True
    code = [file for file in process.code if file[1] not in injected]
    return find_first_libraries(code, process.exe, program) is not None


def _keys_of(request: bytes, identities: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    """The inode, the paths and the base name by which a mapped file counts as requested."""
    if not request.startswith(b"/") or b"$" in request:
        return (os.path.basename(request),)
    plain = os.path.normpath(request).replace(b"\n", rb"\012")
    keys = (plain, plain + b" (deleted)")
    return (identities[request], *keys) if request in identities else keys


class _Look:
    """A look at one process that has injected libraries, or may have some."""

    def __init__(
        self,
        reader: InjectionReader,
        process: Mapped,
        program: LinkedProgram | None,
        is_exposed: bool,
    ) -> None:
        self._reader = reader
        self._process = process
        self._program = program
        self._is_exposed = is_exposed
        self._deputy, self._no_answer = reader.find_deputy()
        self._known: dict[bytes, bool] = {}
        named = {path for _, path in process.code if has_our_name(decode(path))}
        self._has_too_many_of_ours = len(named) > _MOST_OF_OURS

    def find(self, environment: EnvironmentFacts) -> tuple[bool, tuple[str, ...] | None]:
        """See InjectionReader.find_injected()."""
        process, reader = self._process, self._reader
        asked = environment.requests
        everywhere = reader.preload_file_of(process.folder, reader.place_of(process))
        names = [*asked, *(everywhere or ())]
        matches = reader.find_requested(process, names[:_MOST_REQUESTS])
        only_ours = 0 < len(asked) <= _MOST_REQUESTS and all(
            request.startswith(b"/") and all(self._is_ours(path) for path in paths or (request,))
            for request, paths in zip(asked, matches, strict=False)
        )
        injected = {path: None for paths in matches for path in paths}
        is_explained = everywhere is not None and len(names) <= _MOST_REQUESTS and all(matches)
        is_certain = self._is_all(injected, is_explained and environment.is_whole)
        left = [
            path
            for number, path in enumerate(injected)
            if number >= _MOST_REQUESTS or not self._is_ours(path)
        ]
        if not left and not is_certain:
            return only_ours, None
        return only_ours, tuple(decode(unescape_path(path)) for path in left)

    def _is_ours(self, path: bytes) -> bool:
        if self._has_too_many_of_ours:
            return False
        if path not in self._known:
            try:
                self._known[path] = is_ours(path, self._process, self._deputy)
            except ProcessLookupError:
                raise
            except (self._no_answer, OSError):
                self._known[path] = False
        return self._known[path]

    def _is_all(self, injected: dict[bytes, None], is_explained: bool) -> bool:
        """Return whether these libraries are all; adds those that are not among them.

        is_explained -- whether the environment is whole, and all that was requested is mapped
        """
        process, program = self._process, self._program
        if program is None:
            return self._is_exposed and is_explained
        if program.image.interpreter:
            if self._is_exposed and is_explained and looks_untouched(process, program, injected):
                return True
            return self._look_closely(program, injected)
        if program.is_alone or process.has_only_itself:
            return True
        # A loader that was started by its name, or a stand-in whose program we cannot read.
        ours = [path for _, path in process.code if has_our_name(decode(path))]
        return self._is_exposed and (is_explained or any(map(self._is_ours, ours)))

    def _look_closely(self, program: LinkedProgram, injected: dict[bytes, None]) -> bool:
        """Add the injected libraries in the loader's lists. Returns whether these are all."""
        process = self._process
        try:
            lists = self._deputy.read_lists(process.folder, program.image, program.base)
        except (self._no_answer, PermissionError):
            return False
        places = process.locate([address for each in lists[0] for address, _ in each])
        if places is None:
            return False
        paths = {address: path for address, (_, path) in places.items()}
        found = explain_libraries(lists, program, paths, process.find_kernel_library(), injected)
        injected.update(dict.fromkeys(found.early[:_MOST_REQUESTS]))
        if not found.is_certain or len(found.early) > _MOST_REQUESTS:
            return False
        files = [(*places[at], place) for at, place in found.explained if at in places]
        return len(files) == len(found.explained) and (
            self._is_exposed or self._are_genuine(files, program)
        )

    def _are_genuine(
        self, files: Sequence[tuple[str, bytes, bytes]], program: LinkedProgram
    ) -> bool:
        names = [
            (name, decode(unescape_path(place)), is_of_system(place, program))
            for name, _, place in files
        ]
        try:
            return self._deputy.are_genuine(self._process.folder, names)
        except ProcessLookupError:
            raise
        except (PermissionError, FileNotFoundError):
            # Without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, or the first thread has ended.
            places = {path: place for _, path, place in files}
            code = [(file, places[path]) for file, path in self._process.code if path in places]
            return self._reader.are_here(self._process, program, code)
        except (self._no_answer, OSError):
            return False
