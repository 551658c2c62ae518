"""Runtimes that disclose their memory to any process of their user, hardened or not.

They do so themselves, on a signal or to anyone who connects, so no kernel mechanism can prevent it.
Most have a switch that disables it. `audit` finds processes that run without the switch, and
`verify` runs the attack.
"""

from __future__ import annotations

import re

from process_hardening.record import Record

_SIGUSR1 = 10  # signal(7): on every architecture that we support


class Runtime(Record):
    """A runtime, how it discloses its memory, and how to disable that.

    name -- its display name; programs -- the base names of its program
    signal -- the signal that triggers the disclosure, if it is caught and not blocked; None: no
        signal is needed
    opens -- what another process of the user can do, in one line
    options -- the options that together disable the disclosure in every version, as the first
        arguments; () if there are none
    before -- if there are none: what to put before `harden` to disable the disclosure
    variable -- the entry of the environment that disables it; '' if there is none
    others -- other options that each disable the disclosure, but do not exist in every version
    undone_by -- a pattern of the beginnings of options that may undo the options before them
    opened_by -- a pattern of the beginnings of options that disclose the memory in another way, or
        name a file of options, which may
    last_option -- the option behind which no word is an option; '' if there is none
    variables, last_variables -- the names of environment variables whose words are options before
        and after its arguments
    starters -- the names of other programs that execute the runtime
    loaders -- the names of other programs that load it as a library and pass their options to it
    source -- where the facts come from; all were tested
    """

    name: str
    programs: tuple[str, ...]
    signal: int | None
    opens: str
    options: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    variable: str = ""
    others: tuple[str, ...] = ()
    undone_by: str | None = None
    opened_by: str | None = None
    last_option: str = ""
    variables: tuple[str, ...] = ()
    last_variables: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()
    source: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that start the runtime, the usual one first."""
        return (*self.starters, *self.programs)

    @property
    def closing(self) -> str:
        """What disables the disclosure: a variable, options, or the words before `harden`."""
        return self.variable or " ".join(self.options or self.before)

    def has_options_of(self, program: str) -> bool:
        """Return whether a program takes the options of the runtime, by the name of its file."""
        return runtime_of(program) is self or program in self.loaders


_OPENS_INSPECTOR = "SIGUSR1 starts its inspector on 127.0.0.1:9229, which runs code for any client"
_BLOCK_SIGUSR1 = ("env", "--block-signal=USR1")  # env(1) since coreutils 8.31; kept by execve(2)

RUNTIMES = (
    Runtime(
        name="Node.js",
        programs=("node", "nodejs"),
        signal=_SIGUSR1,
        opens=_OPENS_INSPECTOR,
        options=("--inspect-port=192.0.2.1:9229",),  # no host has that address: RFC 5737
        others=("--disable-sigusr1",),  # Node.js before 22.14 does not start with it
        # All that can set the address or start the inspector. Node.js takes _ for - in options.
        undone_by=r"--(?:inspect|debug[-_]port|no[-_]disable[-_]sigusr1)",
        # A signal, or a fatal error that prlimit(2) causes, makes it write a file. The files can
        # contain such options; Node.js takes no _ in the options that name them.
        opened_by=r"--(?:report[-_]on[-_](?:signal|fatalerror)|heapsnapshot[-_]signal"
        r"|env-file|(?:experimental-(?:default-)?)?config-file)",
        variables=("NODE_OPTIONS",),
        source="Node.js, Command-line API: --inspect-port, --report-on-signal,"
        " --heapsnapshot-signal, --env-file, --experimental-config-file; Process: Signal events;"
        " tried with 12 to 26",
    ),
    Runtime(
        name="Deno",
        programs=("deno",),
        signal=_SIGUSR1,
        opens=_OPENS_INSPECTOR,
        before=_BLOCK_SIGUSR1,
        opened_by="--inspect",
        source="Deno 2.9.2, Debugging: Sending SIGUSR1, --inspect",
    ),
    Runtime(
        name="the JVM",
        programs=("java",),
        signal=None,
        opens="a file /tmp/.attach_pidPID and SIGQUIT open its attach socket, which dumps the heap"
        " and loads libraries, and SIGSEGV makes it write text from the heap to hs_err_pidPID.log"
        " and replay_pidPID.log",
        options=(
            "-XX:+DisableAttachMechanism",
            "-XX:ErrorFile=/dev/null",
            "-XX:-DumpReplayDataOnError",
        ),
        undone_by=r"-XX:-DisableAttachMechanism|-XX:ErrorFile=|-XX:\+DumpReplayDataOnError",
        # A debugger; JMX, also on a port that only its user's files name; the Flight Recorder,
        # which writes the environment to a file; files of options. The flags of a -XX:Flags file
        # start none of these, and every option overrides them.
        opened_by=r"-agentlib:jdwp|-agentpath:.*jdwp|-Xrunjdwp"
        r"|-Dcom\.sun\.management\.(?:jmxremote|config\.file)"
        r"|-XX:StartFlightRecording|-XX:VMOptionsFile=|@",
        variables=("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"),
        last_variables=("_JAVA_OPTIONS",),
        loaders=("jsvc", "jsvc.exec"),  # it starts itself again under the second name
        source="jsvc(1); java(1) -XX:+DisableAttachMechanism, -XX:ErrorFile,"
        " -XX:+DumpReplayDataOnError, -XX:StartFlightRecording, -XX:VMOptionsFile; OpenJDK,"
        " attachListener_posix.cpp, vmError.cpp, arguments.cpp",
    ),
    Runtime(
        name="Erlang",
        programs=("beam.smp",),
        signal=None,
        opens="SIGUSR1, or a limit that prlimit(2) sets, makes it write the memory of its processes"
        " to erl_crash.dump and exit",
        before=("env", "ERL_CRASH_DUMP_SECONDS=0"),
        variable="ERL_CRASH_DUMP_SECONDS=0",
        # Distribution: whoever can read ~/.erlang.cookie calls any function. erl also passes on
        # what ERL_FLAGS, ERL_AFLAGS and ERL_ZFLAGS contain.
        opened_by=r"-s?name$",
        last_option="-extra",
        starters=("erl", "elixir", "iex"),
        source="erl(1) ERL_CRASH_DUMP_SECONDS, -sname, -name, -extra; erl_signal_handler.erl",
    ),
)

_BY_PROGRAM = {program: runtime for runtime in RUNTIMES for program in runtime.programs}

# What distributions append: node22, node-22, nodejs-22.4.0, java-17-openjdk; shows_its_memory() in
# native/launch/explain.c does the same.
_VERSION = re.compile(r"[-_.]?v?[0-9][0-9.]*(?:[-_+~].*)?", re.ASCII | re.DOTALL)

_BY_LIBRARY = {"libnode.so": "Node.js", "libjvm.so": "the JVM", "libj9vm": "the JVM"}
_BY_SYMBOL = {
    b"node_module_register": "Node.js",  # node.h: add-ons need it; Electron has it too
    b"JLI_Launch": "the JVM",  # only java(1) and similar tools need it: OpenJDK, java.h
}

SYMBOLS = tuple(_BY_SYMBOL)
"""The symbols for runtime_of_symbol(): a program that names one takes the runtime's options."""


