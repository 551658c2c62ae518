"""The rules: what each finds, what `explain` says about it, and the page that is made of them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

import machines
import support
from machines import audit_of, process
from process_hardening.audit.core_dumps import core_rules_of, crash_of
from process_hardening.audit.posture import Posture
from process_hardening.audit.rules import PROCESS_RULES, judge_process
from process_hardening.audit.rules.model import SEVERITIES, Finding, ProcessCase, Rule
from process_hardening.audit.rules.tables import HOST_RULES, RULES
from zoo import COMMAND

DOCS = Path(__file__).parents[2] / "docs"

HARDENED = machines.HARDENED.replace(pid=7, name="agent")
EXPOSED: dict[str, Any] = {"dumpable": 1, "inspectable": True}


def judge(
    pattern: str = "core", ancestor: Posture | None = None, **fields: Any
) -> tuple[Finding, ...]:
    """The findings of a process that is hardened but for these fields."""
    posture = HARDENED.replace(**fields)
    crash = crash_of(posture, core_rules_of(pattern, False, (6, 18)))
    return judge_process(ProcessCase(posture=posture, crash=crash, ancestor=ancestor))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        (EXPOSED, ["PH001"]),
        ({**EXPOSED, "uid": 0}, ["PH002"]),
        ({**EXPOSED, "pattern": "|/bin/handler"}, ["PH001", "PH003"]),
        ({**EXPOSED, "core_limit": (9999, 9999)}, ["PH001", "PH003", "PH004"]),
        ({**EXPOSED, "core_limit": (9999, 9999), "pattern": "|/bin/false"}, ["PH001", "PH004"]),
        ({"core_limit": (0, 1)}, ["PH004"]),
        ({"tracer_pid": 9}, ["PH005"]),
        ({"loader_variables": ("LD_PRELOAD",)}, ["PH006"]),
        ({"loader_variables": ("LD_LIBRARY_PATH",)}, ["PH007"]),
        ({"loader_variables": ("LD_AUDIT", "LD_DEBUG")}, ["PH006", "PH007"]),
        ({"injected_libraries": ("/x.so",)}, ["PH008"]),
        ({"injected_libraries": ("/v/libprocess_hardening.so (deleted)",)}, ["PH019"]),
        ({"injected_libraries": ("/libprocess_hardening.so", "/x.so")}, ["PH008", "PH019"]),
        ({"secret_variables": ("TOKEN",)}, []),
        ({"framework": "forkserver", "python": "3.13"}, ["PH017"]),
        ({"framework": "forkserver"}, ["PH017"]),
        ({"framework": "forkserver", "python": "3.14"}, []),
        ({"framework": "multiprocessing", "python": "3.13"}, []),
        ({**EXPOSED, "secret_variables": ("TOKEN",)}, ["PH001", "PH009"]),
        ({"secret_arguments": ("--token",)}, ["PH010"]),
        ({"capabilities": ("CAP_PERFMON",)}, ["PH011"]),
        ({"capabilities": ("CAP_PERFMON",), "uid": 0}, []),
        ({"other_user_namespace": True}, ["PH012"]),
        ({**EXPOSED, "remote_debugging": True}, ["PH001", "PH013"]),
        ({"opens_itself": "Node.js"}, ["PH018"]),
        ({**EXPOSED, "opens_itself": "the JVM"}, ["PH001", "PH018"]),
        ({**EXPOSED, "ancestor": HARDENED}, ["PH014", "PH001"]),
        ({**EXPOSED, "ancestor": HARDENED, "uid": 1001}, ["PH001"]),
        ({"ancestor": HARDENED}, []),
        ({"dumpable": None, "inspectable": None}, ["PH015"]),
        ({"injected_libraries": None}, ["PH015"]),
        ({"injected_libraries": None, "protected": ("injected_libraries",)}, ["PH016"]),
        ({**EXPOSED, "kind": "zombie"}, []),
    ],
    ids=str,
)
def test_what_is_found(fields: dict[str, Any], expected: list[str]) -> None:
    """Each rule finds its own flaw and nothing else, the worst first."""
    assert [finding.id for finding in judge(**fields)] == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"framework": "multiprocessing"}, "initializer"),
        ({"framework": "celery"}, "worker_process_init"),
        ({"framework": "gunicorn"}, "post_fork"),
        ({"framework": "uvicorn"}, "top of the module"),
        ({"python": "3.12"}, "Policy(children='harden')"),
        ({"python": ""}, "dynamically linked"),
    ],
)
def test_the_fix_for_a_worker_fits_what_started_it(fields: dict[str, Any], words: str) -> None:
    """Each framework has a hook of its own."""
    lost = judge(ancestor=HARDENED, **EXPOSED, **fields)[0]
    assert lost.id == "PH014"
    assert words in lost.fix
    assert lost.message == "it is not hardened, but its ancestor agent is"


AS_ROOT = "sudo process-hardening audit PID"
READ_TRACERS = "grep TracerPid /proc/PID/task/*/status"


@pytest.mark.parametrize(
    ("fields", "words", "command", "of_others"),
    [
        ({"dumpable": None, "inspectable": None}, "does not report its dumpable flag", "uname -r",
         AS_ROOT),
        ({"dumpable": None}, "0 or 2", "uname -r", "uname -r"),
        ({"core_limit": None}, "its core limit", "cat /proc/PID/limits", "cat /proc/PID/limits"),
        ({"opens_itself": None}, "its runtime", "ls -l /proc/PID/exe", "ls -l /proc/PID/exe"),
        ({"tracer_pid": None}, "who traces it", READ_TRACERS, READ_TRACERS),
        ({"injected_libraries": None}, "a library was injected", "harden -- PROGRAM", AS_ROOT),
        (
            {"inspectable": None, "problem": "it ran away"},
            "it ran away",
            "process-hardening audit PID",
            "process-hardening audit PID",
        ),
        (
            {"tracer_pid": None, "problem": "too much to read: its threads"},
            "its threads",
            READ_TRACERS,
            READ_TRACERS,
        ),
        (
            {"injected_libraries": None, "problem": "too much to read: its mappings"},
            "its mappings",
            "cat /proc/PID/maps",
            "cat /proc/PID/maps",
        ),
        (
            {"injected_libraries": None, "problem": "too much to read: its environment"},
            "its environment",
            r"cut -z -d= -f1 /proc/PID/environ | tr '\0' '\n'",
            r"cut -z -d= -f1 /proc/PID/environ | tr '\0' '\n'",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_known_is_named_with_a_fix_that_can_be_done(
    fields: dict[str, Any], words: str, command: str, of_others: str
) -> None:
    """Value by value. Only if the kernel hides something does the fix send the reader to root."""
    (finding,) = judge(**fields)
    assert (finding.id, finding.commands) == ("PH015", (command,))
    assert words in finding.message
    assert "root" not in finding.fix
    (of_user,) = judge(**fields, protected=("exe",))
    assert of_user.commands == (of_others,)
    assert words in of_user.message


@pytest.mark.parametrize(
    ("uid", "is_root", "words", "command"),
    [
        (1000, False, "as root", "sudo process-hardening audit 7"),
        (
            1000,
            True,
            "as its user, or with that capability",
            "setpriv --reuid=1000 --regid=100 --clear-groups process-hardening audit 7",
        ),
        (0, True, "--cap-add SYS_PTRACE", "process-hardening audit 7"),
    ],
)
@pytest.mark.parametrize(
    "fields",
    [
        {"injected_libraries": None, "protected": ("exe", "python")},
        {"inspectable": None, "protected": ("name",), "problem": "/proc hides it"},
    ],
    ids=["exe", "hidepid"],
)
def test_what_the_kernel_hides_also_from_root_is_audited_as_its_user(
    fields: dict[str, Any], uid: int, is_root: bool, words: str, command: str
) -> None:
    """Root in a container lacks CAP_SYS_PTRACE. The finding and the group give the same advice."""
    seen = {"gid": 100, "dumpable": 0, "inspectable": False, **fields}
    posture = process(7, "app", uid=uid).replace(**seen)
    audit = audit_of(posture, asked_by=0 if is_root else 1000)
    (group,) = audit.groups
    assert words in group.fix
    assert group.command == command
    (finding,) = (f for entry in audit.entries for f in entry.findings if f.id == "PH015")
    assert finding.fix == group.fix
    assert [text.replace("PID", "7") for text in finding.commands] == [command]


def test_a_finding_says_what_it_is_about() -> None:
    """In its message, and apart, so that two of a kind can be told apart."""
    many = tuple(f"LD_{number}" for number in range(9))
    (finding,) = judge(loader_variables=many)
    assert finding.subject == many
    assert finding.message.endswith("LD_7 and 1 more")
    (finding,) = judge(tracer_pid=4711)
    assert finding.commands == ("ps -o pid,user,args -p 4711",)


def test_ids_and_severities() -> None:
    """Every id is used once and says what it is about; severities are known."""
    assert len(RULES) == len(PROCESS_RULES) + len(HOST_RULES)
    assert all(re.fullmatch(r"PH0\d\d", rule.id) for rule in PROCESS_RULES)
    assert all(re.fullmatch(r"PH1\d\d", rule.id) for rule in HOST_RULES)
    assert {rule.severity for rule in RULES.values()} == set(SEVERITIES)


# What the commands begin with; some are not installed here.
PROGRAMS = {
    "PROGRAM", "cat", "echo", "env", "getpcaps", "gpasswd", "grep", "harden",
    "mount", "mv", "namei", "prlimit", "process-hardening", "ps", "python3", "setcap", "swapoff",
    "sysctl",
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_commands_of_a_fix_can_be_typed(rule: Rule) -> None:
    """The shell takes them, they start a known program, and options of ours exist."""
    assert rule.commands or rule.id == "PH118", "only another kernel fixes that one"
    for command in rule.commands:
        assert subprocess.run(["sh", "-nc", command], check=False).returncode == 0, command
        words = [word for word in shlex.split(command) if word != "sudo"]
        name, *arguments = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        assert name in PROGRAMS, command
        if name in ("process-hardening", "harden"):
            ours = [COMMAND, arguments[0]] if name != "harden" else [support.find_tool(name)]
            shown = support.run([*ours, "--help"]).stdout
            options = arguments[: arguments.index("--")] if "--" in arguments else arguments
            assert all(word in shown for word in options if word.startswith("--"))


def test_no_two_fixes_write_the_same_file() -> None:
    """A command that made a file anew would undo the other."""
    settings: dict[str, set[str]] = {}
    for rule in RULES.values():
        for command in rule.commands:
            setting, arrow, path = command.partition(" > ")
            if arrow:
                settings.setdefault(path, set()).add(setting.partition("=")[0])
    assert settings
    assert all(len(names) == 1 for names in settings.values())


def test_the_page_is_made_of_the_rules() -> None:
    """docs/findings.md is what `explain --markdown` prints."""
    done = support.run([COMMAND, "explain", "--markdown"])
    assert done.stdout == (DOCS / "findings.md").read_text()


def test_explain() -> None:
    """It explains one rule, several or all; an unknown id is an error."""
    one = support.run([COMMAND, "explain", "PH001"])
    assert one.returncode == 0
    rule = RULES["PH001"]
    for text in (rule.words, rule.why, rule.fix, *rule.commands, rule.source):
        assert text in one.stdout
    two = support.run([COMMAND, "explain", "ph001", "PH114"])
    assert RULES["PH114"].words in two.stdout
    everything = support.run([COMMAND, "explain"])
    assert all(key in everything.stdout for key in RULES)
    document = json.loads(support.run([COMMAND, "explain", "--json"]).stdout)
    assert [(r["id"], r["severity"], r["why"]) for r in document["rules"]] == [
        (rule.id, rule.severity, rule.why) for rule in RULES.values()
    ]
    unknown = support.run([COMMAND, "explain", "PH999"])
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("word", ["PH01", "ph1", "1"])
def test_an_id_without_its_zeros_is_answered_with_the_full_one(word: str) -> None:
    done = support.run([COMMAND, "explain", word])
    assert "no such finding (did you mean PH001?)" in done.stderr


@pytest.mark.parametrize("page", ["audit.md", "doctor.md"])
def test_the_pages_name_only_what_exists(page: str) -> None:
    """The documents name only findings and options that exist."""
    text = (DOCS / page).read_text()
    assert set(re.findall(r"\bPH\d{3}\b", text)) <= set(RULES)
    shown = support.run([COMMAND, page.removesuffix(".md"), "--help"]).stdout
    for option in set(re.findall(r"`(--[a-z-]+)", text)):
        assert option in shown, option
