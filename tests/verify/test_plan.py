"""What is planned to be attacked; nothing is attacked."""

from __future__ import annotations

import os
import sys
from functools import partial

import pytest

from process_hardening.audit.posture import Posture
from process_hardening.errors import CommandError, NotFoundError
from process_hardening.verify import (
    BROKEN_VICTIMS,
    CONTROL,
    INCONCLUSIVE,
    SAMPLES,
    VICTIMS,
    find_attacks,
    list_attacks,
)
from process_hardening.verify.confined import plan_confined
from process_hardening.verify.model import CONFINED
from process_hardening.verify.plan import (
    list_not_made,
    name_program,
    plan_process,
    plan_program,
    plan_victims,
    split_by_harm,
)

FOR_HARDENED = tuple(
    attack for attack in list_attacks() if attack.victims != (CONFINED,) and not attack.runtimes
)
"""The attacks on any hardened program."""
METHODS = ("execute-only", "preload", "harden-own-name", "harden-memfd", "harden-by-root")


def test_each_victim_is_planned_once_after_the_control() -> None:
    """A victim that is named twice is attacked once."""
    plan = plan_victims(find_attacks(["proc-mem"]), ["preload", "undone", "preload"])
    assert plan.names == (CONTROL, "preload", "undone")
    assert plan.attempts == 3
    assert set(plan.starts) == set(plan.names)


@pytest.mark.parametrize(
    ("runtimes", "expected"),
    [
        (["Node.js"], ["node-inspector"]),
        (["the JVM", "Deno"], ["node-inspector", "jvm-attach"]),
        (["Erlang"], ["erlang-crash-dump"]),
        ([], []),
    ],
)
def test_attacks_on_a_runtime_are_planned_where_it_runs(
    runtimes: list[str], expected: list[str]
) -> None:
    """Whatever the command line says: it may be that of a start script."""
    plan = plan_program(["true"], None, None, runtimes=runtimes)
    assert [attack.name for attack in plan.attacks if attack.runtimes] == expected


def test_all_attacks_are_planned_by_default() -> None:
    """None stands for all."""
    assert plan_victims(None, VICTIMS).attacks == FOR_HARDENED


def test_what_says_nothing_of_hardened_programs_is_not_tried_on_them() -> None:
    """It is left out, and an error when nothing else was asked for."""
    attacks = find_attacks(["proc-mem", "ssh-agent"])
    assert [attack.name for attack in plan_victims(attacks).attacks] == ["proc-mem"]
    for plan in (plan_victims, partial(plan_program, ["true"], canary=None)):
        with pytest.raises(CommandError, match=r"ssh-agent: .* verify --confined"):
            plan(attacks=find_attacks(["ssh-agent"]))
    assert "ssh-agent" in [attack.name for attack in plan_confined((), None, None).attacks]


@pytest.mark.parametrize("name", [CONTROL, "nobody"])
def test_a_name_that_is_no_victim_is_refused(name: str) -> None:
    """The control is not a victim either; the message names all victims."""
    with pytest.raises(CommandError, match=f"'{name}' is not a victim") as caught:
        plan_victims(None, ["preload", name])
    assert all(victim in str(caught.value) for victim in (*VICTIMS, *BROKEN_VICTIMS))


def test_a_program_is_started_plain_and_with_each_method() -> None:
    """A binary cannot be hardened in-process."""
    plan = plan_program(["true", "x"], None, canary=None)
    assert plan.victims == METHODS
    assert plan.starts[CONTROL].program[0].startswith("/")
    assert plan.starts[CONTROL].program[1:] == ("x",)


def test_a_script_is_also_hardened_in_process(tmp_path: os.PathLike[str]) -> None:
    """A script runs with this interpreter."""
    script = os.path.join(tmp_path, "program.py")
    with open(script, "w"):
        pass
    plan = plan_program([script], None, canary=None)
    assert set(plan.victims) == {*METHODS, "in-process"}
    assert plan.starts[CONTROL].words == (sys.executable, script)


def test_a_program_that_does_not_exist_is_refused() -> None:
    """The exit code is that of a shell, 127."""
    with pytest.raises(NotFoundError, match="no such program"):
        plan_program(["no-such-program-here"], None, canary=None)


