"""Which libraries were injected: mapped, and asked for by LD_PRELOAD, LD_AUDIT or ld.so.preload.

Who asked is in the environment block, as long as that is what execve(2) laid there. Where it is
not, the order tells: the dynamic loader loads audit libraries first, then preloaded ones, then
those that the program needs (ld.so(8)), and keeps a list in that order, which debuggers read
(struct r_debug in link.h). So do we, and nothing else of the process's memory, and only then.
"""

from __future__ import annotations

import os
import stat
import sys
from struct import Struct, error

from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.audit.procfs import decode, parse_auxv, unescape_path

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PRELOAD_FILE = "etc/ld.so.preload"

_PT_DYNAMIC, _PT_INTERP, _PT_LOAD = 2, 3, 1
_DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_DEBUG, _DT_RUNPATH = 1, 5, 15, 21, 29
_AT_ENTRY = 9

# Bounds on what a hostile file or process can make us read.
_MOST_SEGMENTS = 256
_MOST_LIBRARIES = 20_000
_MOST_NAMESPACES = 64
_LONGEST_TABLE = 1 << 16
_MOST_REMEMBERED = 4096
_LONGEST_NAME = 4096

# Where a distribution keeps its libraries. One that a program needs by name, and that comes from
# elsewhere although the program names no folder, could be any.
_TRUSTED = (b"/usr/", b"/lib", b"/nix/store/", b"/gnu/store/", b"/system/", b"/apex/")


class DamagedError(Exception):
    """Not what elf(5) or link.h describe."""


class Program:
    """What the file of a program says about its libraries.

    bits -- 32 or 64; entry -- its e_entry; dynamic -- the address of its dynamic section, or 0
    loads_libraries -- whether a dynamic loader starts it
    needed -- the names of the libraries that it needs; has_run_path -- whether it says where
    """

    __slots__ = ("bits", "dynamic", "entry", "has_run_path", "loads_libraries", "needed")

    def __init__(self, fd: int) -> None:
        """Read it from a file. Raises DamagedError; OSError."""
        header = os.pread(fd, 64, 0)
        if header[:4] != b"\x7fELF" or len(header) < 52 or header[5] not in (1, 2):
            raise DamagedError
        self.bits = {1: 32, 2: 64}.get(header[4], 0)
        order = "<" if header[5] == 1 else ">"
        try:
            self._parse(fd, header, order)
        except (error, KeyError, OverflowError):
            raise DamagedError from None

    def _parse(self, fd: int, header: bytes, order: str) -> None:
        wide = self.bits == 64
        addresses = Struct(order + ("QQ" if wide else "II"))
        self.entry, table = addresses.unpack_from(header, 24)
        size, count = Struct(order + "HH").unpack_from(header, 54 if wide else 42)
        # 64 bit: type flags offset vaddr paddr filesz; 32 bit: type offset vaddr paddr filesz.
        segment = Struct(order + ("IIQQQQ" if wide else "IIIII"))
        headers = os.pread(fd, size * min(count, _MOST_SEGMENTS), table)
        loads: list[tuple[int, int, int]] = []
        self.loads_libraries = False
        self.dynamic = 0
        pairs = b""
        for at in range(0, len(headers) - segment.size + 1, max(size, segment.size)):
            kind, *fields = segment.unpack_from(headers, at)
            offset, address, _, length = fields[1:] if wide else fields
            if kind == _PT_LOAD:
                loads.append((offset, address, length))
            elif kind == _PT_INTERP:
                self.loads_libraries = True
            elif kind == _PT_DYNAMIC:
                self.dynamic = address
                pairs = os.pread(fd, min(length, _LONGEST_TABLE), offset)
        tags = _tags(pairs, addresses)
        self.has_run_path = bool(tags.get(_DT_RPATH) or tags.get(_DT_RUNPATH))
        strings = _offset_of(tags.get(_DT_STRTAB, [0])[0], loads)
        names = (os.pread(fd, _LONGEST_NAME, strings + at) for at in tags.get(_DT_NEEDED, ()))
        self.needed = frozenset(os.path.basename(name.split(b"\0", 1)[0]) for name in names)


def _tags(pairs: bytes, layout: Struct) -> dict[int, list[int]]:
    tags: dict[int, list[int]] = {}
    for at in range(0, len(pairs) - layout.size + 1, layout.size):
        tag, value = layout.unpack_from(pairs, at)
        if not tag:
            break
        tags.setdefault(tag, []).append(value)
    return tags


def _offset_of(address: int, loads: Iterable[tuple[int, int, int]]) -> int:
    for offset, start, length in loads:
        if start <= address < start + length:
            return offset + address - start
    return 0


