"""Finds injected libraries: mapped because LD_PRELOAD, LD_AUDIT or ld.so.preload asked for them.

The environment block shows what was asked for, as long as it is what execve(2) left there. Where it
is not, the order shows it: the dynamic loader loads audit libraries first, then preloaded ones,
then those that the program needs (ld.so(8)). It keeps a list in that order, which debuggers read
(struct r_debug in link.h). So do we, only then, and nothing else of the process's memory.
"""

from __future__ import annotations

import os
import stat
import sys
from struct import Struct

from process_hardening.audit.procfiles import ORDINARY_FILE_SYSTEMS, read_file_system
from process_hardening.audit.procfs import decode, parse_auxv, unescape_path
from process_hardening.elf import DamagedElfError, Image, parse_tags, read_image
from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Sequence

PRELOAD_FILE = "etc/ld.so.preload"

_DT_DEBUG = 21
_AT_ENTRY = 9

# Our library, where docs/harden.md installs it beside the command.
_INSTALLED_BY_ROOT = (
    b"/usr/lib/process-hardening/libprocess_hardening.so",
    b"/usr/local/lib/process-hardening/libprocess_hardening.so",
)

# Bounds on what a hostile process can make us read.
_MOST_LIBRARIES = 20_000
_MOST_NAMESPACES = 64
_LONGEST_TABLE = 1 << 16
_MOST_REMEMBERED = 4096
_LONGEST_NAME = 4096

# Where distributions keep their libraries. If a library that a program needs comes from elsewhere,
# although the program names no folder, it could be any.
_TRUSTED = (b"/usr/", b"/lib", b"/nix/store/", b"/gnu/store/", b"/system/", b"/apex/")


class UnreadableListError(Exception):
    """The loader's list is not as link.h describes it, or could not be read."""


class Program(Record):
    """A program, and the base names of the libraries that it needs."""

    image: Image
    needed: frozenset[bytes]


def program_of(image: Image) -> Program:
    """The program with these facts."""
    return Program(
        image=image,
        needed=frozenset(os.path.basename(os.fsencode(name)) for name in image.needed),
    )


class Library(Record):
    """A library in the loader's list: the name that was asked for, and its address."""

    address: int
    name: bytes


class _Memory:
    """The parts of a process's memory in which its loader keeps its list."""

    def __init__(self, fd: int, bits: int) -> None:
        self._fd = fd
        self.word = Struct("=Q" if bits == 64 else "=I")

    def bytes_at(self, address: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, address)
        except (OSError, OverflowError):
            raise UnreadableListError from None

    def word_at(self, address: int) -> int:
        raw = self.bytes_at(address, self.word.size)
        if len(raw) < self.word.size:
            raise UnreadableListError
        return int(self.word.unpack(raw)[0])

    def name_at(self, address: int) -> bytes:
        for size in (256, _LONGEST_NAME):
            name, nul, _ = self.bytes_at(address, size).partition(b"\0")
            if nul:
                return name
        raise UnreadableListError


def _list_at(memory: _Memory, first: int) -> list[Library]:
    """Struct link_map: l_addr, l_name, l_ld, l_next, l_prev."""
    size = memory.word.size
    libraries: list[Library] = []
    at = first
    while at:
        if len(libraries) == _MOST_LIBRARIES:
            raise UnreadableListError
        raw = memory.bytes_at(at, 4 * size)
        if len(raw) < 4 * size:
            raise UnreadableListError
        address, name, _, following = (int(word[0]) for word in memory.word.iter_unpack(raw))
        found = memory.name_at(name) if name else b""
        libraries.append(Library(address=address, name=found))
        at = following
    return libraries