def runtime_named(name: str) -> Runtime | None:
    """Return the runtime with a display name."""
    return next((runtime for runtime in RUNTIMES if runtime.name == name), None)


def runtime_of(program: str) -> Runtime | None:
    """Return the runtime of a program, by the name of its file, with or without a version."""
    return next((one for name, one in _BY_PROGRAM.items() if is_called(program, name)), None)


def is_called(program: str, name: str) -> bool:
    """Return whether the file of a program has this name, with or without a version."""
    return program == name or (
        program.startswith(name) and _VERSION.fullmatch(program, len(name)) is not None
    )


def runtime_of_library(name: str) -> Runtime | None:
    """Return the runtime that is in a library, by the name of its file."""
    for start, runtime in _BY_LIBRARY.items():
        if name.startswith(start):
            return runtime_named(runtime)
    return None


def runtime_of_symbol(symbol: bytes) -> Runtime | None:
    """Return the runtime whose program names a symbol."""
    return runtime_named(_BY_SYMBOL.get(symbol, ""))


def is_open(
    runtime: Runtime,
    options: tuple[str, ...],
    caught: int,
    blocked: int,
    has_variable: bool | None = False,
) -> bool | None:
    """Return whether a process seems to disclose its memory: nothing shows that this is disabled.

    options -- the options of the runtime, without values in words of their own
    caught, blocked -- the sets SigCgt and SigBlk of its status
    has_variable -- whether its environment has the runtime's variable; None: unknown

    Returns None if it depends on a variable that is unknown.

    A Node.js program's own listener for the signal prevents the disclosure too, but this is not
    visible from outside.
    """
    if opening_options(runtime, options):
        return True
    if runtime.variable:
        return None if has_variable is None else not has_variable
    if runtime.signal and not caught & ~blocked & 1 << runtime.signal - 1:
        return False
    missing = set(runtime.options)
    for word in reversed(options):  # the last one counts
        missing.discard(word)
        if runtime.options and not missing:
            return False
        if word not in runtime.options and _may_undo(runtime, word):
            return True
    return not any(word in options for word in runtime.others)


def opening_options(runtime: Runtime, options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options that disclose the memory whatever disables the usual way."""
    pattern = runtime.opened_by
    if pattern is None:
        return ()
    end = options.index(runtime.last_option) if runtime.last_option in options else len(options)
    return tuple(word for word in options[:end] if re.match(pattern, word))


def has_undoing_option(runtime: Runtime, options: tuple[str, ...]) -> bool:
    """Return whether an option may undo those that disable the disclosure, if these are first."""
    return any(word not in runtime.options and _may_undo(runtime, word) for word in options)


def _may_undo(runtime: Runtime, word: str) -> bool:
    return runtime.undone_by is not None and re.match(runtime.undone_by, word) is not None


def close(
    runtime: Runtime, command: tuple[str, ...], leading: int = 0
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to put before `harden`, and the command to run, so that nothing is disclosed.

    leading -- how many arguments stay before the options
    """
    start, rest = command[: leading + 1], command[leading + 1 :]
    return runtime.before, (*start, *runtime.options, *rest)
