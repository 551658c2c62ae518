"""docs/kernels-results.json as a page for people. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.kernels.configurations import (
    ATTACKERS,
    CONFIGURATIONS,
    IN_MEMORY,
    METHODS,
    NONE,
    OWN_NAME,
    PRELOAD,
)
from tools.kernels.judgement import BLOCKED, DOCUMENTED, INCONCLUSIVE, RIGHT, UNKNOWN, WRONG
from tools.kernels.starts import FINDERS
from tools.markdown import make_table

_PAGE = """\
# Kernels

This page shows how `harden`, `confine`, `verify` and `audit` behave on kernels and settings that
differ from those of the developers' machines. `make kernels` boots each kernel under qemu, runs
everything inside and writes this page. It fails if an attack succeeds unexpectedly, a program is
started by a different method than expected, `audit` is wrong about a process, or a kernel does not
finish in time. This run: {date}, process-hardening {version}, {minutes} minutes.

{machines}

## How `harden` starts a program

The first table shows the method that `harden` chooses for a user's program. Where it is *preload*
or *refused*, `--method execute-only` (exit code 126) and `pre_main_hardening(reexec=True)` (exit
code 5) print the reason and start nothing. The *baseline* sets `kernel.yama.ptrace_scope`,
`fs.suid_dumpable` and `vm.memfd_noexec` to 0.

{methods}

- *no such setting*: this kernel is older than the setting. *not tried*: tested on a different
  architecture with the same kernel version.
- `ulimit -f 0`: the launcher cannot write any file, not even in memory. Another process can set
  this limit, so `harden` does not fall back to the preload library.

The second table shows which tools find a program that was started this way: {finders}.

{searches}

## Confining

{confinements}

## Attacks

An attack counts only if it also succeeded against an unhardened control in the same run. The core
attacks are tried with a `kernel.core_pattern` that names a file and with one that names a pipe. The
attackers are:

- *user*: {user};
- *root*: {root}, as in a container;
- *confined*: {confined}.

{attacks}

- `launch-window*`: leaked, as documented for hardening from inside. The process could be read
  between its exec and its hardening.
- `core-*` with a star: a signal from the confined attacker crashed the victim, which left a core.
  Before Linux 6.12, Landlock cannot block signals. `confine` prints a warning, and
  `confine --strict` refuses to start.
- *n* closed: the setting blocks these attacks for every process. They do not succeed against the
  control either, so they prove nothing.

## Audits

The audits cover {zoo} kinds of processes, from unhardened to hardened and injected, owned by a user
and by root. Each process reports what `prctl` and `getrlimit` return for it. Root with all
capabilities, the user, and root without CAP_SYS_PTRACE then audit all of them. *Unknown* means that
`audit` cannot determine the verdict. Only a wrong verdict is an error, above all *hardened* for a
process that is not. Processes started by `run` and `harden` must be hardened with every setting, or
`make kernels` fails.

{audits}
"""


_METHODS = {
    OWN_NAME: "under its own path",
    IN_MEMORY: "in memory",
    PRELOAD: "preload",
    NONE: "refused",
}
_WITHOUT_RESULTS = {"absent": "no such setting", "skipped": "not tried"}


def _cell(outcomes: dict[str, list[str]]) -> str:
    """What came of all attacks on a victim."""
    parts = []
    for outcome, attacks in outcomes.items():
        if outcome == BLOCKED:
            parts.append(f"{len(attacks)} blocked")
        elif outcome == DOCUMENTED:
            parts += [f"{attack}*" for attack in attacks]
        elif outcome == INCONCLUSIVE:
            parts.append(f"{len(attacks)} closed")
        else:
            parts += [f"**{attack}: {outcome}**" for attack in attacks]
    return ", ".join(sorted(parts))


_Row = Callable[[dict[str, Any]], str]
"""What a configuration's cell says of a machine that has the setting."""