def read_loader_lists(folder: int, program: Program) -> list[list[Library]]:
    """The loader's lists, one a namespace, the program's own first, each in loading order.

    folder -- a descriptor of /proc/PID

    Raises UnreadableListError, and OSError when we may not read it.
    """
    with open(os.open("auxv", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
        vector = parse_auxv(file.read(_LONGEST_TABLE), program.image.bits)
    fd = os.open("mem", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        memory = _Memory(fd, program.image.bits)
        size = memory.word.size
        at = vector.get(_AT_ENTRY, 0) - program.image.entry + program.image.dynamic
        pairs = memory.bytes_at(at, _LONGEST_TABLE)
        tags = parse_tags(pairs, Struct("=QQ" if size == 8 else "=II"))
        at = tags.get(_DT_DEBUG, [0])[0]
        lists: list[list[Library]] = []
        # struct r_debug: int r_version, r_map, r_brk, r_state, r_ldbase; since glibc 2.35 and
        # with r_version 2, which means more than one namespace, r_next.
        while at and len(lists) < _MOST_NAMESPACES:
            version = int.from_bytes(memory.bytes_at(at, 4), sys.byteorder)
            lists.append(_list_at(memory, memory.word_at(at + size)))
            at = memory.word_at(at + 5 * size) if version > 1 else 0
    finally:
        os.close(fd)
    if not lists:
        raise UnreadableListError
    return lists


def _is_loader(path: bytes) -> bool:
    return os.path.basename(path).startswith((b"ld-", b"ld.so", b"ld64.", b"linker"))


def _is_expected(path: bytes, program: Program) -> bool:
    """Whether the program itself asked for a library at path."""
    if _is_loader(path):
        return True
    return os.path.basename(path) in program.needed and (
        bool(program.image.rpath or program.image.runpath) or path.startswith(_TRUSTED)
    )


def find_early_libraries(
    lists: Sequence[Sequence[Library]], program: Program
) -> list[bytes] | None:
    """The libraries that were loaded before the first one that the program needs.

    lists -- from read_loader_lists()

    Returns None when that is not known: a library that the program needs comes from a folder that
    neither the system nor the program names.
    """
    early = []
    border = None
    for library in lists[0][1:]:
        name = library.name
        if not name or os.path.basename(name) in (b"linux-vdso.so.1", b"linux-gate.so.1"):
            continue
        if _is_expected(name, program):
            border = library.address
            break
        if os.path.basename(name) in program.needed:
            return None
        early.append(name)
    if border is None and program.needed:
        return None
    for namespace in lists[1:]:
        # Each audit library has its own namespace, made before the program's libraries were mapped
        # and therefore above them. A namespace of dlmopen(3) is below.
        if namespace and border is not None and namespace[0].address > border:
            early.append(namespace[0].name)
    return early


def looks_untouched(code: Sequence[tuple[bytes, bytes]], program: Program) -> bool:
    """Whether the library that was mapped first is one that the program needs.

    code -- from parse_code_files()

    The kernel maps downwards: the loader is on top, and below it is what it loaded first. A
    process in which anything else is there needs a closer look.
    """
    paths = [path for _, path in code]
    while paths and not _is_loader(paths[-1]):
        paths.pop()
    # Two are the program and its loader. With none left, the loader is one that we do not know.
    return len(paths) == 2 or (len(paths) > 2 and _is_expected(paths[-2], program))


def parse_requests(name: bytes, value: bytes) -> list[bytes]:
    """The libraries that a value of LD_PRELOAD or LD_AUDIT, or the text of ld.so.preload, names.

    name -- of the variable, or PRELOAD_FILE
    """
    if name == b"LD_AUDIT":
        return [path for path in value.split(b":") if path]
    lines = value.split(b"\n") if name == PRELOAD_FILE.encode() else [value]
    return [path for line in lines for path in line.split(b"#")[0].replace(b":", b" ").split()]


def _mapped_as(
    request: bytes, code: Sequence[tuple[bytes, bytes]], folder: int
) -> tuple[bytes, ...]:
    """The mapped files that a request names: by path, by inode behind links, or by base name."""
    if not request.startswith(b"/") or b"$" in request:
        name = os.path.basename(request)
        return tuple(path for _, path in code if os.path.basename(path) == name)
    identity = None
    try:
        found = os.stat(b"root" + request, dir_fd=folder)
        device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x} {found.st_ino}"
        identity = device.encode()
    except (OSError, ValueError):
        pass  # gone by now, not ours to see, or no path at all: the text decides
    plain = os.path.normpath(request)
    return tuple(
        path
        for file, path in code
        if file == identity or unescape_path(path) in (plain, plain + b" (deleted)")
    )


def _read_plain_file(folder: int, name: str) -> bytes | None:
    """The beginning of a file in another process's file system; b"" when there is none.

    Its user may be root there and could have put a link to a device, a pipe, /proc/kmsg or a file
    of FUSE in its place, which block a reader or use up what others were to read: None then.
    """
    opened = [folder]
    try:
        for part in name.split("/"):
            # The first one is the kernel's own link to the root folder.
            flags = os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if part != "root" else 0)
            opened.append(os.open(part, flags, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            return None
        if read_file_system(opened[-1]) not in ORDINARY_FILE_SYSTEMS:
            return None
        with open(f"/proc/self/fd/{opened[-1]}", "rb") as file:
            return file.read(_LONGEST_TABLE)
    except FileNotFoundError:
        return b""
    except OSError:
        return None
    finally:
        for fd in opened[1:]:
            os.close(fd)


def _read_program(folder: int, exe: bytes) -> Program | None:
    """The program of a process; None when it is no sound ELF file: it could load anything."""
    fd = os.open("exe", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    try:
        image = read_image(fd, decode(exe))
    except DamagedElfError:
        return None
    finally:
        os.close(fd)
    return program_of(image) if image else None


class InjectionReader:
    """Finds the injected libraries of processes; remembers programs, which many share.

    mount_namespace -- our own: in it, our own library is no injection
    """

    def __init__(self, mount_namespace: str | None) -> None:
        self._here = mount_namespace
        self._ours = {os.fsencode(PRELOAD_LIBRARY), *_INSTALLED_BY_ROOT}
        self._programs: dict[tuple[bytes, bytes], Program | None] = {}
        self._preload_files: dict[str | None, list[bytes] | None] = {}
        # Programs that had nothing injected, with the files whose code was mapped.
        self._untouched: set[tuple[bytes | tuple[bytes, bytes], ...]] = set()

    def preload_file_of(self, folder: int, namespace: str | None) -> list[bytes] | None:
        """What the ld.so.preload of a process's own file system names; None: it was not read."""
        if namespace not in self._preload_files:
            text = _read_plain_file(folder, f"root/{PRELOAD_FILE}")
            self._preload_files[namespace] = (
                None if text is None else parse_requests(PRELOAD_FILE.encode(), text)
            )
        return self._preload_files[namespace]

    def _program_of(
        self, folder: int, exe: bytes, code: Sequence[tuple[bytes, bytes]]
    ) -> Program | None:
        files = [file for file in code if file[1] == exe]
        if not files:  # an exe link and a mapping that differ, as after an exec in between
            return None
        if len(files) > 1:  # the image of `harden` and the program; the link leads to the image
            return _read_program(folder, exe)
        key = files[0]
        if key not in self._programs:
            if len(self._programs) > _MOST_REMEMBERED:
                self._programs.clear()
            self._programs[key] = _read_program(folder, exe)
        return self._programs[key]

    def find_injected(
        self,
        folder: int,
        exe: bytes,
        code: Sequence[tuple[bytes, bytes]],
        requests: Sequence[bytes],
        environment_is_whole: bool,
    ) -> tuple[str, ...] | None:
        """The injected libraries of a process; None when they are not known.

        folder -- a descriptor of /proc/PID; exe -- where its exe link points, as maps writes it
        code -- from parse_code_files()
        requests -- what its LD_PRELOAD and LD_AUDIT name
        environment_is_whole -- whether the environment still shows all requests

        Raises OSError when the process ends meanwhile.
        """
        key: tuple[bytes | tuple[bytes, bytes], ...] = (exe, *code)
        if environment_is_whole and not requests and key in self._untouched:
            return ()
        try:
            program = self._program_of(folder, exe, code)
        except PermissionError:
            program = None
        if environment_is_whole and not requests and program is not None:
            if not program.image.interpreter:
                return ()
            if looks_untouched(code, program):
                if len(self._untouched) < _MOST_REMEMBERED:
                    self._untouched.add(key)
                return ()
        return self._search(folder, program, code, requests, environment_is_whole)

    def _search(
        self,
        folder: int,
        program: Program | None,
        code: Sequence[tuple[bytes, bytes]],
        requests: Sequence[bytes],
        environment_is_whole: bool,
    ) -> tuple[str, ...] | None:
        """The injected libraries of a process that has some, or may have."""
        namespace = os.readlink("ns/mnt", dir_fd=folder) if self._here else None
        found: dict[bytes, None] = {}
        everywhere = self.preload_file_of(folder, namespace)
        unexplained = everywhere is None
        for request in [*requests, *(everywhere or ())]:
            paths = _mapped_as(request, code, folder)
            found.update(dict.fromkeys(paths))
            unexplained = unexplained or not paths
        certain = True
        if program is None:
            certain = environment_is_whole and not unexplained
        elif program.image.interpreter:
            if unexplained or not environment_is_whole or not found:
                certain = self._look_closely(folder, program, code, found)
        elif not environment_is_whole:
            # The image of `harden` counts as static. Our library takes out its own request.
            mapped = {path for _, path in code}
            certain = len(mapped) <= 1 or self._is_ours(namespace, mapped)
        names = [path for path in found if not self._is_ours(namespace, {path})]
        if not names and not certain:
            return None
        return tuple(decode(unescape_path(path)) for path in names)

    def _is_ours(self, namespace: str | None, paths: set[bytes]) -> bool:
        """Whether one of these paths, in this mount namespace, is of our own library."""
        return namespace == self._here and not paths.isdisjoint(self._ours)

    def _look_closely(
        self,
        folder: int,
        program: Program,
        code: Sequence[tuple[bytes, bytes]],
        found: dict[bytes, None],
    ) -> bool:
        """Add to found what the loader's list shows. Returns whether that is certain."""
        try:
            early = find_early_libraries(read_loader_lists(folder, program), program)
        except (UnreadableListError, PermissionError):
            return False
        for name in early or ():
            paths = _mapped_as(name, code, folder) or (name,)
            found.update(dict.fromkeys(paths))
        return early is not None
