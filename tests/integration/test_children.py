"""Children of a hardened program are hardened before their main(), or said not to be.

Every child that counts as hardened is attacked; the same attack on the same child of a plain
program gets its canary.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import starts
import support
import victims
from programs.children import PROTECTIONS, STARTS

ATTACKS = ("mem", "process_vm_readv")

# start: whether the library reaches it
PYTHON_STARTS = {
    "fork": True,
    "spawn": True,
    **({"forkserver": True} if sys.version_info >= (3, 14) else {}),
    "pool": True,
    "python": True,
    "python -I": True,
    "python -E": True,
    "python -S": True,
    "python, no environment": False,
    "python -S, no environment": False,
    "grandchild": True,
}


class Holder(support.Running):
    """A program whose child says where it holds a canary."""

    def __init__(self, protection: str, start: str, programs: Path, *words: str) -> None:
        super().__init__(
            [sys.executable, str(programs / "children.py"), protection, start, *words],
            env=starts.remove_loader_variables(),
        )

    def leaks(self, programs: Path) -> list[str]:
        """The attacks that get the canary of the child."""
        pid, address, canary = self.ready.split()
        return [
            attack
            for attack in ATTACKS
            if canary in attacked(programs, attack, pid, address, str(len(canary)))
        ]


def attacked(programs: Path, *words: str) -> str:
    """What an attack of another process of the same user gets."""
    attack = [sys.executable, str(programs / "attack.py"), *words]
    return support.run_as_user(attack, errors="replace").stdout


def leaks(protection: str, start: str, programs: Path, *words: str) -> list[str]:
    """The attacks that get the canary of a child."""
    with Holder(protection, start, programs, *words) as holder:
        return holder.leaks(programs)


@pytest.mark.parametrize("start", PYTHON_STARTS)
def test_children_in_python(start: str, programs: Path) -> None:
    """Every way to start one; only an emptied environment loses the library."""
    assert leaks("PLAIN", start, programs) == list(ATTACKS), "inconclusive: the control is shut"
    expected = [] if PYTHON_STARTS[start] else list(ATTACKS)
    assert leaks("POLICY", start, programs) == expected


@pytest.mark.parametrize("protection", sorted(PROTECTIONS.keys() - {"PLAIN", "ITSELF"}))
def test_every_way_to_ask_for_it(protection: str, programs: Path) -> None:
    """The policy, the call, twice over, and through an execute-only image."""
    assert leaks("PLAIN", "spawn", programs) == list(ATTACKS), "inconclusive: the control is shut"
    assert leaks(protection, "spawn", programs) == []


@pytest.mark.parametrize("start", ["program", "shell"])
@pytest.mark.parametrize("kind", ["glibc", "musl", "static"])
def test_children_in_c(start: str, kind: str, programs: Path, compiler: support.Compiler) -> None:
    """Any dynamically linked program of either libc; check_child() knows the static one."""
    flags = ["-static"] if kind == "static" else []
    cc = "musl-gcc" if kind == "musl" else "cc"
    program = str(compiler("holder.c", *flags, name=f"holder-{kind}", cc=cc))
    control = leaks("PLAIN", start, programs, program)
    assert control == list(ATTACKS), "inconclusive: the control is shut"
    expected = control if kind == "static" else []
    assert leaks("POLICY", start, programs, program) == expected
    by, reason = (None, "it is statically linked") if expected else ("preload library", None)
    assert checked(f"[{program!r}]") == [by, reason]


def test_a_child_that_must_not_be_hardened(programs: Path, compiler: support.Compiler) -> None:
    """popen_unhardened() leaves a debugger or CUDA tool as it is."""
    program = str(compiler("holder.c", name="holder-glibc"))
    assert leaks("POLICY", "program", programs, program) == []
    assert leaks("POLICY", "unhardened", programs, program) == list(ATTACKS)


def test_every_start_is_tried() -> None:
    """A new row in programs/children.py has its test."""
    assert {*PYTHON_STARTS, "forkserver", "program", "shell", "unhardened"} == set(STARTS)


PRELUDE = f"""
import json, os, subprocess, sys
import process_hardening as ph
verdict = [sys.executable, {str(starts.SOURCES / "verdict.py")!r}]
"""


def python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code as the unprivileged user."""
    argv = [sys.executable, "-c", PRELUDE + code]
    return support.run_as_user(argv, env={**starts.remove_loader_variables(), **env})


