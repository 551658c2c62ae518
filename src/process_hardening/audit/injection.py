"""Finds injected libraries: those that LD_PRELOAD, LD_AUDIT or ld.so.preload caused to be mapped.

The environment block shows the requests if it is unchanged since execve(2). Otherwise, the order of
loading reveals them: the dynamic loader loads audit libraries first, then preloaded ones, then
those that the program needs (ld.so(8)). The loader keeps a list in that order for debuggers (struct
r_debug in link.h). This module reads that list only if it has to, and reads nothing else from the
process's memory.
"""

from __future__ import annotations

import os

from process_hardening.audit.own_library import OwnLibrary
from process_hardening.audit.posture import has_our_name
from process_hardening.audit.procfs import decode, unescape_path
from process_hardening.audit.program_files import ProgramOpener
from process_hardening.elf import DamagedElfError, Image, read_image
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Sequence

    from process_hardening.audit.deputy import Deputy
    from process_hardening.audit.loader_lists import Lists
    from process_hardening.audit.mapped import Mapped
    from process_hardening.audit.own_library import Place

PRELOAD_FILE = "etc/ld.so.preload"

# Bounds on what a hostile process can make us read.
_MOST_REQUESTS = 64
_MOST_REMEMBERED = 4096

# Where distributions keep their libraries. If the program names no directory of its own, a library
# from any other place could be anything.
_TRUSTED = (b"/usr/", b"/lib", b"/nix/store/", b"/gnu/store/", b"/system/", b"/apex/")


class Program(Record):
    """A program, and the base names of the libraries that it needs.

    base -- as in loader_lists.read_lists()
    """

    image: Image
    needed: frozenset[bytes]
    base: int | None = None


def program_of(image: Image, base: int | None = None) -> Program:
    """Return the program that has this image."""
    return Program(
        image=image,
        base=base,
        needed=frozenset(os.path.basename(os.fsencode(name)) for name in image.needed),
    )


def _is_loader(path: bytes) -> bool:
    return os.path.basename(path).startswith((b"ld-", b"ld.so", b"ld64.", b"linker"))


def _is_needed(path: bytes, program: Program) -> bool:
    """Return whether the program needs a library with this name.

    It may need libz.so.1, while maps shows the target of that link: libz.so.1.3.
    """
    name = os.path.basename(path)
    while name not in program.needed and b".so." in name:
        name = name.rpartition(b".")[0]
    return name in program.needed


def _is_expected(path: bytes, program: Program) -> bool:
    """Return whether the program itself requested the library at path."""
    if _is_loader(path):
        return True
    return _is_needed(path, program) and (
        bool(program.image.rpath or program.image.runpath) or path.startswith(_TRUSTED)
    )


def find_early_libraries(lists: Lists, program: Program) -> list[bytes] | None:
    """Return the libraries that were loaded before the first one that the program needs.

    lists -- from loader_lists.read_lists()

    Returns None if that is unknown, since a library that the program needs is in a directory that
    neither the system nor the program names.
    """
    early = []
    border = None
    for address, name in lists[0][1:]:
        if not name or os.path.basename(name) in (b"linux-vdso.so.1", b"linux-gate.so.1"):
            continue
        if _is_expected(name, program):
            border = address
            break
        if _is_needed(name, program):
            return None
        early.append(name)
    if border is None and program.needed:
        return None
    for namespace in lists[1:]:
        # Each audit library has its own namespace, which is created before the program's libraries
        # are mapped and is therefore above them. Namespaces that dlmopen(3) creates are below.
        if namespace and border is not None and namespace[0][0] > border:
            early.append(namespace[0][1])
    return early


def looks_untouched(code: Sequence[tuple[bytes, bytes]], program: Program) -> bool:
    """Return whether the library that was mapped first is one that the program needs.

    code -- from parse_code_files()

    The kernel maps downwards: the loader is on top, and the first library that it loaded is below
    it. If anything else is there, the process needs a closer look.
    """
    paths = [path for _, path in code]
    while paths and not _is_loader(paths[-1]):
        paths.pop()
    # Two paths are the program and its loader. If no path is left, the loader is unknown to us.
    return len(paths) == 2 or (len(paths) > 2 and _is_expected(paths[-2], program))


