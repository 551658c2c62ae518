"""process-hardening verify: attack a hardened victim and an unhardened control, and show it."""

from __future__ import annotations

import argparse
import shutil
import sys
from types import SimpleNamespace

from process_hardening.verify.attacks import registry
from process_hardening.verify.lab.launcher import BROKEN_KINDS
from process_hardening.verify.model import BUILT_IN, TOOL, Attack
from process_hardening.errors import CommandError
from process_hardening.output import width_and_colour, write
from process_hardening.verify.render import evidence
from process_hardening.verify.render import html
from process_hardening.verify.render import junit
from process_hardening.verify.render import markdown
from process_hardening.verify.render import text
from process_hardening.verify.render import json as json_reporter
from process_hardening.table import table
from process_hardening.verify.run import (
    VICTIMS,
    Progress,
    Verification,
    verify,
    verify_process,
    verify_program,
)

HELP = "attack hardened victims and an unhardened control on this machine, and show what came of it"
EPILOG = f"""\
An attack counts as blocked only when the same attack got a secret out of the control in the same
run, and both answer afterwards. As root, victims and attackers run as an unprivileged user.

victims:
  {", ".join(VICTIMS)};
  broken on purpose, to see what a failure looks like: {", ".join(BROKEN_KINDS)}

exit status:
  0 every attack that leaked from the control was blocked, but for documented limits (*);
  1 something leaked; 3 inconclusive: nothing leaked from the control, or a victim did not get
  ready or did not answer; 2 usage or internal error; 127 there is no such program
"""

# Option, and what it writes into the file that it names.
_REPORTERS = (("junit", junit.render), ("markdown", markdown.render), ("html", html.render))
_SHORTEST = 8


class InterruptedRunError(CommandError):
    """The user stopped it."""

    exit_code = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--attack", metavar="NAME", action="append", default=[], help="only this attack; repeatable"
    )
    parser.add_argument(
        "--victim", metavar="NAME", action="append", default=[], help="only this victim; repeatable"
    )
    parser.add_argument(
        "--built-in", action="store_true", help="only the attacks that need no tool"
    )
    parser.add_argument("--pid", metavar="PID", help="attack a running process, harmlessly")
    parser.add_argument(
        "--canary",
        metavar="TEXT",
        help="a secret that the program or process holds; - reads it from standard input",
    )
    for name, _ in _REPORTERS:
        parser.add_argument(f"--{name}", metavar="FILE", help=f"write the result as {name} too")
    parser.add_argument(
        "--evidence", metavar="DIR", help="write one dated record of everything into this folder"
    )
    parser.add_argument("--list", action="store_true", help="list the attacks; attack nothing")
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    parser.add_argument(
        "--as-root-without-ptrace",
        action="store_true",
        help="attack as root lacking CAP_SYS_PTRACE, as in a container, not as an ordinary user",
    )
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="-- PROGRAM [ARG...]",
        help="attack this program, started plain and by each method of `run`",
    )


def _chosen(options: argparse.Namespace | SimpleNamespace) -> tuple[Attack, ...]:
    if options.attack:
        return registry.by_name(options.attack)
    return registry.attacks((BUILT_IN,) if options.built_in else (BUILT_IN, TOOL))


def _list(attacks: tuple[Attack, ...], as_json: bool) -> None:
    if as_json:
        write(json_reporter.render_list(attacks))
        return
    rows = [
        (attack.name, attack.kind, attack.summary, attack.needs() or "yes") for attack in attacks
    ]
    width, _ = width_and_colour()
    write(table(("attack", "kind", "what it does", "possible here"), rows, width))


def _show_progress(progress: Progress) -> None:
    line = f"[{progress.done}/{progress.total}] {progress.attack}: {progress.victim}"
    columns = shutil.get_terminal_size().columns
    sys.stderr.write(f"\r\x1b[K{line[: columns - 1]}")
    sys.stderr.flush()


def _verify(
    options: argparse.Namespace | SimpleNamespace, attacks: tuple[Attack, ...]
) -> Verification:
    watched = sys.stderr is not None and sys.stderr.isatty()
    progress = _show_progress if watched else None
    as_root = options.as_root_without_ptrace
    program = options.program[options.program[:1] == ["--"] :]
    if options.victim and (program or options.pid is not None):
        raise CommandError("--victim is for victims of ours, not for a program or a process")
    if program and options.pid is not None:
        raise CommandError("name a program or a process, not both")
    if options.canary is not None and not program and options.pid is None:
        raise CommandError("--canary is for a program or a process that holds it")
    canary = _canary(options.canary)
    try:
        if program:
            return verify_program(program, attacks, canary, as_root, progress)
        if options.pid is not None:
            return verify_process(_pid(options.pid), attacks, canary, as_root, progress)
        return verify(attacks, options.victim or VICTIMS, as_root, progress)
    except KeyboardInterrupt:
        raise InterruptedRunError("stopped; nothing is left running") from None
    finally:
        if watched:
            sys.stderr.write("\r\x1b[K")


def _pid(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise CommandError(f"{text!r} is no process id: give a number, as ps prints it")
    return int(text)


def _canary(given: str | None) -> str | None:
    """The text to look for; from standard input for '-', as arguments are no secret."""
    if given == "-":
        given = sys.stdin.readline().rstrip("\n") if sys.stdin else ""
    if given is not None and len(given) < _SHORTEST:
        raise CommandError(f"--canary: shorter than {_SHORTEST} characters, it may be anywhere")
    return given


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Attack and print; returns 0 blocked, 1 leaked, 3 inconclusive."""
    attacks = _chosen(options)
    if options.list:
        _list(attacks, options.json)
        return 0
    wanted = [(render, getattr(options, name)) for name, render in _REPORTERS]
    files = [(render, path) for render, path in wanted if path is not None]
    for _, path in files:
        evidence.check_file(path)
    if options.html is not None:
        html.check()
    if options.evidence is not None:
        evidence.check_folder(options.evidence)
    verification = _verify(options, attacks)
    for render, path in files:
        evidence.save_file(path, render(verification))
    if options.evidence is not None:
        evidence.save(options.evidence, verification)
    if options.json:
        write(json_reporter.render(verification))
    else:
        write(text.render(verification, *width_and_colour()))
    return verification.exit_code
