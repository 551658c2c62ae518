"""Runtimes that disclose their memory to any process of their user, hardened or not.

They do so by themselves, at a signal or to whoever connects, so no kernel mechanism keeps others
out. Each has a switch. `audit` finds the processes in which it is not set, `verify` tries it.
"""

from __future__ import annotations

from process_hardening.record import Record

_SIGUSR1 = 10  # signal(7): on every architecture that we have


class Runtime(Record):
    """A runtime, what opens it and what closes it.

    name -- for people; programs -- the base names of its program
    signal -- the signal that opens it, unless it is not caught, or blocked; None: it needs none
    opens -- what another process of the user does, and gets, in one line
    option -- what closes it, as its first argument; '' where it has none
    before -- the words before `harden` that close it, where it has no option
    others -- other options that close it
    hint -- for versions that do not know the option
    starters -- the names of other programs that become it
    source -- where the facts come from; all were tried
    """

    name: str
    programs: tuple[str, ...]
    signal: int | None
    opens: str
    option: str = ""
    before: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    hint: str = ""
    starters: tuple[str, ...] = ()
    source: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The names by which people start it, the usual one first."""
        return (*self.starters, *self.programs)


_OPENS_INSPECTOR = (
    "SIGUSR1 starts its inspector on 127.0.0.1:9229, which runs code for whoever asks"
)
_BLOCK_SIGUSR1 = ("env", "--block-signal=USR1")  # env(1) of coreutils 8.31; inherited by execve(2)

RUNTIMES = (
    Runtime(
        name="Node.js",
        programs=("node", "nodejs"),
        signal=_SIGUSR1,
        opens=_OPENS_INSPECTOR,
        option="--disable-sigusr1",
        others=("--inspect-port=192.0.2.1:9229",),  # no host has that address: RFC 5737
        hint="Node before 22.14 has no --disable-sigusr1: use --inspect-port=192.0.2.1:9229, an"
        " address that no host has.",
        source="Node.js, Command-line API: --disable-sigusr1; Process: Signal events",
    ),
    Runtime(
        name="Deno",
        programs=("deno",),
        signal=_SIGUSR1,
        opens=_OPENS_INSPECTOR,
        before=_BLOCK_SIGUSR1,
        source="Deno 2.9.2, Debugging: Sending SIGUSR1",
    ),
    Runtime(
        name="the JVM",
        programs=("java",),
        signal=None,
        opens="a file /tmp/.attach_pidPID and SIGQUIT open its attach socket, which dumps the heap"
        " and loads libraries",
        option="-XX:+DisableAttachMechanism",
        source="java(1) -XX:+DisableAttachMechanism; OpenJDK, attachListener_posix.cpp",
    ),
    Runtime(
        name="Erlang",
        programs=("beam.smp",),
        signal=_SIGUSR1,
        opens="SIGUSR1 writes erl_crash.dump, with the memory of its processes, and ends it",
        before=_BLOCK_SIGUSR1,
        starters=("erl", "elixir", "iex"),
        source="erl(1) ERL_CRASH_DUMP_SECONDS; erl_signal_handler.erl",
    ),
)

_BY_PROGRAM = {program: runtime for runtime in RUNTIMES for program in runtime.programs}


def runtime_of(program: str) -> Runtime | None:
    """The runtime that a program is, by the name of its file."""
    return _BY_PROGRAM.get(program)


def is_open(runtime: Runtime, options: tuple[str, ...], caught: int, blocked: int) -> bool:
    """Whether nothing shows that it is closed.

    options -- its arguments before the program that it runs, which are for the runtime
    caught, blocked -- the sets SigCgt and SigBlk of its status

    A listener of the program's own for the signal closes Node.js too, but looks the same.
    """
    if runtime.signal and not caught & ~blocked & 1 << runtime.signal - 1:
        return False
    return not any(word in options for word in (runtime.option, *runtime.others) if word)


def close(runtime: Runtime, command: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words before `harden`, and the command, that start it closed. command -- an open one."""
    option = (runtime.option,) if runtime.option else ()
    return runtime.before, (*command[:1], *option, *command[1:])