def test_a_running_process_is_attacked_only_by_reading() -> None:
    """The other attacks are named in a note."""
    plan = plan_process(os.getpid(), None, canary="a secret of ours", as_container_root=True)
    harmless, harmful = split_by_harm(FOR_HARDENED)
    assert plan.attacks == harmless
    skipped, confined = plan.notes
    assert skipped == f"skipped because they could harm it: {', '.join(harmful)}"
    assert confined.startswith(f"pid {os.getpid()}: ")
    assert "core-segv" in harmful
    assert plan.needles == {"canary": "a secret of ours"}
    assert plan.canary_known
    assert plan.uid == os.geteuid()
    assert plan.process
    assert plan.process.pid == os.getpid()
    assert plan.process.program
    assert plan.process.program.startswith("python")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3 -u keeper.py hunter2", "python3 keeper.py"),
        ("python3 -m keeper hunter2", "python3 -m keeper"),
        ("python3 -c hunter2", "python3 -c"),
        ("nginx hunter2", "nginx"),
        # Options that take a value in one interpreter, and none in another.
        ("python3 -I keeper.py hunter2", "python3 keeper.py"),
        ("python3 -O keeper.py hunter2", "python3 keeper.py"),
        ("php -r hunter1 hunter2", "php -r"),
    ],
)
def test_a_process_is_named_by_its_program_and_script(command: str, expected: str) -> None:
    """By no other argument, which may be a secret."""
    words = command.split()
    posture = Posture(
        pid=1, ppid=0, uid=0, name=words[0], exe=f"/usr/bin/{words[0]}", command="\0".join(words)
    )
    assert name_program(posture) == expected
    assert name_program(posture.replace(protected=("name",))) is None


def test_a_running_process_is_not_attacked_when_every_attack_could_harm_it() -> None:
    """The message names the attacks."""
    with pytest.raises(
        CommandError, match=r"core-segv: not tried, because it could harm process \d+"
    ):
        plan_process(os.getpid(), find_attacks(["core-segv"]), None, as_container_root=True)


@pytest.mark.parametrize(
    ("opens_itself", "names", "words"),
    [
        ("", [], ""),
        ("Deno", ["node-inspector"], "its runtime, Deno, discloses its memory"),
        (
            None,
            ["node-inspector", "jvm-attach", "erlang-crash-dump"],
            "it is unknown whether its runtime discloses its memory",
        ),
    ],
)
def test_an_attack_on_an_open_runtime_that_could_harm_it_leaves_the_result_open(
    opens_itself: str | None, names: list[str], words: str
) -> None:
    """The row names the runtime and how to make the attack."""
    posture = Posture(pid=9, opens_itself=opens_itself)
    rows = list_not_made(posture, "pid 9", list_attacks())
    assert list_not_made(posture, "pid 9", find_attacks(["proc-mem"])) == ()  # not asked for
    assert [row.name for row in rows] == names
    for row in rows:
        assert row.counts
        assert row.victims["pid 9"].outcome == INCONCLUSIVE
        assert words in row.victims["pid 9"].evidence
        assert "use verify -- PROGRAM" in row.detail


def test_other_forms_of_an_attack_are_made_on_every_victim_that_is_named() -> None:
    """The default run makes them on one victim of each way to be hardened."""
    attacks = find_attacks(["core-abort", "core-segv"])
    default = plan_victims(attacks)
    skipped = {victim for attack, victim in default.skipped if attack == "core-abort"}
    assert skipped >= set(VICTIMS) - set(SAMPLES) - _ROOTS
    assert not skipped & set(SAMPLES)
    assert not plan_victims(attacks, ["preload", "reexec"]).skipped


def test_a_container_s_root_is_not_kept_out_by_the_mode_of_a_file() -> None:
    """It may read every file, so victims that only their file protects prove nothing."""
    plan = plan_victims(find_attacks(["proc-mem"]), VICTIMS, as_container_root=True)
    assert {victim for _, victim in plan.skipped} == {*_ROOTS, "interpreter"}


def test_a_launcher_of_python_scripts_is_not_asked_to_start_env() -> None:
    """But what the script itself executes is attacked."""
    plan = plan_victims(find_attacks(["exec-env", "exec-path"]), ["in-process"])
    assert set(plan.skipped) == {("exec-env", "in-process")}


_ROOTS = {"harden-by-root", "interpreter-of-root"}
