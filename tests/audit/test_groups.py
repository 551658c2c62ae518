"""The groups of an audit: what belongs together, what is worst, and what to type."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import support
from machines import audit_of, hardened, process
from process_hardening.audit.groups import Group, make_groups, measure, measure_users
from process_hardening.audit.posture import Posture
from process_hardening.audit.procfs import parse_unit
from process_hardening.audit.programs import program_of
from process_hardening.audit.reasons import REASONS
from process_hardening.audit.render import html, openmetrics
from process_hardening.audit.render.json import audit_as_dict
from process_hardening.audit.saved import read_saved
from process_hardening.secret_names import HIDDEN, hide_arguments


def groups_of(*postures: Posture) -> tuple[Group, ...]:
    """The groups of these processes."""
    return make_groups(audit_of(*postures).entries)


def only(*postures: Posture) -> Group:
    """The one group of these processes."""
    (group,) = groups_of(*postures)
    return group


def test_processes_of_one_user_program_and_reason_are_one_group() -> None:
    found = groups_of(
        process(1, "node server.js"),
        process(2, "node server.js"),
        process(3, "node other.js"),
        process(4, "node server.js", uid=1001),
        hardened(5, "node server.js"),
    )
    assert sorted((g.user, g.program, g.reason, g.pids) for g in found) == [
        ("ada", "node other.js", "readable", (3,)),
        ("ada", "node server.js", "hardened", (5,)),
        ("ada", "node server.js", "readable", (1, 2)),
        ("bob", "node server.js", "readable", (4,)),
    ]


def test_scripts_of_one_name_in_two_folders_are_two_groups() -> None:
    commands = {
        g.command for g in groups_of(process(5, "node /a/s.js"), process(6, "node /b/s.js"))
    }
    assert commands == {"harden -- node /a/s.js", "harden -- node /b/s.js"}


def test_kernel_threads_and_zombies_are_in_no_group() -> None:
    assert groups_of(process(1, "x", kind="zombie"), process(2, "y", kind="kernel thread")) == ()


@pytest.mark.parametrize(
    ("fields", "reason", "severity", "is_leak"),
    [
        ({}, "readable", "medium", False),
        ({"secret_variables": ("A_TOKEN",)}, "readable", "high", True),
        ({"uid": 0}, "readable_by_root", "low", False),
        ({"uid": 0, "secret_variables": ("A_TOKEN",)}, "readable_by_root", "medium", True),
        ({"tracer_pid": 7}, "traced", "high", True),
        ({"injected_libraries": ("/x.so",)}, "injected", "high", True),
        ({"injected_libraries": ("/v/libprocess_hardening.so (deleted)",)},
         "other_copy", "high", True),
        ({"injected_libraries": ("/v/libprocess_hardening.so", "/x.so")}, "injected", "high", True),
        ({"secret_arguments": ("--token",)}, "arguments", "high", True),
        ({"dumpable": None, "inspectable": None}, "unknown", "info", False),
        ({"dumpable": 0, "inspectable": False, "core_limit": (0, 9)}, "partial", "low", False),
        (
            {"dumpable": 0, "inspectable": False, "opens_itself": "Node.js"},
            "opens_itself",
            "high",
            True,
        ),
        (
            {"dumpable": 0, "inspectable": False, "secret_variables": ("A_TOKEN",)},
            "hardened",
            None,
            False,
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_reason_and_the_severity(
    fields: dict[str, Any], reason: str, severity: str | None, is_leak: bool
) -> None:
    group = only(process(9, "app", **fields))
    assert (group.reason, group.severity, group.is_leak) == (reason, severity, is_leak)


def test_groups_that_leak_come_first_and_the_worst_of_them_before_the_others() -> None:
    found = groups_of(
        *(process(pid, "code") for pid in range(1, 50)),
        process(60, "cron", uid=0, secret_variables=("B_TOKEN",)),
        process(61, "app", secret_variables=("A_TOKEN",)),
        process(62, "app2", secret_variables=("A_TOKEN", "B_TOKEN")),
        process(63, "gdbbed", tracer_pid=9),
        hardened(64, "agent"),
    )
    assert [g.program for g in found] == ["gdbbed", "app2", "app", "cron", "code", "agent"]


@pytest.mark.parametrize(
    ("fields", "secrets"),
    [
        ({"secret_variables": ("A_TOKEN",)}, [("A_TOKEN", "environment")]),
        ({"secret_arguments": ("--token",)}, [("--token", "arguments")]),
        ({"secret_variables": None, "secret_arguments": None}, []),
    ],
)  # fmt: skip
def test_secrets_are_names_with_their_place(
    fields: dict[str, Any], secrets: list[tuple[str, str]]
) -> None:
    assert [(s.name, s.where) for s in only(process(1, "app", **fields)).secrets] == secrets


@pytest.mark.parametrize(
    ("command", "held"),
    [
        ("ssh-agent -D", ["private keys"]),
        ("/usr/bin/gpg-agent --supervised", ["private keys, passphrases"]),
        ("firefox", ["passwords, cookies"]),
        ("my-ssh-agent", []),
    ],
)
def test_programs_that_hold_secrets_by_what_they_are_for(command: str, held: list[str]) -> None:
    assert [secret.name for secret in only(process(1, command)).secrets] == held


def test_a_key_daemon_is_known_by_the_beginning_of_its_name_that_the_kernel_keeps() -> None:
    posture = process(1, "gnome-keyring-daemon", exe=None, command=None)
    assert posture.name == "gnome-keyring-d"
    assert [secret.name for secret in only(posture).secrets] == ["passwords"]


@pytest.mark.parametrize(
    ("command", "fields", "words"),
    [
        ("/usr/bin/python3 /srv/app.py --port 1", {"exe": "/usr/bin/python3.12"}, "python3 app.py"),
        ("python3 -m celery worker", {}, "python3 -m celery"),
        ("python3 -X dev -W error app.py", {}, "python3 app.py"),
        ("python3 -c pass", {}, "python3 -c"),
        ("java -cp /a:/b com.example.Main", {}, "java com.example.Main"),
        ("java -jar /opt/x.jar", {}, "java -jar x.jar"),
        ("-bash", {"exe": "/usr/bin/bash"}, "bash"),
        ("sh ./deploy.sh", {"exe": "/usr/bin/dash"}, "sh deploy.sh"),
        ("httpd -f", {"exe": "/bin/busybox"}, "httpd"),
        ("ssh-agent", {"exe": "/tmp/evil"}, "evil"),
        ("x", {"exe": "/opt/app (deleted)"}, "app"),
        ("x", {"exe": None, "command": "nginx: worker process\0"}, "nginx"),
        ("x", {"exe": None, "command": None, "name": "comm"}, "comm"),
        ("x", {"protected": ("name",)}, "(hidden)"),
        ("bash", {"command": "bash\0-lc\0hunter2\0"}, "bash -lc"),
        ("bash", {"command": "bash\0-s\0hunter2\0"}, "bash -s"),
        ("python3", {"command": "python3\0-Ic\0hunter2\0"}, "python3 -Ic"),
        ("python3", {"command": "python3\0-\0hunter2\0"}, "python3 -"),
        ("python3", {"command": "python3\0/srv/a b/keep er.py\0"}, "python3 keep er.py"),
        ("perl", {"command": "perl\0-lne\0hunter2\0"}, "perl -lne"),
        ("fish", {"command": "fish\0--command\0hunter2\0"}, "fish --command"),
        ("julia", {"command": "julia\0-E\0run(hunter2, 1)\0"}, "julia -E"),
    ],
)
def test_a_program_is_named_as_people_say_it(
    command: str, fields: dict[str, Any], words: str
) -> None:
    assert program_of(process(1, command, **fields)).words == words


@pytest.mark.parametrize(
    ("command", "fields", "fix"),
    [
        ("node server.js", {}, "cd / && harden -- node server.js"),
        ("app", {"command": "app\0a b.js\0it's\0"}, "harden -- app 'a b.js' 'it'\"'\"'s'"),
        (
            "python3",
            {"command": "python3\0keep er.py\0", "cwd": "/srv"},
            "cd /srv && harden -- python3 'keep er.py'",
        ),
        (
            "node",
            {"command": "node\0--title\0x\0server (1)\0", "cwd": "/srv"},
            "cd /srv && harden -- node --title x 'server (1)'",
        ),
        ("python3 -m keeper", {"cwd": "/srv"}, "cd /srv && harden -- python3 -m keeper"),
        ("python3 -m keeper", {"cwd": None}, "harden -- python3 -m keeper"),
        ("python3 /srv/keeper.py", {"cwd": None}, "harden -- python3 /srv/keeper.py"),
        ("app -x a.py", {"cwd": None}, "harden -- app -x a.py"),
        ("python3 keeper.py", {"cwd": None}, ""),
        ("bin/app", {"cwd": None}, ""),
        ("node a.js", {"cwd": None, "opens_itself": "Node.js"}, ""),
        ("app", {"command": "nginx: worker\0"}, ""),
        ("app --x", {"secret_arguments": ("--password",)}, "process-hardening explain PH010"),
        ("app --x", {"command": f"app\0{HIDDEN}\0"}, ""),
        ("app", {"unit": "app.service"}, "sudo systemctl edit app.service"),
        ("app", {"unit": "--user app.service"}, "systemctl --user edit app.service"),
        ("-bash", {"secret_variables": ("A_KEY",)}, "exec env -u A_KEY bash"),
        ("bash run.sh", {"secret_variables": ("A_KEY",)}, "cd / && harden -- bash run.sh"),
        (
            "/v/bin/python3 -c x",
            {"python": "3.12", "framework": "multiprocessing", "exe": "/usr/bin/python3.12"},
            "process-hardening hook enable --python /v/bin/python3",
        ),
        ("node x", {"opens_itself": "Node.js", "command": f"node\0{HIDDEN}\0"}, ""),
        (
            "node a.js",
            {"opens_itself": "Node.js"},
            "cd / && harden -- node --inspect-port=192.0.2.1:9229 a.js",
        ),
        (
            "java -jar a.jar",
            {"opens_itself": "the JVM", "dumpable": 0, "inspectable": False},
            "cd / && harden -- java -XX:+DisableAttachMechanism -XX:ErrorFile=/dev/null"
            " -XX:-DumpReplayDataOnError -jar a.jar",
        ),
        ("beam.smp -x", {"opens_itself": "Erlang"}, ""),
        ("my-ide --x", {"opens_itself": "the JVM", "unit": "a.service"}, ""),
        ("my-deno --x", {"opens_itself": "Deno"}, "env --block-signal=USR1 harden -- my-deno --x"),
        ("jsvc.exec -cp a Main", {"opens_itself": "the JVM"}, ""),
        ("app", {"tracer_pid": 7}, "ps -o pid,user,args -p 7"),
        ("app", {"injected_libraries": ("/x y.so",)}, "grep -F '/x y.so' /proc/7/maps"),
        ("app", {"injected_libraries": ("/v/libprocess_hardening.so",)},
         "ls -l /proc/7/root/v/libprocess_hardening.so"),
        ("app", {"dumpable": None, "inspectable": None}, "uname -r"),
        ("app", {"dumpable": None, "inspectable": None, "protected": ("exe",)},
         "sudo process-hardening audit 7"),
        ("app --x", {"dumpable": 0, "inspectable": False, "injected_libraries": None},
         "harden -- app --x"),
        ("app", {"dumpable": None, "inspectable": None, "problem": "it ran away"},
         "process-hardening audit 7"),
    ],
)  # fmt: skip
def test_the_command_is_made_for_the_process(
    command: str, fields: dict[str, Any], fix: str
) -> None:
    group = only(process(7, command, **fields))
    assert group.command == fix
    assert group.fix


ATTACKER = "/home/ada/node"
"""A file that ada can change, and what she calls her programs."""
_VENV = {"python": "3.12", "framework": "multiprocessing", "exe": "/usr/bin/python3.12"}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "program": (ATTACKER, {}),
    "script": ("python3 x", {"cwd": "/home/ada"}),
    "environment": (f"{ATTACKER} -c x", _VENV),
    "shell": (ATTACKER, {"exe": "/usr/bin/bash", "secret_variables": ("A_KEY",)}),
    "service": (ATTACKER, {"unit": "app.service"}),
    "service of the user": (ATTACKER, {"unit": "--user app.service"}),
    "runtime": (ATTACKER, {"opens_itself": "Node.js", "dumpable": 0, "inspectable": False}),
    "runtime in a service": (ATTACKER, {"opens_itself": "Deno", "unit": "app.service"}),
    "arguments": (f"{ATTACKER} --x", {"secret_arguments": ("--password",)}),
    "traced": (ATTACKER, {"tracer_pid": 7}),
    "injected": (ATTACKER, {"injected_libraries": (ATTACKER,)}),
    "other copy": (ATTACKER, {"injected_libraries": ("/home/ada/libprocess_hardening.so",)}),
    "partial": (ATTACKER, {"dumpable": 0, "inspectable": False, "core_limit": (0, 9)}),
    "unknown": (ATTACKER, {"dumpable": None, "inspectable": None}),
    "unknown libraries": (
        ATTACKER, {"dumpable": 0, "inspectable": False, "injected_libraries": None},
    ),
}  # fmt: skip
_ONLY_LOOKS = re.compile(r"(?:ps|ls -l|grep -F|cat|uname -r|process-hardening (?:audit|explain)) ?")


def lead_root_to(*postures: Posture) -> list[tuple[str, str]]:
    """Return what root is told of these processes: each sentence with each of its commands."""
    entries = audit_of(*postures, asked_by=0).entries
    groups = make_groups(entries, as_root=True)
    return [(group.fix, command) for group in groups for command in group.commands or ("",)]


@pytest.mark.parametrize("case", OTHERS)
def test_root_is_told_nothing_that_runs_the_files_of_another_user_as_root(case: str) -> None:
    """Commands run as that user, only look, or do not name what the user chose."""
    line, fields = OTHERS[case]
    for sentence, command in lead_root_to(process(7, line, **fields)):
        if re.match(r"(?:cd /home/ada && )?sudo -u ada ", command):
            continue
        assert _ONLY_LOOKS.match(command) or command in ("", "systemctl edit app.service")
        assert _ONLY_LOOKS.match(command) or ATTACKER not in command
        assert ATTACKER not in sentence
    # The control: a command that ada types herself names the file.
    if case in ("program", "environment", "shell", "runtime"):
        assert ATTACKER in only(process(7, line, **fields)).command


def test_root_starts_another_users_parent_as_that_user() -> None:
    found = lead_root_to(hardened(5, f"{ATTACKER} --fast"), process(6, "worker", ppid=5))
    assert found[0][1] == f"sudo -u ada harden --children -- {ATTACKER} --fast"


@pytest.mark.parametrize(
    ("becomes", "named", "unnamed"),
    [
        ("sudo", "sudo -u ada harden -- /a", "sudo -u '#1234' harden -- /a"),
        ("runuser", "runuser -u ada -- harden -- /a", ""),
        ("", "", ""),
    ],
)
def test_root_becomes_another_user_with_what_is_installed(
    becomes: str, named: str, unnamed: str
) -> None:
    """runuser(1) needs a name. If there is no command, the sentence says why."""
    for uid, command in ((1000, named), (1234, unnamed)):
        entries = audit_of(process(7, "/a", uid=uid), asked_by=0).entries
        (group,) = make_groups(entries, as_root=True, becomes=becomes)
        assert group.command == command
        assert ("sudo is missing" in group.fix) is (command == "")


@pytest.mark.parametrize(
    ("postures", "fix"),
    [
        (
            [process(7, "python3 a.py", cwd=None)],
            "Put `harden --` before the command that starts it, in its folder, which is unknown.",
        ),
        (
            [hardened(7, "node a.js", cwd=None, opens_itself="Node.js")],
            "Start it with `harden -- node --inspect-port=192.0.2.1:9229 ...`, in its folder, which"
            " is unknown.",
        ),
        (
            [hardened(5, "python3 a.py", cwd=None), process(6, "worker", ppid=5)],
            "Start its parent with `harden --children --`, in its folder, which is unknown.",
        ),
    ],
)
def test_without_its_folder_a_relative_script_gets_no_command(
    postures: list[Posture], fix: str
) -> None:
    """The command would not find the script; the sentence says what is missing."""
    group = groups_of(*postures)[0]
    assert (group.fix, group.command) == (fix, "")


def test_root_hardens_an_environment_as_the_user_of_its_processes() -> None:
    ((_, command),) = lead_root_to(process(7, f"{ATTACKER} -c x", **_VENV))
    assert command == f"sudo -u ada process-hardening hook enable --python {ATTACKER}"


@pytest.mark.parametrize("case", OTHERS)
def test_root_starts_nothing_that_another_user_called_like_root(case: str) -> None:
    """A set-user-ID program: its uid is 0, and its caller chose its arguments."""
    line, fields = OTHERS[case]
    for sentence, command in lead_root_to(process(7, line, uid=0, chosen_by_other=True, **fields)):
        assert _ONLY_LOOKS.match(command) or ATTACKER not in command + sentence
    # The control: root's own program is named.
    if case == "program":
        ((_, command),) = lead_root_to(process(7, line, uid=0, **fields))
        assert command == f"harden -- {ATTACKER}"


def test_root_starts_nothing_of_a_user_who_is_not_known() -> None:
    ((_, command),) = lead_root_to(process(7, ATTACKER, uid=None))
    assert command == ""


def test_every_reason_is_in_the_table_of_what_root_is_told() -> None:
    """`lost` has a test of its own, and nothing is to do about the others."""
    reasons = {only(process(7, line, **fields)).reason for line, fields in OTHERS.values()}
    assert set(REASONS) - reasons == {"lost", "readable_by_root", "hardened"}


def test_the_first_process_of_a_container_is_hardened_in_its_image() -> None:
    """No command: on a whole machine it would be `harden -- /sbin/init`."""
    group = only(process(1, "/sbin/init", unit="init.service"))
    assert (group.command, "ENTRYPOINT" in group.fix) == ("", True)


@pytest.mark.parametrize(
    ("command", "fields", "fix"),
    [
        ("mysql -p hunter2", {}, "harden -- mysql ..."),
        ("node --pass hunter2 server.js hunter2", {}, "cd / && harden -- node ..."),
        ("node --inspect server.js hunter2", {}, "cd / && harden -- node server.js ..."),
        ("node server.js hunter2", {}, "cd / && harden -- node server.js ..."),
        ("python3 -m http.server", {}, "cd / && harden -- python3 -m http.server"),
        ("bash", {"command": "bash\0-c\0mysql -p hunter2\0"}, "harden -- bash -c ..."),
        ("app hunter2", {"unit": "app.service"}, "sudo systemctl edit app.service"),
        ("app", {"command": f"app\0{HIDDEN}\0"}, "harden -- app ..."),
        ("bash", {"command": f"bash\0{HIDDEN}\0"}, "cd / && harden -- bash ..."),
        ("sh run.sh hunter2", {"secret_variables": ("A_KEY",)}, "cd / && harden -- sh run.sh ..."),
    ],
)
def test_what_is_stored_has_no_arguments(command: str, fields: dict[str, Any], fix: str) -> None:
    """Any word may be a password; only what names the program is stored and sent."""
    audit = audit_of(process(7, command, **fields), process(8, "worker", ppid=7))
    (first, *_) = audit.stored_groups
    assert first.command == fix
    assert [g.pids for g in audit.stored_groups] == [g.pids for g in audit.groups]
    assert "hunter2" not in json.dumps(audit_as_dict(audit))
    assert "hunter2" not in html.render([read_saved(audit_as_dict(audit))])
    assert "hunter2" not in openmetrics.render(audit)


def test_a_parent_is_stored_without_its_arguments_too() -> None:
    audit = audit_of(hardened(5, "agent --key hunter2"), process(6, "worker", ppid=5))
    assert audit.stored_groups[0].command == "harden --children -- agent ..."


def test_a_child_that_lost_the_hardening_is_fixed_where_its_parent_starts() -> None:
    lost = groups_of(hardened(5, "agent --fast"), process(6, "worker", ppid=5))[0]
    assert (lost.reason, lost.command) == ("lost", "harden --children -- agent --fast")


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "fish"])
def test_a_command_that_is_pasted_into_a_shell_runs_no_word_of_a_process(
    shell: str, tmp_path: Path
) -> None:
    """Neither an argument nor its folder, whose owner chose them."""
    harden = tmp_path / "harden"
    harden.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    harden.chmod(0o755)
    attack = "\\'\";echo >marker;#"
    folder = tmp_path / attack
    folder.mkdir()
    (group,) = groups_of(process(7, "app", command=f"./app\0{attack}", cwd=str(folder)))
    tool = support.find_tool(shell)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = support.run([tool, "-c", group.command], env=env, cwd=tmp_path)
    assert done.stdout == f"{folder}\n--\n./app\n{attack}\n", done.stderr
    assert not list(tmp_path.rglob("marker"))
    support.run([tool, "-c", f'echo "{attack}'], cwd=tmp_path)
    assert list(tmp_path.rglob("marker")), "inconclusive: the control does not run"


SECRETS = (b"sk-aaaaaaaaaaaaaaaaaaaaaaaa", b"hunter2", b"0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (b"app\0--token\0hunter2\0-v\0", b"app\0--token\0***\0-v\0"),
        (b"app\0--token=hunter2\0", b"app\0--token=***\0"),
        (b"env\0API_KEY=hunter2\0app\0", b"env\0API_KEY=***\0app\0"),
        (b"app\0sk-aaaaaaaaaaaaaaaaaaaaaaaa\0", b"app\0***\0"),
        (b"curl\0-u\0me:hunter2\0https://x\0", b"curl\0-u\0me:***\0https://x\0"),
        (b"mysql\0-phunter2\0db\0", b"mysql\0-p***\0db\0"),
        (b"app\0--id\0" b"0123456789abcdef0123456789abcdef\0", b"app\0--id\0***\0"),
        (b"psql\0postgres://me:hunter2@h/db\0", b"psql\0***\0"),
        (b"sh\0-c\0export API_KEY=hunter2; x\0", b"sh\0-c\0export API_KEY=***; x\0"),
        (b"sh\0-c\0tool --token hunter2 -v\0", b"sh\0-c\0tool --token *** -v\0"),
        (b'x\0--env\0{"A_TOKEN": "hunter2", "B": "c"}\0',
         b'x\0--env\0{"A_TOKEN": "***", "B": "c"}\0'),
        (b"node\0/srv/a-very-long-name-of-a-folder/server.js\0", None),
        (b"java\0-Xmx2048m\0-cp\0/usr/share/java/lib-1.2.3.jar\0Main\0", None),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_left_out_of_the_arguments(
    command: bytes, shown: bytes | None
) -> None:
    assert hide_arguments(command) == (command if shown is None else shown)
    assert not any(secret in hide_arguments(command) for secret in SECRETS)


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        (b"0::/system.slice/nginx.service\n", "nginx.service"),
        (b"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"),
        (b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n",
         "--user a.service"),
        (b"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", None),
        (b"0::/user.slice/user-1000.slice/session-3.scope\n", None),
        (b"12:pids:/system.slice/a.service\n1:name=systemd:/system.slice/a.service\n", "a.service"),
        (b"0::/system.slice/docker-0123.scope\n", None),
        (b"0::/\n", None),
        (b"", None),
    ],
)  # fmt: skip
def test_the_service_of_a_process_is_known_by_its_cgroup(cgroup: bytes, unit: str | None) -> None:
    assert parse_unit(cgroup) == unit


def test_the_facts_count_each_secret_once_for_a_program() -> None:
    found = groups_of(
        process(1, "app", secret_variables=("A_KEY", "B_KEY")),
        process(2, "app", secret_variables=("A_KEY",), core_limit=(9999, 9999)),
        process(3, "other", secret_variables=("A_KEY",), uid=1001),
        process(4, "tool", secret_arguments=("--token",)),
        process(5, "init", secret_variables=("A_KEY",), uid=0),
        hardened(6, "safe", secret_variables=("A_KEY",)),
        process(7, "plain"),
    )
    host = measure(found)
    assert (host.same_user, host.crash, host.every_user, host.root) == (4, 2, 1, 1)
    assert (host.readable, host.hardened, host.processes) == (6, 1, 7)
    users = {one.user: one for one in measure_users(found)}
    assert set(users) == {"ada", "bob", "root"}
    assert (users["bob"].same_user, users["root"].root) == (1, 1)


def test_hardening_a_program_lowers_the_facts() -> None:
    before = measure(groups_of(process(1, "app", secret_variables=("A_KEY",))))
    after = measure(groups_of(hardened(1, "app", secret_variables=("A_KEY",))))
    assert (before.same_user, after.same_user) == (1, 0)
    assert (before.hardened, after.hardened) == (0, 1)


def test_every_reason_has_words_of_its_own() -> None:
    assert len(set(REASONS.values())) == len(REASONS)
