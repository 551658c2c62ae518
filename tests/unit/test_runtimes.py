"""Runtimes that open themselves: when one is open, and the command that starts it closed."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from process_hardening import _native
from process_hardening.elf import DamagedElfError, exports
from process_hardening.runtimes import (
    RUNTIMES,
    Runtime,
    close,
    is_open,
    runtime_of,
    runtime_of_library,
)

CLOSED_JVM = (
    "-XX:+DisableAttachMechanism",
    "-XX:ErrorFile=/dev/null",
    "-XX:-DumpReplayDataOnError",
)
USR1 = 1 << signal.SIGUSR1 - 1
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "harden.md"


@pytest.mark.parametrize(
    ("program", "options", "caught", "blocked", "expected"),
    [
        ("node", (), USR1, 0, True),
        ("node", (), 0, 0, False),
        ("node", ("--disable-sigusr1",), USR1, 0, False),
        ("nodejs", ("--inspect-port=192.0.2.1:9229",), USR1, 0, False),
        ("nodejs", ("--inspect-port=9230",), USR1, 0, True),
        *(
            ("node", (*before, "--inspect-port=192.0.2.1:9229", *after), USR1, 0, bool(after))
            for option in (
                "--inspect-port=127.0.0.1:9229",
                "--inspect-port",
                "--inspect_port=127.0.0.1:9229",
                "--debug-port=127.0.0.1:9229",
                "--inspect=127.0.0.1:9229",
                "--inspect-brk=127.0.0.1:9229",
            )
            for before, after in (((option,), ()), ((), (option,)))
        ),
        ("node", ("--inspect", "--disable-sigusr1"), USR1, 0, True),
        ("node", ("--disable-sigusr1", "--no-disable-sigusr1"), USR1, 0, True),
        ("deno", ("run",), USR1, USR1, False),
        ("deno", ("run", "--inspect=127.0.0.1:9229"), USR1, USR1, True),
        ("java", ("-Xrs",), 0, 0, True),
        ("java", ("-Xmx9m", *CLOSED_JVM), 0, 0, False),
        ("java", CLOSED_JVM[:1], 0, 0, True),
        ("java", CLOSED_JVM[1:], 0, 0, True),
        ("java", (*CLOSED_JVM, "-XX:-DisableAttachMechanism"), 0, 0, True),
        ("java", ("-XX:-DisableAttachMechanism", *CLOSED_JVM), 0, 0, False),
        ("java", CLOSED_JVM[:2], 0, 0, True),
        ("java", (*CLOSED_JVM, "-XX:+DumpReplayDataOnError"), 0, 0, True),
        ("java", (*CLOSED_JVM, "-XX:ErrorFile=x"), 0, 0, True),
        ("java", ("-XX:ErrorFile=x", *CLOSED_JVM), 0, 0, False),
        ("java", (*CLOSED_JVM, "-XX:VMOptionsFile=x"), 0, 0, True),
        ("java", (*CLOSED_JVM, "@x"), 0, 0, True),
        ("java", ("-agentlib:jdwp=transport=dt_socket", *CLOSED_JVM), 0, 0, True),
        ("java", (*CLOSED_JVM, "-Dcom.sun.management.jmxremote.port=9"), 0, 0, True),
        ("java", ("-XX:VMOptionsFile=x", *CLOSED_JVM), 0, 0, True),
        ("java", ("-XX:Flags=x", *CLOSED_JVM, "-XX:Flags=x"), 0, 0, False),
        ("java", ("-XX:FlightRecorderOptions=stackdepth=9", *CLOSED_JVM), 0, 0, False),
        ("node", ("--report-on-signal", "--inspect-port=192.0.2.1:9229"), USR1, 0, True),
        ("node", ("--inspect-port=192.0.2.1:9229", "--heapsnapshot_signal=SIGUSR2"), 0, 0, True),
        ("beam.smp", (), USR1, USR1, True),
    ],
)
def test_a_runtime_is_open_unless_its_options_or_signals_close_it(
    program: str, options: tuple[str, ...], caught: int, blocked: int, expected: bool
) -> None:
    runtime = runtime_of(program)
    assert runtime is not None
    assert is_open(runtime, options, caught, blocked) is expected


@pytest.mark.parametrize(("has_variable", "expected"), [(True, False), (False, True), (None, None)])
def test_a_runtime_that_a_variable_closes_is_unknown_if_the_environment_is_hidden(
    has_variable: bool | None, expected: bool | None
) -> None:
    runtime = runtime_of("beam.smp")
    assert runtime is not None
    assert is_open(runtime, (), USR1, USR1, has_variable) is expected


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_the_words_that_close_a_runtime_are_documented(runtime: Runtime) -> None:
    before, command = close(runtime, (runtime.programs[0], "x"))
    words = (*before, *command[1:-1], *runtime.others)
    assert words
    assert [word for word in words if word not in DOCUMENT.read_text()] == []


@pytest.mark.parametrize(
    ("program", "name"),
    [
        *((program, one.name) for one in RUNTIMES for program in one.programs),
        *((program, "Node.js") for program in ("node22", "node-22", "nodejs-22.4.0", "node-v18.2")),
        *((program, "the JVM") for program in ("java17", "java-17-openjdk", "java_21")),
    ],
)
def test_a_runtime_is_recognized_by_the_names_that_distributions_give_it(
    program: str, name: str
) -> None:
    runtime = runtime_of(program)
    assert runtime is not None
    assert runtime.name == name


@pytest.mark.parametrize(
    "program",
    ["python3", "node_exporter", "node-exporter", "nodemon", "node2vec", "javac", "java2html", ""],
)
def test_a_program_of_another_kind_is_no_such_runtime(program: str) -> None:
    assert runtime_of(program) is None


@pytest.mark.parametrize(
    ("library", "name"),
    [("libjvm.so", "the JVM"), ("libnode.so.115", "Node.js"), ("libc.so.6", None)],
)
def test_a_runtime_is_recognized_by_its_library(library: str, name: str | None) -> None:
    runtime = runtime_of_library(library)
    assert (runtime and runtime.name) == name


def test_the_symbols_that_a_program_exports_are_found() -> None:
    """In any ELF file: here, in our own extension."""
    with open(str(_native.__file__), "rb") as file:
        found = exports(file.fileno(), (b"no_such_symbol", b"PyInit__process_hardening"))
        missing = exports(file.fileno(), (b"Init__process_hardening", b"PyInit_"))
    assert (found, missing) == (b"PyInit__process_hardening", None)


@pytest.mark.parametrize(("place", "value"), [(4, 0), (4, 3), (5, 0), (5, 3)])
def test_a_program_of_unknown_word_size_or_byte_order_is_damaged(
    tmp_path: Path, place: int, value: int
) -> None:
    """It may export anything: Linux runs it, without a look at these bytes."""
    content = bytearray(Path(str(_native.__file__)).read_bytes())
    content[place] = value
    damaged = tmp_path / "program"
    damaged.write_bytes(content)
    with damaged.open("rb") as file, pytest.raises(DamagedElfError, match="unknown byte order"):
        exports(file.fileno(), (b"PyInit__process_hardening",))


def test_a_damaged_program_exports_nothing(tmp_path: Path) -> None:
    """It raises an error, whatever is missing."""
    whole = Path(str(_native.__file__)).read_bytes()
    damaged = tmp_path / "program"
    for length in (0, 5, 64, 1000, len(whole) // 2):
        damaged.write_bytes(whole[:length])
        with damaged.open("rb") as file, suppress(DamagedElfError):
            assert exports(file.fileno(), (b"PyInit__process_hardening",)) in {
                None,
                b"PyInit__process_hardening",
            }
