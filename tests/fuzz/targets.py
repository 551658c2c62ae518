"""What is fuzzed in Python: functions that take any bytes and check what came of them.

test_parsers.py gives them the corpus in corpus/NAME and what hypothesis makes of it; `make fuzz`,
what atheris finds by the coverage (under_atheris.py).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from fuzz.one_process import OneProcess, is_evidently_hardened, split_parts
from process_hardening.audit import host, loaded, loader_lists, procfs, saved
from process_hardening.audit.core_dumps import PIPE, SOCKET, core_rules_of
from process_hardening.audit.entries import make_entries
from process_hardening.audit.render.json import process_as_dict, readable
from process_hardening.cli import run
from process_hardening.elf import DamagedElfError, Image, read_image
from process_hardening.errors import CommandError
from process_hardening.secret_names import (
    HARMLESS_NAMES,
    has_password,
    is_secret_name,
    is_secret_variable,
    secret_arguments,
)
from process_hardening.state import HARDENED
from process_hardening.terminal import printable

CORPUS = Path(__file__).with_name("corpus")
KERNEL = (6, 18)


def read_seeds(name: str) -> list[bytes]:
    """Return the corpus of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def read_seed(name: str) -> bytes:
    """Return the real file in the corpus of a target."""
    return (CORPUS / name / "real").read_bytes()


def parse_elf(data: bytes) -> Image | None:
    """Return what read_image() reads from a file with these bytes."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        return read_image(fd, "/fuzz")
    finally:
        os.close(fd)


def parse_status(data: bytes) -> None:
    """Both readers of /proc/PID/status agree, and a name can be shown anywhere."""
    name = procfs.parse_name(data)
    assert all(character.isprintable() for character in printable(name))
    readable(name).encode("utf-8")
    fields = procfs.parse_status(data)
    assert all(b":" in line for line in data.removesuffix(b"\n").split(b"\n"))
    asked = procfs.parse_asked(data)
    known = procfs.parse_asked(read_seed("status"))
    assert asked == {label: fields[label] for label in known if label in fields}
    for label in ("Uid", "TracerPid", "PPid", "Threads"):
        procfs.parse_number(fields, label)
        procfs.parse_numbers(fields, label)
    procfs.parse_bits(fields, "CapEff")


def parse_environ(data: bytes) -> None:
    """No byte of an environment is lost, and one that was overwritten is not called whole."""
    entries, is_whole = procfs.split_environ(data)
    assert b"\0".join(entries) == data.removesuffix(b"\0")
    assert is_whole == (data.endswith(b"\0") and all(b"=" in entry for entry in entries))


def parse_maps(data: bytes) -> None:
    """Every path is the end of a line of its own."""
    lines = set(data.split(b"\n"))
    for _, path in procfs.parse_code_files(data):
        assert path.startswith(b"/")
        assert any(line.endswith(path) for line in lines)


def parse_program(data: bytes) -> None:
    """A file is a program, damaged, or no ELF file; the last by its first bytes alone."""
    with contextlib.suppress(DamagedElfError):
        assert (parse_elf(data) is None) == (not data.startswith(b"\x7fELF"))


def parse_core_pattern(data: bytes) -> None:
    """A pattern always has a kind, by its first character."""
    pattern = procfs.decode(data)
    rules = core_rules_of(pattern, False, KERNEL)
    assert rules.kind is not None
    assert (rules.kind == SOCKET) == pattern.startswith("@")
    assert rules.kind != PIPE or pattern.startswith("|")


def parse_host(data: bytes) -> None:
    """A host whose files hold these bytes can be read."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("proc/swaps", "proc/self/mountinfo", "etc/group", "etc/ld.so.preload"):
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        host.read_host(folder, try_exit_race=False)


_NO_HOST = host.Host(name="", kernel="")


@functools.cache
def make_process() -> OneProcess:
    """Return the folder that stands for /proc, the same for all inputs."""
    return OneProcess()


def read_process(data: bytes) -> None:
    """A process is hardened only if everything says so, and whatever it is can be shown."""
    parts = split_parts(data)
    process = make_process()
    posture = process.read(parts)
    if posture is None:
        return
    assert posture.verdict != HARDENED or is_evidently_hardened(parts, process.owner)
    for entry in make_entries([posture], _NO_HOST, str):
        json.dumps(process_as_dict(entry), ensure_ascii=False).encode()


def read_loader_list(data: bytes) -> None:
    """The list in a hostile process's memory is read, or called unreadable."""
    program = loaded.link_program(Image(machine=62, bits=64))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "auxv").write_bytes(bytes(16))
        (Path(folder) / "mem").write_bytes(data)
        with contextlib.suppress(loader_lists.UnreadableListError):
            found = loader_lists.read_lists(folder, bits=64, entry=0, dynamic=0)
            loaded.explain_libraries(found, program, {})


def parse_command_line(data: bytes) -> None:
    """Options of `run` are parsed or refused; written again they mean the same."""
    try:
        options = run.parse([procfs.decode(word) for word in data.split(b"\n")])
    except CommandError:
        return
    again: list[str] = []
    for (name, *_), destination, metavar, _ in run.OPTIONS:
        value = getattr(options, destination)
        if metavar is None:
            again += [name] * value
        elif destination != "module":
            values = value if isinstance(value, list) else [value] if value else []
            again += [f"{name}={one}" for one in values]
    again += [f"-m{options.module}"] if options.module else []
    again += ["--"] if options.command and not (options.module or options.only_prints) else []
    assert vars(run.parse([*again, *options.command])) == vars(options)


def judge_variable(data: bytes) -> None:
    """A variable is judged by its name, whatever the case, and by a password in its value."""
    name, _, value = procfs.decode(data).partition("=")
    if is_secret_name(name):
        assert is_secret_name(name.upper()) or name.upper() in HARMLESS_NAMES
    if is_secret_variable(name, value) and not is_secret_name(name):
        assert has_password(value.encode("utf-8", "surrogateescape"))
        assert re.search("://.*:.*@", value)


def read_baseline(data: bytes) -> object:
    """Read the JSON of an audit, for --compare and for --baseline."""
    document = json.loads(data)
    with contextlib.suppress(ValueError):
        saved.read_saved(document)
    return saved.read_known(document)


TARGETS: dict[str, Callable[[bytes], object]] = {
    "status": parse_status,
    "limits": procfs.parse_core_limit,
    "environ": parse_environ,
    "maps": parse_maps,
    "auxv": lambda data: [procfs.parse_auxv(data, bits) for bits in (32, 64)],
    "elf": parse_program,
    "uid_map": procfs.parse_id_map,
    "core_pattern": parse_core_pattern,
    "cmdline": lambda data: secret_arguments(data.split(b"\0")),
    "baseline": read_baseline,
    "swaps": parse_host,
    "process": read_process,
    "loader_list": read_loader_list,
    "command_line": parse_command_line,
    "variable": judge_variable,
}

REFUSING = {"status", "limits", "uid_map", "baseline"}
"""Those that raise ValueError for what the kernel cannot write; the others take any bytes."""


def try_target(name: str, data: bytes) -> None:
    """Give bytes to a target: the only error may be the documented one."""
    try:
        TARGETS[name](data)
    except ValueError:
        assert name in REFUSING