def shown(expression: str, **env: str) -> Any:
    """The value of an expression in a program that has its children hardened, as JSON."""
    code = f"ph.pre_main_hardening(ph.Policy(children='harden'))\nprint(json.dumps({expression}))"
    result = python(code, **env)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def checked(arguments: str) -> Any:
    """What check_child() says below such a program: by and reason."""
    return shown(f"(lambda check: [check.by, check.reason])(ph.check_child({arguments}))")


@pytest.mark.parametrize(
    ("arguments", "by", "reason"),
    [
        ("'sh'", "preload library", None),
        ("[sys.executable, '-I', '-S']", "preload library", None),
        (
            "sys.executable, {}",
            None,
            "LD_PRELOAD in its environment does not name the preload library",
        ),
        ("'sh', {**os.environ, 'LD_PRELOAD': '/x.so'}", None, "LD_PRELOAD in its environment"),
        ("'sh', {**os.environ, 'CODEX_SKIP_HARDENING': '1'}", None, "CODEX_SKIP_HARDENING=1 is in"),
        ("'sh', {**os.environ, 'PROCESS_HARDENING_EXCEPT': 'sh'}", None, "exempts it"),
        (
            "'sh', {'LD_PRELOAD': os.environ['LD_PRELOAD'], 'PROCESS_HARDENING_EXCEPT': 'sh'}",
            "preload library",
            None,
        ),
        ("'su'", None, "set-user-ID"),
        ("'no-such-program'", None, "no-such-program: not found in PATH"),
        ("'/dev/null'", None, "/dev/null: not a regular file"),
        ("''", None, "the program name is empty"),
    ],
)
def test_what_check_child_says(arguments: str, by: str | None, reason: str | None) -> None:
    """A reason for everything that would not be hardened, and no exception."""
    found = checked(arguments)
    assert found[0] == by
    assert (found[1] is None) if reason is None else (reason in found[1])


def test_a_check_is_as_true_as_its_answer() -> None:
    """`if ph.check_child(...)` reads as it should."""
    assert shown("[bool(ph.check_child('sh')), bool(ph.check_child('sh', {}))]") == [True, False]


def test_the_report_says_what_it_reaches_and_what_not() -> None:
    """Never assumed."""
    code = (
        "[(r := ph.harden_children()).outcome, r.hook, r.running, list(r.covered),"
        " list(r.not_covered)]"
    )
    outcome, hook, running, covered, missed = shown(code)
    assert (outcome, hook, running) == ("already in place", False, [])
    assert any("dynamically linked" in kind for kind in covered)
    for what in ("statically linked", "set-user-ID", "another architecture", "without LD_PRELOAD"):
        assert any(what in kind for kind in missed), what


def test_children_from_before_are_named(programs: Path) -> None:
    """Their pids; a child that ended, or that is hardened, is not among them."""
    argv = [sys.executable, str(programs / "early_children.py")]
    result = support.run_as_user(argv, env=starts.remove_loader_variables())
    assert (result.stdout, result.stderr) == ("True\nTrue\n", "")


def test_children_that_cannot_be_read_are_not_forgotten(programs: Path) -> None:
    """The report names them, or says that there may be some, however few descriptors are free."""
    result = support.run([sys.executable, str(programs / "count_children.py")])
    assert (result.returncode, result.stderr) == (0, "")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [is_said for _, is_said in rows] == [True] * 10
    assert [is_named for is_named, _ in rows][2:] == [True] * 8


