"""docs/kernels-results.json as a page for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.kernels.configurations import ATTACKERS, CONFIGURATIONS, Configuration
from tools.kernels.judgement import BLOCKED, DOCUMENTED, INCONCLUSIVE, RIGHT, UNKNOWN, WRONG

_PAGE = """\
# Kernels

What `verify`, `audit` and `run` do on real kernels other than the developers', at settings other
than theirs. `make kernels` boots each of these under qemu, runs all of it inside, and writes this
page; it fails when an attack succeeds that should not, when `audit` is wrong of a process, and when
a kernel does not come to its end in time. This run: {date}, process-hardening {version}.

{machines}

## Attacks

Each attack leaked from an unhardened control in the same run, or it does not count.
Attackers: *user* is {user}, *root* is {root}, as in a container, *confined* is
{confined}.
The core attacks set `kernel.core_pattern` to a file and to a pipe.

{attacks}

- `launch-window*`: leaked, as is documented of hardening from inside: the process was open between
  its exec and its hardening.
- *n* closed: the setting takes these attacks away from everybody, so that they leak from no control
  and prove nothing.
- refused: `run --method execute-only` (status 126) and `pre_main_hardening(reexec=True)` (status 5)
  name the setting and start nothing; `run` takes *preload* by itself.
- no such setting: this kernel is older than it.

## Audits

{zoo} kinds of processes of a user and of root, from plain to hardened and injected, told what
`prctl` and `getrlimit` say to themselves; those that `run` started were hardened at every
setting, or `make kernels` fails. An all-powerful root, the user and the root without CAP_SYS_PTRACE
audited all of them. *Unknown* is what `audit` says when it cannot tell; only a wrong word counts
against it, above all *hardened* of a process that is not.

{audits}
"""


_NO_SUCH_SETTING = "no such setting"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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


def _find(machine: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
    return next(found for found in machine["configurations"] if found["name"] == configuration.name)


def _attacks(machines: list[dict[str, Any]]) -> str:
    rows = []
    for configuration in CONFIGURATIONS:
        found = [_find(machine, configuration) for machine in machines]
        if configuration.refused:
            cells = [_NO_SUCH_SETTING if "absent" in one else "refused" for one in found]
            rows.append([configuration.name, "user", "execute-only", *cells])
        for attacker, trial in configuration.trials.items():
            for victim in trial.victims:
                cells = [
                    _NO_SUCH_SETTING
                    if "absent" in one
                    else _cell(one["attackers"][attacker][victim])
                    for one in found
                ]
                rows.append([configuration.name, attacker, victim, *cells])
    names = [machine["name"] for machine in machines]
    return _table(["setting", "attacker", "victim", *names], rows)


def _audits(machines: list[dict[str, Any]]) -> str:
    rows = []
    for configuration in CONFIGURATIONS:
        cells = []
        for machine in machines:
            found = _find(machine, configuration)
            if "absent" in found:
                cells.append(_NO_SUCH_SETTING)
                continue
            counts = found["audits"]
            words = [f"{counts[RIGHT]} right", f"{counts[UNKNOWN]} unknown"]
            words += [f"**{counts[WRONG]} wrong**"] if counts[WRONG] else []
            cells.append(", ".join(words))
        rows.append([configuration.name, *cells])
    return _table(["setting", *(machine["name"] for machine in machines)], rows)


def render(results: dict[str, Any]) -> str:
    """The page."""
    machines = results["machines"]
    rows = [[machine["name"], machine["kernel"], machine["machine"]] for machine in machines]
    return _PAGE.format(
        date=results["date"],
        version=results["version"],
        machines=_table(["Debian", "kernel", "machine"], rows),
        attacks=_attacks(machines),
        audits=_audits(machines),
        zoo=results["zoo"],
        **ATTACKERS,
    )