def parse_requests(name: bytes, value: bytes) -> list[bytes]:
    """Return the libraries named by a value of LD_PRELOAD or LD_AUDIT, or by ld.so.preload.

    name -- the variable's name, or PRELOAD_FILE
    """
    if name == b"LD_AUDIT":
        return [path for path in value.split(b":") if path]
    lines = value.split(b"\n") if name == PRELOAD_FILE.encode() else [value]
    return [path for line in lines for path in line.split(b"#")[0].replace(b":", b" ").split()]


class InjectionReader:
    """Finds the injected libraries of processes. Caches programs, since many processes share them.

    root -- a descriptor of /proc
    mount_namespace -- our own, in which our own library does not count as injected
    """

    def __init__(self, root: int, mount_namespace: str | None) -> None:
        self._opener = ProgramOpener(root)
        self._deputy: Deputy | None = None
        self._own_library = OwnLibrary(mount_namespace)
        self._programs: dict[tuple[bytes, bytes], Program | None] = {}
        self._preload_files: dict[Place, list[bytes] | None] = {}
        # Programs that had nothing injected, with the files whose code was mapped.
        self._untouched: set[tuple[bytes | tuple[bytes, bytes], ...]] = set()

    def close(self) -> None:
        """Let the helper process exit, if there is one."""
        if self._deputy is not None:
            self._deputy.close()

    def preload_file_of(self, folder: int, place: Place) -> list[bytes] | None:
        """Return the libraries that a process's own ld.so.preload names; None: it was not read.

        place -- from OwnLibrary.place_of()
        """
        if place not in self._preload_files:
            found: list[bytes] | None = []
            deputy, no_answer = self._find_deputy()
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

    def _find_deputy(self) -> tuple[Deputy, type[Exception]]:
        """Return the helper for reads that could block, and its exception. Few audits need them."""
        from process_hardening.audit.deputy import Deputy, NoAnswerError

        if self._deputy is None:
            self._deputy = Deputy()
        return self._deputy, NoAnswerError

    def _read_program(self, folder: int, exe: bytes) -> Program | None:
        """Return the program of a process; None if it is unreadable or not a valid ELF file.

        Such a program could load anything.
        """
        fd = self._opener.open(folder)
        if fd is None:
            deputy, no_answer = self._find_deputy()
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
        return program_of(image) if image else None

    def _mapped_as(self, request: bytes, process: Mapped) -> tuple[bytes, ...]:
        """Return the mapped files that a request names: by path, by inode or by base name."""
        if not request.startswith(b"/") or b"$" in request:
            name = os.path.basename(request)
            return tuple(path for _, path in process.code if os.path.basename(path) == name)
        identity = None
        deputy, no_answer = self._find_deputy()
        try:
            device, inode = deputy.identify(process.folder, decode(request))
            identity = f"{os.major(device):02x}:{os.minor(device):02x} {inode}".encode()
        except ProcessLookupError:
            raise
        except (no_answer, OSError):
            pass  # deleted, hidden from us, or not a path: compare the text
        plain = os.path.normpath(request)
        return tuple(
            path
            for file, path in process.code
            if file == identity or unescape_path(path) in (plain, plain + b" (deleted)")
        )

    def _program_of(self, process: Mapped) -> Program | None:
        folder, exe = process.folder, process.exe
        files = [file for file in process.code if file[1] == exe]
        if not files:  # the link and the mappings differ, e.g. the process called exec in between
            return None
        if len(files) > 1:  # the image of `harden`, to which the link points, and the program
            return self._read_program_behind(process) or self._read_program(folder, exe)
        key = files[0]
        if key not in self._programs:
            if len(self._programs) > _MOST_REMEMBERED:
                self._programs.clear()
            self._programs[key] = self._read_program(folder, exe)
        return self._programs[key]

    def _read_program_behind(self, process: Mapped) -> Program | None:
        """Return the dynamic program that a stand-in has mapped. Both have the same path."""
        deputy, no_answer = self._find_deputy()
        exe = decode(process.exe)
        for name, start in process.find_starts(process.exe):
            try:
                image = deputy.read_image(process.folder, exe, f"map_files/{name}")
            except ProcessLookupError:
                raise
            except (no_answer, OSError):
                return None  # without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE
            if image and image.interpreter:  # if position-independent, it starts at address 0
                return program_of(image, 0 if image.entry >= start else start)
        return None

    def find_injected(
        self, process: Mapped, requests: Sequence[bytes], environment_is_whole: bool
    ) -> tuple[str, ...] | None:
        """Return the injected libraries of a process; None if they are unknown.

        requests -- what its LD_PRELOAD and LD_AUDIT name
        environment_is_whole -- whether the environment still shows all requests

        Raises OSError if the process ends during the read.
        """
        key: tuple[bytes | tuple[bytes, bytes], ...] = (process.exe, *process.code)
        if environment_is_whole and not requests and key in self._untouched:
            return ()
        try:
            program = self._program_of(process)
        except PermissionError:
            program = None
        if environment_is_whole and not requests and program is not None:
            if not program.image.interpreter:
                return ()
            if looks_untouched(process.code, program):
                if len(self._untouched) < _MOST_REMEMBERED:
                    self._untouched.add(key)
                return ()
        return self._search(process, program, requests, environment_is_whole)

    def name_only_ours(self, process: Mapped, requests: Sequence[bytes]) -> bool:
        """Return whether there are requests, and all of them name only our library."""
        return 0 < len(requests) <= _MOST_REQUESTS and all(
            request.startswith(b"/")
            and all(
                self._is_ours(process, path)
                for path in self._mapped_as(request, process) or (request,)
            )
            for request in requests
        )

    def _search(
        self,
        process: Mapped,
        program: Program | None,
        requests: Sequence[bytes],
        environment_is_whole: bool,
    ) -> tuple[str, ...] | None:
        """Return the injected libraries of a process that has some, or may have some."""
        found: dict[bytes, None] = {}
        everywhere = self.preload_file_of(process.folder, self._own_library.place_of(process))
        wanted = [*requests, *(everywhere or ())]
        unexplained = everywhere is None or len(wanted) > _MOST_REQUESTS
        for request in wanted[:_MOST_REQUESTS]:
            paths = self._mapped_as(request, process)
            found.update(dict.fromkeys(paths))
            unexplained = unexplained or not paths
        certain = True
        if program is None:
            certain = environment_is_whole and not unexplained
        elif program.image.interpreter:
            if unexplained or not environment_is_whole or not found:
                certain = self._look_closely(process, program, found)
        elif not environment_is_whole:
            # The image of `harden` counts as static. Our library removes its own request.
            mapped = {path for _, path in process.code}
            ours = [path for path in mapped if has_our_name(decode(path))]
            certain = len(mapped) <= 1 or any(
                self._is_ours(process, path) for path in ours[:_MOST_REQUESTS]
            )
        names = [
            path
            for number, path in enumerate(found)
            if number >= _MOST_REQUESTS or not self._is_ours(process, path)
        ]
        if not names and not certain:
            return None
        return tuple(decode(unescape_path(path)) for path in names)

    def _is_ours(self, process: Mapped, path: bytes) -> bool:
        deputy, no_answer = self._find_deputy()
        try:
            return self._own_library.is_at(path, process, deputy)
        except ProcessLookupError:
            raise
        except (no_answer, OSError):
            return False

    def _look_closely(self, process: Mapped, program: Program, found: dict[bytes, None]) -> bool:
        """Add the injected libraries in the loader's list to found.

        Returns whether found is then complete.
        """
        deputy, no_answer = self._find_deputy()
        try:
            lists = deputy.read_lists(process.folder, program.image, program.base)
            early = find_early_libraries(lists, program)
        except (no_answer, PermissionError):
            return False
        for name in (early or ())[:_MOST_REQUESTS]:
            paths = self._mapped_as(name, process) or (name,)
            found.update(dict.fromkeys(paths))
        return early is not None and len(early) <= _MOST_REQUESTS