START = "Process(target=print, args=('ran',)).start()"
FORKSERVER_STARTS = {
    "get_context": ("", f"multiprocessing.get_context('forkserver').{START}"),
    "set_start_method": (
        "",
        f"multiprocessing.set_start_method('forkserver', force=True); multiprocessing.{START}",
    ),
    "set_start_method before": (
        "multiprocessing.set_start_method('forkserver')",
        f"multiprocessing.{START}",
    ),
    "a context from before": (
        "context = multiprocessing.get_context('forkserver')",
        f"context.{START}",
    ),
    "a process from before": (
        "process = multiprocessing.get_context('forkserver').Process(target=print, args=('ran',))",
        "process.start()",
    ),
    "ProcessPoolExecutor": (
        "Pool = concurrent.futures.ProcessPoolExecutor",
        "Pool(1, multiprocessing.get_context('forkserver')).submit(print, 'ran').result()",
    ),
    "Pool": ("", "multiprocessing.get_context('forkserver').Pool(1).apply(print, ('ran',))"),
    "Manager": ("", "multiprocessing.get_context('forkserver').Manager() and print('ran')"),
    "import_module": (
        "",
        "importlib.import_module('multiprocessing.forkserver')"
        f" and multiprocessing.get_context('forkserver').{START}",
    ),
}
"""What is done before children are hardened, and the start."""

BEFORE_314 = pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="its socket asks for a key since 3.14"
)


@BEFORE_314
@pytest.mark.parametrize("start", FORKSERVER_STARTS)
def test_a_forkserver_is_refused(start: str) -> None:
    """It runs what any process of the user sends to its socket, however hardened it is."""
    before, statement = FORKSERVER_STARTS[start]
    code = f"""
import concurrent.futures, importlib, multiprocessing
{before}
{{}}
for _ in range(2):
    try:
        {statement}
    except (RuntimeError, ImportError) as error:
        print("refused:", error, flush=True)
"""
    assert "ran\n" in python(code.format("")).stdout, "inconclusive"
    refused = python(code.format("ph.harden_children()")).stdout.splitlines()
    assert len(refused) == 2
    for line in refused:
        assert line.startswith(
            "refused: before Python 3.14, multiprocessing's forkserver runs"
        ) or (start == "import_module" and "multiprocessing.forkserver" in line)


@BEFORE_314
def test_no_code_runs_in_a_forkserver_that_is_refused(programs: Path, user_tmp: Path) -> None:
    """An attacker sends its own to every socket of the program; the control runs it."""
    start = """
import contextlib, multiprocessing, sys
with contextlib.suppress(RuntimeError):
    multiprocessing.get_context("forkserver").Process(target=int).start()
print("up", flush=True)
sys.stdin.read()
"""
    harden = "import process_hardening as ph; ph.harden_children()\n"
    attack = [sys.executable, str(programs / "attack_forkserver.py"), str(user_tmp)]
    env = {**os.environ, "TMPDIR": str(user_tmp)}
    for code, is_control in ((start, True), (harden + start, False)):
        with support.Running([sys.executable, "-c", code], env=env, stderr=None):
            count, *answers = support.run_as_user(attack).stdout.splitlines()
        assert (count, bool(answers)) == (("1", True) if is_control else ("0", False))
        assert all(answer.startswith("code ran in a child of") for answer in answers)


@BEFORE_314
def test_audit_finds_a_forkserver(command: str, user_tmp: Path) -> None:
    """By its command line and the version of its Python."""
    code = """
import multiprocessing.forkserver as server, sys
server.ensure_running()
print(server._forkserver._forkserver_pid, flush=True)
sys.stdin.read()
"""
    env = {**os.environ, "TMPDIR": str(user_tmp)}
    with support.Running([sys.executable, "-c", code], env=env) as program:
        argv = [command, "audit", "--json", program.ready]
        (found,) = json.loads(support.run_as_user(argv).stdout)["processes"]
    assert "PH017" in {finding["id"] for finding in found["findings"]}


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="its socket asks for a key since 3.14")
def test_a_forkserver_from_before_is_an_error() -> None:
    """Nothing has changed then."""
    code = """
from multiprocessing import forkserver
forkserver.ensure_running()
try:
    ph.harden_children()
except ph.HardeningError as error:
    print(error.step, error.exit_code)
print("LD_PRELOAD" in os.environ)
"""
    assert python(code).stdout == "children 8\nFalse\n"


