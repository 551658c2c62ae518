"""The command line as data, for the other modules to render.

It is read from the argparse parser, and for `run` from its own table of options.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from process_hardening.audit.rules.tables import RULES
from process_hardening.cli import run
from process_hardening.cli.main import make_parser
from process_hardening.verify import VICTIMS, list_attacks

FILE, FOLDER, PROCESS, USER, PROGRAM = "file", "folder", "process", "user", "program"
AUDITED = "audited"  # a process, or `merge` and files
"""What completion can offer for a value, beside a list of words."""

_BY_METAVAR = {"FILE": FILE, "DIR": FOLDER, "PID": PROCESS, "USER": USER}


def _words_of(command: str, name: str) -> tuple[str, ...]:
    """The values that the parser takes as any text and the command looks up."""
    if (command, name) == ("verify", "attack"):
        return tuple(attack.name for attack in list_attacks())
    if (command, name) == ("verify", "victim"):
        return tuple(VICTIMS)
    return tuple(RULES) if (command, name) == ("explain", "ids") else ()


@dataclass(frozen=True)
class Argument:
    """An option, or a positional argument when it has no flags.

    metavar -- what stands for its value; None: it takes none
    kind -- FILE, FOLDER, PROCESS, USER, PROGRAM or "": what the value names
    words -- the values that there are, where they are known
    required -- whether it is a positional argument that cannot be left out
    ends -- whether the command line ends with it (--help, --version)
    """

    flags: tuple[str, ...]
    metavar: str | None
    help: str
    kind: str
    words: tuple[str, ...]
    repeatable: bool
    required: bool
    ends: bool


@dataclass(frozen=True)
class Section:
    """A part of the text below a command's options: items of (term or "", explanation)."""

    title: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Command:
    """A subcommand; the program itself has the name ""."""

    name: str
    help: str
    usages: tuple[str, ...]
    groups: tuple[tuple[str, tuple[Argument, ...]], ...]
    sections: tuple[Section, ...]

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Those of all groups."""
        return tuple(argument for _, group in self.groups for argument in group)

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments with flags."""
        return tuple(argument for argument in self.arguments if argument.flags)

    @property
    def positionals(self) -> tuple[Argument, ...]:
        """The arguments without flags."""
        return tuple(argument for argument in self.arguments if not argument.flags)

    @property
    def exit_statuses(self) -> list[tuple[str, str, str]]:
        """What it exits with: of which command, the status ("" is the program's own), when."""
        found = []
        for section in self.sections:
            if section.title.startswith("exit status"):
                names = re.findall(r"`([^`]+)`", section.title) or [self.name]
                found += [(name, *item) for name in names for item in section.items]
        return found

    @property
    def takes_program(self) -> bool:
        """Whether its last argument is a command line of another program."""
        return any(argument.kind == PROGRAM for argument in self.positionals)


def _argument(command: str, action: argparse.Action, prog: str) -> Argument:
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    kind = PROGRAM if action.nargs == argparse.REMAINDER else _BY_METAVAR.get(metavar, "")
    if (command, action.dest) == ("audit", "pids"):
        kind = AUDITED
    return Argument(
        flags=tuple(action.option_strings),
        metavar=None if action.nargs == 0 else metavar,
        help=(action.help or "") % {**vars(action), "prog": prog},
        kind=kind,
        words=tuple(map(str, action.choices or ())) or _words_of(command, action.dest),
        repeatable=action.nargs == "*" or type(action).__name__ == "_AppendAction",
        required=action.nargs is None and not action.option_strings,
        ends=action.dest in ("help", "version"),
    )


def _usages(parser: argparse.ArgumentParser, arguments: list[Argument]) -> Iterator[str]:
    if parser.usage:
        yield from map(str.strip, parser.usage.splitlines())
        return
    words = [f"{parser.prog} [OPTION...]"]
    for argument in arguments:
        if not argument.flags:
            word = f"{argument.metavar}{'...' if argument.repeatable else ''}"
            words.append(word if argument.required else f"[{word}]")
    yield " ".join(words)


def _sections(epilog: str) -> Iterator[Section]:
    """A block of lines is a paragraph, or a title with a colon and indented lines."""
    for block in epilog.strip().split("\n\n"):
        first, *rest = block.splitlines()
        if not first.endswith(":") or not rest or not all(line.startswith("  ") for line in rest):
            yield Section("", (("", " ".join(block.split())),))
            continue
        items: list[tuple[str, str]] = []
        for line in rest:
            entry = re.fullmatch(r"  (\S+)  +(\S.*)", line)
            if entry or not items:
                items.append((entry[1], entry[2]) if entry else ("", line.strip()))
            else:
                term, text = items[-1]
                items[-1] = (term, f"{text} {line.strip()}")
        yield Section(first[:-1], tuple(items))


def _command(name: str, text: str, parser: argparse.ArgumentParser) -> Command:
    groups = []
    for group in parser._action_groups:
        members = tuple(
            _argument(name, action, parser.prog)
            for action in group._group_actions
            if not isinstance(action, argparse._SubParsersAction)
        )
        if members:
            groups.append((group.title or "", members))
    everything = [argument for _, members in groups for argument in members]
    return Command(
        name,
        text,
        tuple(_usages(parser, everything)),
        tuple(groups),
        tuple(_sections(parser.epilog or "")),
    )


def _run_command() -> Command:
    """The command `run`, which has its own parser."""
    options = tuple(
        Argument(
            flags=names,
            metavar=metavar,
            help=text,
            kind="",
            words=run.METHODS if destination == "method" else (),
            repeatable=isinstance(getattr(run.Options(), destination), list),
            required=False,
            ends=destination == "help",
        )
        for names, destination, metavar, text in run.OPTIONS
    )
    program = Argument(
        flags=(),
        metavar="PROGRAM [ARG...]",
        help="",
        kind=PROGRAM,
        words=(),
        repeatable=False,
        required=True,
        ends=False,
    )
    return Command(
        name="run",
        help=run.HELP,
        usages=tuple(run.usages()),
        groups=(("positional arguments", (program,)), ("options", options)),
        sections=tuple(_sections(run.EPILOG)),
    )


def _as_native(command: Command, name: str) -> Command:
    """A command as the native program of that name takes it: without what Python adds."""
    arguments = tuple(
        replace(a, words=tuple(word for word in a.words if word != run.IN_PROCESS))
        for a in command.arguments
        if not {"-m", "--json"} & {*a.flags}
    )
    return replace(command, name=name, groups=(("", arguments),))


def read_completed_commands() -> list[Command]:
    """What the completions know: also `help` and `harden`.

    The completion of `confine` serves both commands of this name, so it leaves out --json.
    """
    commands = read_commands()
    names = tuple(command.name for command in commands[1:])
    topic = Argument((), "COMMAND", "", "", (*names, "harden"), False, False, False)
    help_of = Command("help", "explain a command", (), (("", (topic,)),), ())
    by_name = {command.name: command for command in commands}
    by_name["confine"] = _as_native(by_name["confine"], "confine")
    return [*by_name.values(), help_of, _as_native(by_name["run"], "harden")]


NATIVE = ("harden", "confine")
"""The commands that are programs of their own."""


def read_commands() -> list[Command]:
    """The program itself first, then its commands in their order."""
    parser = make_parser()
    (subparsers,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    commands = [_command("", parser.description or "", parser)]
    for choice in subparsers._choices_actions:
        if choice.dest == "run":
            commands.append(_run_command())
        else:
            subparser = subparsers.choices[choice.dest]
            commands.append(_command(choice.dest, choice.help or "", subparser))
    return commands