def _per_machine(machines: list[dict[str, Any]], name: str, cell: _Row) -> list[str]:
    """A cell for each machine."""
    cells = []
    for machine in machines:
        found = next(one for one in machine["configurations"] if one["name"] == name)
        words = next((words for key, words in _WITHOUT_RESULTS.items() if key in found), None)
        cells.append(words or cell(found))
    return cells


def _header(machines: list[dict[str, Any]], *before: str) -> list[str]:
    return [*before, *(machine["name"] for machine in machines)]


def _methods(machines: list[dict[str, Any]]) -> str:
    def cell(found: dict[str, Any]) -> str:
        method = next(name for name, text in METHODS.items() if text == found["method"])
        refused = method != NONE and "refused" in found
        return f"{_METHODS[method]}; execute-only refused" if refused else _METHODS[method]

    rows = [
        [configuration.name, *_per_machine(machines, configuration.name, cell)]
        for configuration in CONFIGURATIONS
    ]
    return make_table(_header(machines, "setting"), rows)


def _searches(machines: list[dict[str, Any]]) -> str:
    rows = []
    for configuration in CONFIGURATIONS:
        for who in ("root", "user") if configuration.searched else ():

            def cell(found: dict[str, Any], who: str = who) -> str:
                missed = found["missed"].get(who, [])
                return f"not by {', '.join(missed)}" if missed else "found by all"

            cells = _per_machine(machines, configuration.name, cell)
            rows.append([configuration.name, who, *cells])
    return make_table(_header(machines, "setting", "searched by"), rows)


def _describe_start(found: dict[str, Any]) -> str:
    if not found["started"]:
        return f"refused ({found['status']})"
    return "starts, with a warning about signals" if found["said"] else "starts"


def _confinements(machines: list[dict[str, Any]]) -> str:
    here = [machine["confinements"] for machine in machines]
    without = [machine["without_landlock"] for machine in machines]
    rows = [
        ["Landlock ABI version", *(str(found["landlock"]) for found in here)],
        ["`confine`", *(_describe_start(found["confine"]) for found in here)],
        ["`confine --strict`", *(_describe_start(found["strict"]) for found in here)],
        [
            "`confine`, booted without landlock in `lsm=`",
            *(_describe_start(found["confine"]) for found in without),
        ],
    ]
    return make_table(_header(machines, ""), rows)


def _attacks(machines: list[dict[str, Any]]) -> str:
    rows = []
    for configuration in CONFIGURATIONS:
        for number, trial in enumerate(configuration.trials):
            for victim in trial.victims:

                def cell(found: dict[str, Any], number: int = number, victim: str = victim) -> str:
                    return _cell(found["trials"][number]["victims"][victim])

                cells = _per_machine(machines, configuration.name, cell)
                rows.append([configuration.name, trial.attacker, victim, *cells])
    return make_table(_header(machines, "setting", "attacker", "victim"), rows)


def _audits(machines: list[dict[str, Any]]) -> str:
    def cell(found: dict[str, Any]) -> str:
        counts = found["audits"]
        words = [f"{counts[RIGHT]} right", f"{counts[UNKNOWN]} unknown"]
        words += [f"**{counts[WRONG]} wrong**"] if counts[WRONG] else []
        return ", ".join(words)

    rows = [
        [configuration.name, *_per_machine(machines, configuration.name, cell)]
        for configuration in CONFIGURATIONS
        if configuration.audited
    ]
    return make_table(_header(machines, "setting"), rows)


def render(results: dict[str, Any]) -> str:
    """The page."""
    machines = results["machines"]
    rows = [[machine["name"], machine["kernel"], machine["machine"]] for machine in machines]
    return _PAGE.format(
        date=results["date"],
        version=results["version"],
        minutes=results["minutes"],
        machines=make_table(["Debian", "kernel", "machine"], rows),
        methods=_methods(machines),
        finders=", ".join(f"`{name}`" for name in FINDERS),
        searches=_searches(machines),
        confinements=_confinements(machines),
        attacks=_attacks(machines),
        audits=_audits(machines),
        zoo=results["zoo"],
        **ATTACKERS,
    )