def test_the_report_of_a_policy_tells_of_its_children() -> None:
    """As of every step."""
    code = (
        "print([ph.harden(ph.Policy(children=c)).children for c in ('leave', 'harden', 'harden')])"
    )
    assert python(code).stdout == "['skipped', 'applied', 'already in place']\n"


def test_bypassed_means_for_children_too() -> None:
    """CODEX_SKIP_HARDENING=1 leaves the environment of children alone."""
    code = "print(ph.harden_children().outcome, 'LD_PRELOAD' in os.environ)"
    assert python(code, CODEX_SKIP_HARDENING="1").stdout == "skipped False\n"


def test_a_bypass_that_is_not_heeded_is_not_handed_on() -> None:
    """Policy(bypass_variable=None) holds for children: their library heeds the variable."""
    policy = "ph.Policy(children='harden', bypass_variable=None)"
    code = f"ph.pre_main_hardening({policy})\nsubprocess.run(verdict)"
    assert python(code, CODEX_SKIP_HARDENING="1").stdout == "hardened\n"


@pytest.mark.parametrize("fields", ["", "bypass_variable='MYAPP_DEV'"])
def test_a_bypass_that_came_later_is_not_handed_on(fields: str) -> None:
    """Such as from load_dotenv(): the process does not obey it, so its children must not."""
    code = f"""
os.environ.update(CODEX_SKIP_HARDENING="1", MYAPP_DEV="1")
ph.pre_main_hardening(ph.Policy(children="harden", {fields}))
subprocess.run(verdict)
"""
    assert python(code).stdout == "hardened\n"


TELLS = "subprocess.run(verdict, env=dict(os.environ, MYAPP_DEV='1'))"


@pytest.mark.parametrize("inherited", [False, True])
def test_a_later_call_replaces_the_bypass_variable(inherited: bool) -> None:
    """An earlier call, or whoever started the process, chose the name that children obeyed."""
    first = "" if inherited else "print(ph.harden_children(bypass_variable='MYAPP_DEV').outcome)\n"
    env = {"PROCESS_HARDENING_BYPASS": "MYAPP_DEV"} if inherited else {}
    code = (
        f"{first}print(ph.harden_children().outcome, ph.harden_children().outcome)\n"
        f"print('PROCESS_HARDENING_BYPASS' in os.environ, flush=True)\n{TELLS}"
    )
    expected = f"{first and 'applied' + chr(10)}applied already in place\nFalse\nhardened\n"
    result = python(code, **env)
    assert (result.stdout, result.stderr) == (expected, "")


def test_a_bypass_variable_is_replaced_behind_the_back_of_os_environ() -> None:
    """Children inherit the C environment, whatever os.environ shows."""
    code = (
        "ph.harden_children()\nos.putenv('PROCESS_HARDENING_BYPASS', 'MYAPP_DEV')\n"
        "print(ph.harden_children().outcome)\n"
        "print(os.system('test -z \"$PROCESS_HARDENING_BYPASS\"'))"
    )
    assert python(code).stdout == "applied\n0\n"


def test_the_name_of_a_bypass_variable_is_no_prefix_to_check_child() -> None:
    """To the library neither: the child is hardened."""
    code = (
        "ph.harden_children()\nos.environ['PROCESS_HARDENING_BYPASS'] = 'MYAPP_*'\n"
        "os.environ['MYAPP_DEV'] = '1'\n"
        f"print(bool(ph.check_child(sys.executable)), flush=True)\n{TELLS}"
    )
    assert python(code).stdout == "True\nhardened\n"


