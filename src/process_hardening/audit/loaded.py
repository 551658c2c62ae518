"""Which of a process's libraries its program, or what that needs, asked for. Pure."""

from __future__ import annotations

import os

from process_hardening.elf import Image, expand_origin
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import TypeAlias

    from process_hardening.audit.loader_lists import Lists, Start

    File: TypeAlias = tuple[bytes, bytes]  # device and inode, path

# Where distributions keep their libraries. If the program names no directory of its own, a library
# from any other place could be anything.
_TRUSTED = (b"/usr/", b"/lib", b"/nix/store/", b"/gnu/store/", b"/system/", b"/apex/")


_NAMELESS = b"(no name)"  # a library that hides its name and its file


class LinkedProgram(Record):
    """A program, the base names of the libraries that it needs, and the folders that it names.

    folders -- each with a slash at the end; base -- as in loader_lists.read_lists()
    is_alone -- whether the kernel mapped it, and it loads no library
    """

    image: Image
    needed: frozenset[bytes]
    folders: tuple[bytes, ...] = ()
    base: int | None = None
    is_alone: bool = False


def link_program(image: Image, base: int | None = None, is_alone: bool = False) -> LinkedProgram:
    """Return the program that has this image."""
    here = os.path.dirname(image.path)
    folders = (expand_origin(folder, here) for folder in (*image.rpath, *image.runpath))
    return LinkedProgram(
        image=image,
        base=base,
        needed=frozenset(os.path.basename(os.fsencode(name)) for name in image.needed),
        folders=tuple(
            os.fsencode(os.path.normpath(folder)) + b"/"
            for folder in folders
            if folder.startswith("/")
        ),
        is_alone=is_alone,
    )


def _is_loader(path: bytes) -> bool:
    return os.path.basename(path).startswith((b"ld-", b"ld.so", b"ld64.", b"linker"))


def _name_in(names: Collection[bytes], path: bytes) -> bytes | None:
    """Return the name under which a library is needed; None if it is not.

    It may be needed as libz.so.1, while maps shows the target of that link: libz.so.1.3.
    """
    name = os.path.basename(path)
    while name not in names and b".so." in name:
        name = name.rpartition(b".")[0]
    return name if name in names else None


def _find_place(path: bytes, program: LinkedProgram, name: bytes = b"") -> bytes | None:
    """Return the path under which the system or the program keeps a library; None: elsewhere.

    path -- as in maps; name -- the loader's name for it, which leads to path through a link

    An injected library can change its name, so it has to be the file that is found there.
    """
    if path.startswith((*_TRUSTED, *program.folders)):
        return path
    place = os.path.normpath(name)
    if place.startswith(program.folders) or name == os.fsencode(program.image.interpreter or ""):
        return place
    return None


def is_of_system(path: bytes, program: LinkedProgram) -> bool:
    """Return whether only the system vouches for a library, so that it has to belong to root."""
    return path.startswith(_TRUSTED) and not path.startswith(program.folders)


class Explanation(Record):
    """Which of the loaded libraries the program, or what it needs, asked for.

    early -- the paths of those that were loaded earlier, without being asked for
    explained -- the addresses of the others, and the path under which each has to be found
    is_certain -- whether no other library was injected
    """

    early: tuple[bytes, ...]
    explained: tuple[tuple[int, bytes], ...]
    is_certain: bool


def explain_libraries(
    found: tuple[Lists, Start],
    program: LinkedProgram,
    places: Mapping[int, bytes],
    kernel_library: range = range(0),
    requested: Collection[bytes] = (),
) -> Explanation:
    """Find out who asked for the libraries that a process loaded before its program began.

    found -- from loader_lists.read_lists()
    places -- the path in maps of each address
    kernel_library -- the addresses of the kernel's library (vdso(7)), which is no file; a library
        can take its name
    requested -- paths of libraries that are known to be injected
    """
    lists, start = found
    wanted = set(program.needed)
    loader = os.fsencode(program.image.interpreter or "")
    early: list[bytes] = []
    kept: list[tuple[int, bytes, bytes]] = []
    pending: list[tuple[int, bytes, bytes]] = []
    border = None
    for number, needed in start:
        address, name = lists[0][number]
        if number == 0:
            continue
        if address in kernel_library:
            kernel_library = range(0)  # there is only one
            continue
        path = places.get(address, name) or _NAMELESS
        is_wanted = os.path.basename(name) in wanted or _name_in(wanted, path)
        if is_wanted or name == loader:
            border = border or address
            kept.append((address, path, name))
            # What is searched before a needed library was not loaded by one.
            early += [path for _, path, _ in pending]
            pending.clear()
        elif path not in requested:
            pending.append((address, path, name))
            continue
        wanted.update(needed)
    # The rest was loaded by the program itself, or injected behind all that it needs.
    kept += pending
    for namespace in lists[1:]:
        # Each audit library has its own namespace, like all that dlmopen(3) loads. It is mapped
        # before the program's libraries, so it is above them, unless it chose its address.
        for number, (address, name) in enumerate(namespace):
            path = places.get(address, name)
            is_above = number == 0 and border is not None and address > border
            if is_above and not _find_place(path, program, name):
                early.append(path)
            elif path not in requested:
                kept.append((address, path, name))
    explained = tuple(
        (address, place)
        for address, path, name in kept
        if (place := _find_place(path, program, name))
    )
    return Explanation(
        early=tuple(early),
        explained=explained,
        is_certain=len(explained) == len(kept) and (border is not None or not program.needed),
    )


def find_first_libraries(
    code: Sequence[File], exe: bytes, program: LinkedProgram
) -> list[File] | None:
    """Return the libraries that were mapped first, down to the last that the program needs.

    code -- from parse_code_files(), without the libraries that are known to be injected
    exe -- the path of the program; a stand-in maps it above its loader

    The kernel maps downwards: the loader is on top, and the first library that it loaded is below
    it. None: anything else is there, so the process needs a closer look.
    """
    libraries = [file for file in reversed(code) if file[1] != exe]
    if not libraries or not _is_loader(libraries.pop(0)[1]):
        return None
    if libraries and not (
        _name_in(program.needed, libraries[0][1]) and _find_place(libraries[0][1], program)
    ):
        return None
    left = {name for name in program.needed if not _is_loader(name)}
    first: list[File] = []
    for file in libraries:
        if not left:
            break
        if not _find_place(file[1], program):
            return None
        first.append(file)
        left.discard(_name_in(left, file[1]) or b"")
    return first