class Library:
    """A library in the loader's list: name as it was asked for, and the address it is at."""

    __slots__ = ("address", "name")

    def __init__(self, address: int, name: bytes) -> None:
        self.address = address
        self.name = name


class _Memory:
    """The parts of a process's memory in which its loader keeps its list."""

    def __init__(self, fd: int, bits: int) -> None:
        self._fd = fd
        self.word = Struct("=Q" if bits == 64 else "=I")

    def bytes_at(self, address: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, address)
        except (OSError, OverflowError):
            raise DamagedError from None

    def word_at(self, address: int) -> int:
        raw = self.bytes_at(address, self.word.size)
        if len(raw) < self.word.size:
            raise DamagedError
        return int(self.word.unpack(raw)[0])

    def name_at(self, address: int) -> bytes:
        for size in (256, _LONGEST_NAME):
            name, nul, _ = self.bytes_at(address, size).partition(b"\0")
            if nul:
                return name
        raise DamagedError


def _list_at(memory: _Memory, first: int) -> list[Library]:
    """Struct link_map: l_addr, l_name, l_ld, l_next, l_prev."""
    size = memory.word.size
    libraries: list[Library] = []
    at = first
    while at:
        if len(libraries) == _MOST_LIBRARIES:
            raise DamagedError
        raw = memory.bytes_at(at, 4 * size)
        if len(raw) < 4 * size:
            raise DamagedError
        address, name, _, following = (int(word[0]) for word in memory.word.iter_unpack(raw))
        libraries.append(Library(address, memory.name_at(name) if name else b""))
        at = following
    return libraries