def test_a_later_call_replaces_the_variables_to_keep() -> None:
    """What the earlier call kept is not kept any longer."""
    code = (
        "ph.harden_children(keep=['LD_LIBRARY_PATH'])\nprint(ph.harden_children().outcome)\n"
        "os.environ['LD_LIBRARY_PATH'] = '/kept'\n"
        "subprocess.run(['sh', '-c', 'echo $LD_LIBRARY_PATH'])"
    )
    assert python(code).stdout == "applied\n\n"


EXCEPTED = (
    "print(ph.harden_children().outcome, os.environ.get('PROCESS_HARDENING_EXCEPT'), flush=True)\n"
    f"{TELLS}"
)


def test_exceptions_that_were_inherited_without_a_request_exempt_no_child() -> None:
    """As with `harden --children`: only an outer `harden --children --except` counts."""
    result = python(EXCEPTED, PROCESS_HARDENING_EXCEPT="python*")
    assert result.stdout == "applied None\nhardened\n"
    words = [str(Path(sys.prefix) / "bin/harden"), "--children", "--except", "other"]
    words += ["--", sys.executable, "-c", PRELUDE + EXCEPTED]
    outer = support.run_as_user(words, env=starts.remove_loader_variables())
    assert outer.stdout == "already in place other\nhardened\n"


def test_an_exception_matches_the_bytes_of_a_name(user_tmp: Path) -> None:
    """For our library and for check_child(): the first character of this name has two bytes."""
    program = user_tmp / "\u00e9x"
    shutil.copy(starts.find_system_program("cat"), program)
    code = f"""
ph.pre_main_hardening(ph.Policy(children="harden"))
for pattern in ("?x", "??x", "???x"):
    env = {{**os.environ, "PROCESS_HARDENING_EXCEPT": pattern}}
    child = subprocess.Popen({str(program)!r}, -1, None, subprocess.PIPE, subprocess.PIPE, env=env)
    child.stdin.write(b"x\\n")
    child.stdin.flush()
    child.stdout.readline()
    owner = os.stat(f"/proc/{{child.pid}}/fd").st_uid
    print(bool(ph.check_child({str(program)!r}, env)), owner == 0)
    child.communicate()
"""
    result = python(code)
    assert result.stdout == "True True\nFalse False\nTrue True\n", result.stderr


def test_an_environment_that_is_reached_through_a_link_is_the_same(user_tmp: Path) -> None:
    """`harden` names the library by its real path, Python by the path that was used."""
    link = user_tmp / "current"
    link.symlink_to(sys.prefix)
    asks = "import process_hardening as ph; print(ph.status().verdict, ph.harden().removed)"
    code = (
        f"{PRELUDE}print(ph.pre_main_hardening().removed)\n"
        "print(bool(ph.check_child(sys.executable)), 'LD_PRELOAD' in ph.child_env())\n"
        "print('LD_PRELOAD' in ph.child_env(hardened=False), flush=True)\n"
        f"subprocess.run([sys.executable, '-c', {asks!r}])"
    )
    words = [str(link / "bin/harden"), "--children", "--", str(link / "bin/python"), "-c", code]
    result = support.run_as_user(words, env=starts.remove_loader_variables())
    assert result.stdout == "()\nTrue True\nFalse\nhardened ()\n", result.stderr


@pytest.mark.parametrize(
    ("fields", "variable", "verdict"),
    [
        ("", "CODEX_SKIP_HARDENING", "exposed"),
        ("bypass_variable='MYAPP_DEV'", "CODEX_SKIP_HARDENING", "hardened"),
        ("bypass_variable='MYAPP_DEV'", "MYAPP_DEV", "exposed"),
        ("bypass_variable='MYAPP_DEV', refuse_bypass=True", "MYAPP_DEV", "hardened"),
        ("bypass_variable=None", "CODEX_SKIP_HARDENING", "hardened"),
    ],
)
def test_children_heed_the_bypass_variable_of_the_policy(
    fields: str, variable: str, verdict: str
) -> None:
    """And check_child() knows it."""
    code = f"""
ph.pre_main_hardening(ph.Policy(children="harden", {fields}))
os.environ[{variable!r}] = "1"
print(bool(ph.check_child(sys.executable)), flush=True)
subprocess.run(verdict)
"""
    assert python(code).stdout == f"{verdict == 'hardened'}\n{verdict}\n"