def loader_lists(folder: int, program: Program) -> list[list[Library]]:
    """The loader's lists, one a namespace, the program's own first, each in the order of loading.

    folder -- a descriptor of /proc/PID. Raises DamagedError; OSError when we may not read it.
    """
    with open(os.open("auxv", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
        vector = parse_auxv(file.read(_LONGEST_TABLE), program.bits)
    fd = os.open("mem", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        memory = _Memory(fd, program.bits)
        size = memory.word.size
        at = vector.get(_AT_ENTRY, 0) - program.entry + program.dynamic
        pairs = memory.bytes_at(at, _LONGEST_TABLE)
        tags = _tags(pairs, Struct("=QQ" if size == 8 else "=II"))
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
        raise DamagedError
    return lists


def _is_loader(path: bytes) -> bool:
    return os.path.basename(path).startswith((b"ld-", b"ld.so", b"ld64.", b"linker"))


def _is_expected(path: bytes, program: Program) -> bool:
    """Whether a library at path is one that the program asked for itself."""
    if _is_loader(path):
        return True
    return os.path.basename(path) in program.needed and (
        program.has_run_path or path.startswith(_TRUSTED)
    )


def loaded_before(lists: Sequence[Sequence[Library]], program: Program) -> list[bytes] | None:
    """The libraries that were loaded before the first one that the program needs.

    lists -- from loader_lists(). Returns None when there is no telling: a library that the
    program needs comes from a folder that neither the system nor the program names.
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
        # Audit libraries have a namespace each, made before the program's libraries were mapped,
        # thus above them; one that dlmopen(3) made is below.
        if namespace and border is not None and namespace[0].address > border:
            early.append(namespace[0].name)
    return early


def looks_untouched(code: Sequence[tuple[bytes, bytes]], program: Program) -> bool:
    """Whether the library that was mapped first is one that the program needs.

    code -- from parse_code_files(). The kernel maps downwards: the loader is on top, below it is
    what it loaded first. Anything else there is looked at more closely.
    """
    paths = [path for _, path in code]
    while paths and not _is_loader(paths[-1]):
        paths.pop()
    # Two: the program and its loader. None: a loader that we do not know.
    return len(paths) == 2 or (len(paths) > 2 and _is_expected(paths[-2], program))


def requested_in(name: bytes, value: bytes) -> list[bytes]:
    """The libraries that a value of LD_PRELOAD or LD_AUDIT, or the text of ld.so.preload, names."""
    if name == b"LD_AUDIT":
        return [path for path in value.split(b":") if path]
    lines = value.split(b"\n") if name == PRELOAD_FILE.encode() else [value]
    return [path for line in lines for path in line.split(b"#")[0].replace(b":", b" ").split()]


def _mapped_as(
    request: bytes, code: Sequence[tuple[bytes, bytes]], folder: int
) -> tuple[bytes, ...]:
    """The mapped files that a request stands for: by path, by inode behind links, or by name."""
    if not request.startswith(b"/") or b"$" in request:
        name = os.path.basename(request)
        return tuple(path for _, path in code if os.path.basename(path) == name)
    identity = None
    try:
        found = os.stat(b"root" + request, dir_fd=folder)
        device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x} {found.st_ino}"
        identity = device.encode()
    except (OSError, ValueError):
        pass  # gone by now, or we may not look, or no path at all: the text decides
    plain = os.path.normpath(request)
    return tuple(
        path
        for file, path in code
        if file == identity or unescape_path(path) in (plain, plain + b" (deleted)")
    )


def _read_plain_file(folder: int, name: str) -> bytes:
    """The beginning of a file in another process's file system, where its user may be root.

    That user could have made a link to a device, or a pipe: neither is followed nor opened. What
    is no plain file counts as empty.
    """
    opened = [folder]
    try:
        for part in name.split("/"):
            # The first one is the kernel's own link to the root folder.
            flags = os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if part != "root" else 0)
            opened.append(os.open(part, flags, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            return b""
        with open(f"/proc/self/fd/{opened[-1]}", "rb") as file:
            return file.read(_LONGEST_TABLE)
    except OSError:
        return b""
    finally:
        for fd in opened[1:]:
            os.close(fd)


class Injection:
    """What is the same for all processes of a scan, and what was learnt of their programs.

    mount_namespace -- ours: our own library, where it is installed, is no injection there
    """

    def __init__(self, mount_namespace: str | None) -> None:
        self._here = mount_namespace
        self._ours = os.fsencode(PRELOAD_LIBRARY)
        self._programs: dict[tuple[bytes, bytes], Program | None] = {}
        self._preload_files: dict[str | None, list[bytes]] = {}
        # The programs that had nothing injected, with the files whose code was mapped then.
        self._untouched: set[tuple[bytes | tuple[bytes, bytes], ...]] = set()

    def preload_file_of(self, folder: int, namespace: str | None) -> list[bytes]:
        """The libraries that the ld.so.preload of a process's own file system names."""
        if namespace not in self._preload_files:
            text = _read_plain_file(folder, f"root/{PRELOAD_FILE}")
            self._preload_files[namespace] = requested_in(PRELOAD_FILE.encode(), text)
        return self._preload_files[namespace]

    def _program_of(
        self, folder: int, exe: bytes, code: Sequence[tuple[bytes, bytes]]
    ) -> Program | None:
        key = next((file for file in code if file[1] == exe), None)
        if key is None:  # an exe link and a mapping that differ, as after an exec in between
            return None
        if key not in self._programs:
            if len(self._programs) > _MOST_REMEMBERED:
                self._programs.clear()
            self._programs[key] = None
            fd = os.open("exe", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
            try:
                self._programs[key] = Program(fd)
            except DamagedError:
                pass  # not ELF: some other binfmt; nothing is known of how it loads libraries
            finally:
                os.close(fd)
        return self._programs[key]

    def injected(
        self,
        folder: int,
        exe: bytes,
        code: Sequence[tuple[bytes, bytes]],
        requests: Sequence[bytes],
        environment_is_whole: bool,
    ) -> tuple[str, ...] | None:
        """The injected libraries of a process; None when it cannot be told.

        folder -- a descriptor of /proc/PID; exe -- where its exe link points, as maps writes it
        code -- from parse_code_files()
        requests -- what its LD_PRELOAD and LD_AUDIT name
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
            if not program.loads_libraries:
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
        unexplained = False
        for request in [*requests, *self.preload_file_of(folder, namespace)]:
            paths = _mapped_as(request, code, folder)
            found.update(dict.fromkeys(paths))
            unexplained = unexplained or not paths
        certain = True
        if program is None:
            certain = environment_is_whole and not unexplained
        elif program.loads_libraries:
            if unexplained or not environment_is_whole or not found:
                certain = self._look_closely(folder, program, code, found)
        elif not environment_is_whole:
            certain = len({path for _, path in code}) <= 1
        names = [path for path in found if not (namespace == self._here and path == self._ours)]
        if not names and not certain:
            return None
        return tuple(decode(unescape_path(path)) for path in names)

    def _look_closely(
        self,
        folder: int,
        program: Program,
        code: Sequence[tuple[bytes, bytes]],
        found: dict[bytes, None],
    ) -> bool:
        """Add to found what the loader's list shows. Returns whether it could be told."""
        try:
            early = loaded_before(loader_lists(folder, program), program)
        except (DamagedError, PermissionError):
            return False
        for name in early or ():
            paths = _mapped_as(name, code, folder) or (name,)
            found.update(dict.fromkeys(paths))
        return early is not None