def test_what_the_policy_keeps_children_keep() -> None:
    """LD_LIBRARY_PATH, for one; without it they lose it as their parent does."""
    code = (
        "ph.harden(ph.Policy(children='harden', keep={}))\n"
        "os.environ['LD_LIBRARY_PATH'] = '/kept'\n"
        "subprocess.run(['sh', '-c', 'echo $LD_LIBRARY_PATH'])"
    )
    assert python(code.format("['LD_LIBRARY_PATH']")).stdout == "/kept\n"
    assert python(code.format("[]")).stdout == "\n"


def test_another_library_in_ld_preload_is_an_error(user_tmp: Path) -> None:
    """The two do not go together: children would leave ours behind. Nothing is changed."""
    other = user_tmp / "other.so"
    code = (
        f"os.environ['LD_PRELOAD'] = {str(other)!r}\n"
        "before = dict(os.environ)\n"
        "try:\n    ph.harden_children()\n"
        "except ph.HardeningError as error:\n    print(error, error.step, error.exit_code)\n"
        "print(before == dict(os.environ))"
    )
    result = python(code)
    assert result.stdout == (
        "children cannot be hardened: LD_PRELOAD names another library: remove LD_PRELOAD"
        " from keep children 8\nTrue\n"
    )


@pytest.mark.parametrize("fault", ["gone", "blank"])
def test_a_library_that_cannot_be_loaded_is_an_error(fault: str, user_tmp: Path) -> None:
    """One line and exit status 8: children would start unprotected."""
    folder = user_tmp / ("a b" if fault == "blank" else "lib")
    package = folder / "process_hardening"
    victims.copy_package(package)
    if fault == "gone":
        (package / "libprocess_hardening.so").unlink()
    result = python(
        "ph.pre_main_hardening(ph.Policy(children='harden')); print('went on')",
        PYTHONPATH=str(folder),
    )
    assert (result.returncode, result.stdout) == (8, "")
    assert result.stderr.startswith("process-hardening: children cannot be hardened: ")
    assert result.stderr.count("\n") == 1
    assert ("is not installed" if fault == "gone" else "path without blanks") in result.stderr


def test_a_library_that_cannot_be_mapped_is_an_error(user_tmp: Path) -> None:
    """From a noexec file system the dynamic loader would start children without it."""
    support.require_root()
    package = user_tmp / "lib" / "process_hardening"
    victims.copy_package(package)
    library = str(package / "libprocess_hardening.so")
    script = f'mount --bind {library} {library} && mount -o remount,bind,$0 {library} && exec "$@"'
    code = "import process_hardening as ph; print(ph.harden_children().outcome)"
    argv = [sys.executable, "-c", code]
    env = {**starts.remove_loader_variables(), "PYTHONPATH": str(package.parent)}
    plain, noexec = (
        support.run(["unshare", "-m", "sh", "-c", script, flag, *argv], env=env)
        for flag in ("exec", "noexec")
    )

    assert (plain.returncode, plain.stdout) == (0, "applied\n")
    assert (noexec.returncode, noexec.stdout) == (1, "")
    assert "is its file system mounted noexec?" in noexec.stderr


def test_a_wrong_policy_is_refused() -> None:
    """By pre_main_hardening() callers too: the constructor raises."""
    result = python("ph.Policy(children='yes')")
    assert "ValueError: children must be 'harden' or 'leave', not 'yes'" in result.stderr


def test_popen_takes_an_environment_of_either_kind() -> None:
    """As subprocess.Popen: str or bytes, and what else is in it stays."""
    code = (
        "ours = ('LD_PRELOAD', 'PROCESS_HARDENING_CHILDREN', 'PROCESS_HARDENING_KEEP')\n"
        "for env in (dict(os.environ, A='1'), {**os.environb, b'A': b'1'}, None):\n"
        "    child = ph.popen_unhardened(['env'], env=env, stdout=subprocess.PIPE, text=True)\n"
        "    text, _ = child.communicate()\n"
        "    names = {line.partition('=')[0] for line in text.splitlines()}\n"
        "    print('A' in names, 'PATH' in names, names & set(ours))\n"
    )
    result = python(f"ph.pre_main_hardening(ph.Policy(children='harden'))\n{code}")
    assert result.stdout == "True True set()\nTrue True set()\nFalse True set()\n"


SECRETS = {"OPENAI_API_KEY": "1", "GITHUB_TOKEN": "1", "PGPASSWORD": "1", "MY_NOTE": "1"}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ("", {"OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "MY_NOTE"}),
        ("secrets='keep'", {"OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "MY_NOTE"}),
        ("secrets='drop'", {"MY_NOTE"}),
        ("secrets='drop', keep=['GITHUB_TOKEN']", {"MY_NOTE", "GITHUB_TOKEN"}),
        ("secrets='drop', drop=['MY_*']", set()),
        ("secrets='drop', drop=['*'], keep=['MY_*']", {"MY_NOTE"}),
        ("drop=['MY_NOTE', 'PG*']", {"OPENAI_API_KEY", "GITHUB_TOKEN"}),
    ],
)
def test_credentials_stay_from_tools_that_need_none(arguments: str, left: set[str]) -> None:
    """By the table of names that audit has; names are added and excepted."""
    names = shown(f"list(ph.child_env({arguments}))", **SECRETS)
    assert set(names) & set(SECRETS) == left
    assert ("PATH" in names) == ("['*']" not in arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("secrets='dorp'", "ValueError: secrets must be 'keep' or 'drop', not 'dorp'"),
        ("secrets=True", "ValueError: secrets must be 'keep' or 'drop', not True"),
        ("drop='PGPASSWORD'", "TypeError: drop must be a sequence of variable names"),
        ("keep=['A=B']", "ValueError: keep: 'A=...' is not a variable name"),
    ],
)
def test_wrong_arguments_of_child_env(arguments: str, error: str) -> None:
    """A mistake must not hand credentials on."""
    result = python(f"print(ph.child_env({arguments}))")
    assert (result.returncode, result.stdout) == (1, "")
    assert error in result.stderr


def test_a_str_is_not_a_list_of_variables_to_keep() -> None:
    """Its letters would be taken for names."""
    result = python("ph.harden_children(keep='LD_LIBRARY_PATH')")
    assert result.returncode == 1
    assert "TypeError: keep must be a sequence of variable names" in result.stderr


def test_a_program_may_have_replaced_os_environ() -> None:
    """A plain dict in its place sets nothing by itself."""
    code = """
os.environ = dict(os.environ)
ph.harden_children()
for env in (None, os.environ):
    subprocess.run(verdict, env=env)
"""
    assert python(code).stdout == "hardened\nhardened\n"


def test_check_child_reads_what_a_script_sets_by_env(user_tmp: Path) -> None:
    """A bypass in the "#!" line is what happens, so it is what is said."""
    outcomes = {}
    for setting in ("CODEX_SKIP_HARDENING=1", "HARMLESS=1"):
        script = user_tmp / setting.partition("=")[0]
        script.write_text(
            f"#!/usr/bin/env -S {setting} {sys.executable}\n"
            "import ctypes; print(ctypes.CDLL(None).prctl(3))\n"
        )
        script.chmod(0o755)
        code = f"""
from pathlib import Path
ph.harden_children()
print(bool(ph.check_child(Path({str(script)!r}))), flush=True)
subprocess.run([Path({str(script)!r})], stderr=subprocess.DEVNULL)
"""
        outcomes[setting] = python(code).stdout.split()
    assert outcomes == {"CODEX_SKIP_HARDENING=1": ["False", "1"], "HARMLESS=1": ["True", "0"]}
