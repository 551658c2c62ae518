"""harden(), pre_main_hardening(), status() and their Report, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import starts
import support
from process_hardening.variables import STRICT_VARIABLES

SHOW = """
def show(**values):
    import json
    print(json.dumps(values, default=lambda value: getattr(value, "__dict__", str(value))))
"""
REPORT = """
def parts(report):
    return [report.inspection, report.core_limit, report.environment, report.no_new_privs,
            sorted(report.removed), report.bypassed]
"""
PRELUDE = f"import os, sys{SHOW}{REPORT}\nimport process_hardening as ph\n"

APPLIED, ALREADY, SKIPPED = "applied", "already in place", "skipped"


def python_argv(code: str) -> list[str]:
    """The command line of an interpreter that runs code, with what the tests need before it."""
    return [sys.executable, "-c", PRELUDE + code]


def run_python(code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run code as the unprivileged user."""
    env = {**starts.remove_loader_variables(), **options.pop("env", {})}
    return support.run_as_user(python_argv(code), env=env, **options)


def values_of(result: subprocess.CompletedProcess[str]) -> Any:
    """What code that ended well has shown."""
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def shown(code: str, **options: Any) -> Any:
    """Run code that shows values, and return them."""
    return values_of(run_python(code, **options))


def shown_raw(compiler: support.Compiler, entries: Sequence[bytes], code: str) -> Any:
    """The same, in exactly this environment."""
    argv = starts.make_raw_argv(compiler, entries, python_argv(code))
    return values_of(support.run_as_user(argv))


def names_in(environ: Sequence[str]) -> list[str]:
    """Names of variables, less the one that Python adds in the C locale (PEP 538)."""
    return [name for name in environ if name != "LC_CTYPE"]


def initial_after(
    compiler: support.Compiler, entries: Sequence[bytes], code: str
) -> tuple[str, list[bytes]]:
    """What is printed after code has run, and what /proc/PID/environ holds then; root looks."""
    support.require_root()
    code += "\nprint('ready', flush=True)\nsys.stdin.read()"
    argv = starts.make_raw_argv(compiler, entries, python_argv(code))
    with support.Running(argv) as program:
        return program.ready, starts.read_initial_environment(program.pid)


@pytest.mark.parametrize("call", ["harden", "pre_main_hardening"])
@pytest.mark.parametrize("policy", ["", "None", "ph.DEFAULT", "ph.Policy()"])
def test_default(call: str, policy: str) -> None:
    """The three steps of the specification are applied, and the kernel says so."""
    code = f"""
before = ph.status()
report = ph.{call}({policy})
after = ph.status()
show(report=parts(report), before=[before.inspectable, before.verdict],
     after=[after.inspectable, after.dumpable, after.no_new_privs, after.core_limit,
            after.tracer_pid, after.loader_variables, after.verdict])
"""
    assert shown(code, env={"LD_PRELOAD": "", "LD_LIBRARY_PATH": "/x"}) == {
        "report": [APPLIED, APPLIED, APPLIED, SKIPPED, ["LD_LIBRARY_PATH", "LD_PRELOAD"], False],
        "before": [True, "exposed"],
        "after": [False, 0, False, [0, 0], 0, [], "hardened"],
    }


def test_calls_are_idempotent() -> None:
    """The second finds everything in place, the third repairs what was undone meanwhile."""
    found = shown("""
import ctypes
reports = [ph.harden(), ph.pre_main_hardening()]
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
os.environ["LD_X"] = "1"
exposed = ph.status().verdict
reports.append(ph.harden())
show(reports=[parts(report) for report in reports], exposed=exposed,
     left="LD_X" in os.environ, verdict=ph.status().verdict)
""")
    assert found["reports"] == [
        [APPLIED, APPLIED, ALREADY, SKIPPED, [], False],
        [ALREADY, ALREADY, ALREADY, SKIPPED, [], False],
        [APPLIED, ALREADY, APPLIED, SKIPPED, ["LD_X"], False],
    ]
    assert (found["exposed"], found["left"], found["verdict"]) == ("exposed", False, "hardened")


@pytest.mark.parametrize(
    ("policy", "parts", "status"),
    [
        ("inspection=False", [SKIPPED, APPLIED, APPLIED, SKIPPED], [1, [0, 0], []]),
        ("core_limit=False", [APPLIED, SKIPPED, APPLIED, SKIPPED], [0, None, []]),
        ("environment=False", [APPLIED, APPLIED, SKIPPED, SKIPPED], [0, [0, 0], ["LD_X"]]),
        (
            "inspection=False, core_limit=False, environment=False, no_new_privs=True",
            [SKIPPED, SKIPPED, SKIPPED, APPLIED],
            [1, None, ["LD_X"]],
        ),
    ],
)
def test_a_policy_leaves_steps_out(policy: str, parts: list[str], status: list[Any]) -> None:
    """Exactly those, and the report says so."""
    code = f"""
before = ph.status().core_limit
report = ph.harden(ph.Policy({policy}))
after = ph.status()
show(parts=parts(report), before=before,
     status=[after.dumpable, after.core_limit, after.loader_variables])
"""
    found = shown(code, env={"LD_X": "1"})
    assert found["parts"][:4] == parts
    status[1] = status[1] or found["before"]
    assert found["status"] == status


REMOVED_BEFORE = {
    "changed": "os.environ['LD_PRELOAD'] = 'other'",
    "deleted": "del os.environ['LD_PRELOAD']",
    "popped and set again": "os.environ.pop('LD_PRELOAD'); os.environ['LD_PRELOAD'] = 'other'",
    "set by putenv": "os.putenv('LD_PRELOAD', 'other')",
    "unset behind os.environ": "os.unsetenv('LD_PRELOAD')",
    "cleared": "os.environ.clear()",
    "os.environ replaced": "os.environ = dict(os.environ)",
    "os.environ replaced and changed": "os.environ = dict(os.environ, LD_Y='1', LD_PRELOAD='new')",
    "untouched": "pass",
}


@pytest.mark.parametrize("before", REMOVED_BEFORE.values(), ids=REMOVED_BEFORE)
@pytest.mark.parametrize("late", [False, True], ids=["early import", "late import"])
def test_whatever_python_did_before(compiler: support.Compiler, before: str, late: bool) -> None:
    """Nothing named LD_ is left in os.environ, in the environment of children, or in /proc."""
    change = f"{before}\nimport process_hardening as ph" if late else before
    prelude = PRELUDE.replace("import process_hardening as ph\n", "") if late else PRELUDE
    code = f"""
{prelude}{change}
ph.harden()
import subprocess
child = subprocess.check_output(["/usr/bin/env"], text=True)
names = [n for n in [*os.environ, *map(os.fsdecode, os.environb)] if n[:3] == "LD_"]
show(names=names, child="LD_" in child, value=os.environ.get("OTHER"))
"""
    entries = [b"LD_PRELOAD=", b"OTHER=kept", b"PATH=/usr/bin:/bin"]
    argv = starts.make_raw_argv(compiler, entries, [sys.executable, "-c", code])
    found = values_of(support.run_as_user(argv))
    kept = None if "clear" in before else "kept"
    assert found == {"names": [], "child": False, "value": kept}


@pytest.mark.parametrize("before", REMOVED_BEFORE.values(), ids=REMOVED_BEFORE)
def test_root_finds_nothing_in_proc(compiler: support.Compiler, before: str) -> None:
    """The bytes that the kernel laid at start are gone, whatever Python did to its copies."""
    entries = [b"A=1", b"LD_PRELOAD=", b"LD_LIBRARY_PATH=/x", b"B=2", b"LD_AUDIT="]
    _, initial = initial_after(compiler, entries, f"{before}\nph.pre_main_hardening()")
    assert initial == [b"A=1", b"B=2"]


def test_names_and_values_may_be_any_bytes(compiler: support.Compiler) -> None:
    """What is not UTF-8 is removed, told and wiped like everything else."""
    entries = [b"LD_\xff\xfe=\xfd", b"LD_=", b"LD_A=b=c", b"LD_NOTHING", b"X\xff=\xfe", b"LD"]
    code = "report = ph.harden(); show(removed=report.removed, left=list(os.environ))"
    found = shown_raw(compiler, entries, code)
    assert sorted(found["removed"]) == ["LD_", "LD_A", "LD_NOTHING", "LD_\udcff\udcfe"]
    assert names_in(found["left"]) == ["X\udcff"]
    ready, initial = initial_after(compiler, entries, "ph.harden()")
    assert (ready, initial) == ("ready", [b"X\xff=\xfe", b"LD"])


def test_duplicates_of_one_name(compiler: support.Compiler) -> None:
    """All of them go; the report names the variable once; child_env() has the first."""
    entries = [b"LD_LIBRARY_PATH=/first", b"A=1", b"LD_LIBRARY_PATH=/second", b"LD_X=", b"LD_X="]
    code = """
report = ph.harden()
show(removed=sorted(report.removed), child=ph.child_env()["LD_LIBRARY_PATH"],
     status=ph.status().loader_variables)
"""
    assert shown_raw(compiler, entries, code) == {
        "removed": ["LD_LIBRARY_PATH", "LD_X"],
        "child": "/first",
        "status": [],
    }
    _, initial = initial_after(compiler, entries, "ph.harden()")
    assert initial == [b"A=1"]


def test_thousands_of_variables(compiler: support.Compiler) -> None:
    """Every second of 5,000 goes, the others stay in place and in order."""
    entries = [b"%sV%d=%d" % (b"LD_" if i % 2 else b"", i, i) for i in range(5000)]
    code = "report = ph.harden(); show(removed=len(report.removed), left=list(os.environ))"
    found = shown_raw(compiler, entries, code)
    assert found["removed"] == 2500
    assert names_in(found["left"]) == [f"V{i}" for i in range(0, 5000, 2)]
    _, initial = initial_after(compiler, entries, "ph.harden()")
    assert initial == entries[::2]


def test_no_environment_at_all(compiler: support.Compiler) -> None:
    """An empty one is clean."""
    code = "show(parts=parts(ph.harden()), left=list(os.environ))"
    found = shown_raw(compiler, [], code)
    assert found["parts"] == [APPLIED, APPLIED, ALREADY, SKIPPED, [], False]
    assert names_in(found["left"]) == []


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("keep=['LD_LIBRARY_PATH']", ["A", "AB", "LD_LIBRARY_PATH", "SECRET"]),
        ("keep=['LD_L*']", ["A", "AB", "LD_LIBRARY_PATH", "SECRET"]),
        ("keep=['LD_*']", ["A", "AB", "LD_LIBRARY_PATH", "LD_PRELOAD", "SECRET"]),
        ("keep=['LD_LIBRARY']", ["A", "AB", "SECRET"]),
        ("clear=['A']", ["AB", "SECRET"]),
        ("clear=['A*', 'SECRET']", []),
        ("clear=['*']", []),
        ("clear=['*'], keep=['AB']", ["AB"]),
        ("clear=['A*'], keep=['A*']", ["A", "AB", "SECRET"]),
        ("clear=['SECRE', 'secret', 'B']", ["A", "AB", "SECRET"]),
    ],
)
def test_keep_and_clear(compiler: support.Compiler, policy: str, left: list[str]) -> None:
    """Names and prefixes, in os.environ and in /proc alike; keep wins."""
    entries = [b"A=1", b"AB=2", b"LD_PRELOAD=", b"LD_LIBRARY_PATH=/x", b"SECRET=s"]
    harden = f"ph.harden(ph.Policy({policy}))"
    found = shown_raw(compiler, entries, f"{harden}; show(left=sorted(os.environ))")
    assert names_in(found["left"]) == left
    _, initial = initial_after(compiler, entries, harden)
    assert initial == [entry for entry in entries if entry.split(b"=")[0].decode() in left]


def test_what_was_kept_goes_in_a_later_call(compiler: support.Compiler) -> None:
    """The block is looked at again: a first call with exceptions does not make it clean."""
    code = "ph.harden(ph.Policy(keep=['LD_*']))\nph.harden()"
    _, initial = initial_after(compiler, [b"LD_X=1", b"A=1"], code)
    assert initial == [b"A=1"]


def test_strict_removes_the_wider_set() -> None:
    """Every variable of the table, and the two that stand for a prefix."""
    names = [name.replace("*", "ARENA_MAX") for name in STRICT_VARIABLES]
    names = [name for name in names if not name.startswith("PYTHON")]  # they would act on the test
    code = """
report = ph.harden(ph.STRICT)
show(parts=parts(report), left=sorted(os.environ), no_new_privs=ph.status().no_new_privs)
"""
    found = shown(code, env=dict.fromkeys([*names, "LD_X"], "1"))
    assert found["parts"] == [APPLIED, APPLIED, APPLIED, APPLIED, sorted([*names, "LD_X"]), False]
    assert not set(names) & set(found["left"])
    assert found["no_new_privs"] is True


def test_no_new_privs_holds_for_children() -> None:
    """A set-user-ID program below a STRICT process gains nothing."""
    result = run_python("""
import subprocess
ph.harden(ph.STRICT)
subprocess.run(["grep", "NoNewPrivs", "/proc/self/status"], check=True)
""")
    assert result.stdout.split() == ["NoNewPrivs:", "1"]


@pytest.mark.parametrize(
    ("call", "status", "line"),
    [
        ("ph.pre_main_hardening(ph.STRICT)", 6, "hardening refused: a tracer is attached"),
        ("ph.pre_main_hardening(ph.Policy(refuse_tracer=True))", 6, "a tracer is attached"),
        ("ph.pre_main_hardening()", 0, ""),
    ],
)
def test_a_tracer_that_is_attached_already(call: str, status: int, line: str) -> None:
    """STRICT ends with status 6 and names it; DEFAULT goes on, and status() tells."""
    strace = [support.find_tool("strace"), "-o", os.devnull, "-e", "trace=none", "--"]
    code = f"{call}\nshow(verdict=ph.status().verdict, traced=ph.status().tracer_pid > 0)"
    result = support.run_as_user([*strace, *python_argv(code)], env=os.environ.copy())
    assert result.returncode == status, result.stderr
    assert line in result.stderr
    assert result.stderr.count("\n") == (1 if status else 0)
    if not status:
        assert json.loads(result.stdout) == {"verdict": "partial", "traced": True}


def test_a_tracer_raises_from_harden() -> None:
    """With the step and the status that the other call would exit with."""
    strace = [support.find_tool("strace"), "-o", os.devnull, "-e", "trace=none", "--"]
    code = """
try:
    ph.harden(ph.STRICT)
except ph.HardeningError as error:
    show(step=error.step, exit_code=error.exit_code, errno=error.errno, text=str(error),
         no_new_privs=ph.status().no_new_privs, dumpable=ph.status().dumpable)
"""
    found = values_of(support.run_as_user([*strace, *python_argv(code)]))
    assert found.pop("text").startswith("hardening refused: a tracer is attached (process ")
    assert found == {
        "step": "inspection",
        "exit_code": 6,
        "errno": 0,
        "no_new_privs": False,  # a later step: not taken
        "dumpable": 0,  # an earlier one: stays
    }


WARNING = (
    "process-hardening: CODEX_SKIP_HARDENING=1: starting without hardening, which exposes secrets\n"
)


@pytest.mark.parametrize("call", ["ph.harden", "ph.pre_main_hardening"])
def test_the_bypass_skips_everything(call: str) -> None:
    """One warning line, however many calls; the report says that nothing was done."""
    result = run_python(
        f"show(reports=[parts({call}()), parts({call}(ph.STRICT))], verdict=ph.status().verdict,"
        "kept=os.environ.get('LD_X'))",
        env={"CODEX_SKIP_HARDENING": "1", "LD_X": "1"},
    )
    assert (result.returncode, result.stderr) == (0, WARNING)
    nothing = [SKIPPED, SKIPPED, SKIPPED, SKIPPED, [], True]
    assert json.loads(result.stdout) == {
        "reports": [nothing, nothing],
        "verdict": "exposed",
        "kept": "1",
    }


def test_the_bypass_goes_before_reexec() -> None:
    """A program that is not to be hardened is not started again either."""
    code = "ph.pre_main_hardening(reexec=True); show(exe=os.readlink('/proc/self/exe'))"
    result = run_python(code, env={"CODEX_SKIP_HARDENING": "1"})
    assert result.stderr == WARNING
    assert json.loads(result.stdout) == {"exe": os.path.realpath(sys.executable)}


@pytest.mark.parametrize("value", ["", "0", "true", "yes", "11", "1 ", " 1", "01", "1\n"])
def test_only_1_is_the_bypass(value: str) -> None:
    """To the letter."""
    found = shown("show(bypassed=ph.harden().bypassed)", env={"CODEX_SKIP_HARDENING": value})
    assert found == {"bypassed": False}


@pytest.mark.parametrize(
    ("policy", "variable", "bypassed"),
    [
        ("bypass_variable=None", "CODEX_SKIP_HARDENING", False),
        ("bypass_variable='MY_SKIP'", "CODEX_SKIP_HARDENING", False),
        ("bypass_variable='MY_SKIP'", "MY_SKIP", True),
        ("bypass_variable='MY_SKIP'", "MY_SKIP_", False),
    ],
)
def test_the_bypass_can_be_renamed_or_taken_out(policy: str, variable: str, bypassed: bool) -> None:
    """For production there is none."""
    result = run_python(
        f"show(bypassed=ph.harden(ph.Policy({policy})).bypassed)", env={variable: "1"}
    )
    assert json.loads(result.stdout) == {"bypassed": bypassed}
    assert result.stderr == (WARNING.replace("CODEX_SKIP_HARDENING", variable) if bypassed else "")


REFUSES = "ph.Policy(bypass_variable='MYAPP_DEV', refuse_bypass=True)"
REFUSAL = "MYAPP_DEV=1 would skip hardening, which is refused here: unset it (docs/develop.md)"


@pytest.mark.parametrize("reexec", ["False", "True"])
def test_a_production_policy_refuses_the_bypass(reexec: str) -> None:
    """One line, exit code 8, and no step was taken; the line does not name the way around it."""
    code = f"ph.pre_main_hardening({REFUSES}, reexec={reexec}); print('went on')"
    result = run_python(code, env={"MYAPP_DEV": "1"})
    assert (result.returncode, result.stdout) == (8, "")
    assert result.stderr == f"process-hardening: {REFUSAL}; exiting with status 8\n"
    assert run_python(code, env={"CODEX_SKIP_HARDENING": "1"}).stdout == "went on\n"


def test_harden_raises_for_a_refused_bypass() -> None:
    """As for a step that fails."""
    code = f"""
try:
    ph.harden({REFUSES})
except ph.HardeningError as error:
    show(text=str(error), code=error.exit_code, step=error.step, way=error.bypass_variable)
"""
    found = values_of(run_python(code, env={"MYAPP_DEV": "1"}))
    assert found == {"text": REFUSAL, "code": 8, "step": "environment", "way": None}


def test_the_bypass_is_ignored_with_raised_privileges() -> None:
    """The environment of a set-user-ID program is its caller's (AT_SECURE, getauxval(3))."""
    support.require_root()
    # An effective uid that is not the real one: exec sets AT_SECURE as for a set-user-ID file.
    setpriv = [support.find_tool("setpriv"), f"--ruid={support.USER}", "--"]
    code = "show(bypassed=ph.harden().bypassed, verdict=ph.status().verdict)"
    result = support.run(
        [*setpriv, *python_argv(code)], env={**os.environ, "CODEX_SKIP_HARDENING": "1"}
    )
    assert values_of(result) == {"bypassed": False, "verdict": "hardened"}


WRONG_POLICIES = ["'strict'", "1", "0", "True", "()", "object()", "ph.Policy", "b'x'", "{}"]


@pytest.mark.parametrize("policy", WRONG_POLICIES)
def test_harden_refuses_a_wrong_policy(policy: str) -> None:
    """With TypeError, before any step."""
    code = f"""
try:
    ph.harden({policy})
except TypeError as error:
    show(text=str(error), verdict=ph.status().verdict)
"""
    found = shown(code)
    assert found["text"].startswith("policy must be a process_hardening.Policy (such as DEFAULT")
    assert found["verdict"] == "exposed"


@pytest.mark.parametrize(
    "arguments", [*WRONG_POLICIES, "None, True", "ph.DEFAULT, None", "policies=1", "reexec=[][0:0]"]
)
def test_pre_main_hardening_ends_for_wrong_arguments(arguments: str) -> None:
    """One line, status 2, and nothing that could catch it: a program must not go on unprotected."""
    code = f"""
import atexit
atexit.register(print, "atexit")
try:
    ph.pre_main_hardening({arguments})
except BaseException:
    print("caught")
finally:
    print("finally")
print("went on", ph.status().verdict)
"""
    result = run_python(code)
    if arguments == "reexec=[][0:0]":  # any falsy value says no
        assert "went on hardened" in result.stdout
        return
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("process-hardening: ")
    assert result.stderr.endswith("; exiting with status 2\n")  # no bypass would help
    assert result.stderr.count("\n") == 1


ESCAPES = {
    "an exit code that is not ours": "class Stop(Exception):\n    exit_code = 0\nmistake = Stop",
    "KeyboardInterrupt": "mistake = KeyboardInterrupt",
    "SystemExit": "mistake = SystemExit",
}


@pytest.mark.parametrize("mistake", ESCAPES.values(), ids=ESCAPES)
def test_an_exception_of_a_signal_handler_ends_the_process(mistake: str) -> None:
    """Wherever the signal comes: the call is interrupted again and again until it is hit."""
    code = f"""
import signal
{mistake}
def interrupt(*_):
    raise mistake("interrupted")
class Slow(dict):
    def __iter__(self):
        os.kill(os.getpid(), signal.SIGUSR1)
        return super().__iter__()
signal.signal(signal.SIGUSR1, interrupt)
os.environ = Slow(os.environ)
try:
    ph.pre_main_hardening()
except BaseException:
    print("caught")
print("went on")
"""
    result = run_python(code)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


def test_a_recursion_that_is_too_deep_ends_the_process() -> None:
    """Never an exception from within the call."""
    code = """
import sys
limit = sys.getrecursionlimit()
def call(depth):
    if depth:
        return call(depth - 1)
    ph.pre_main_hardening()
    os.write(1, b"hardened")
    os._exit(0)
call(limit - int(sys.argv[1]))
"""
    for left in range(3, 12):
        argv = [*python_argv(code), str(left)]
        result = support.run_as_user(argv, env=starts.remove_loader_variables())
        outcome = (result.returncode, result.stdout)
        # 1: there was not even room for the call itself.
        assert outcome in ((0, "hardened"), (2, ""), (1, "")), result.stderr
        if result.returncode == 2:
            assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["LD_\udcff", "LD_NEW\nLINE", "LD_" + "x" * 3000], ids=["bytes", "newline", "long"]
)
def test_whatever_the_error_says_is_one_line_and_the_end(name: str) -> None:
    """Text that cannot be encoded, or does not fit, must not let the program go on."""
    code = """
from types import MappingProxyType
os.environ = MappingProxyType(dict(os.environ))
try:
    ph.pre_main_hardening()
finally:
    print("went on")
"""
    result = run_python(code, env={name: "1"}, errors="replace")
    assert (result.returncode, result.stdout) == (8, "")
    assert result.stderr.count("\n") == 1


def test_a_policy_that_cannot_be_encoded() -> None:
    """A lone surrogate is no name in any environment: refused, not passed over."""
    code = r"ph.pre_main_hardening(ph.Policy(clear=['\ud800'])); print('went on')"
    result = run_python(code)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


def test_reports_and_errors_hold_no_value() -> None:
    """Names only: a report may be logged."""
    code = """
report = ph.harden(ph.STRICT)
status = ph.status()
print(repr(report), str(report), repr(status), str(status), report.removed)
"""
    env = {"LD_LIBRARY_PATH": "/secret/path", "OPENSSL_CONF": "/secret/conf"}
    result = run_python(code, env=env)
    assert result.returncode == 0, result.stderr
    assert "LD_LIBRARY_PATH" in result.stdout
    assert "secret" not in result.stdout


def test_repr_of_report_and_status() -> None:
    """They can be read in a log."""
    found = shown("report = ph.harden(); show(report=repr(report), status=repr(ph.status()))")
    assert found["report"] == (
        "Report(inspection='applied', core_limit='applied', environment='already in place',"
        " no_new_privs='skipped', seal='skipped', children='skipped', removed=(),"
        " bypassed=False, started='ordinary', seccomp=0)"
    )
    assert found["status"] == (
        "Status(inspectable=False, dumpable=0, no_new_privs=False, sealed=False,"
        " seccomp=0, confined=False,"
        " core_limit=(0, 0), tracer_pid=0, loader_variables=())"
    )


REPLACEMENTS = {
    "a dict": "dict(os.environ)",
    "a UserDict": "UserDict(os.environ)",
    "a ChainMap that has it first": "ChainMap(dict(os.environ))",
    "a ChainMap that has it twice": "ChainMap(dict(os.environ), {})",
    "another os.environ": "os._Environ({**os.environb._data}, *(os.environ.encodekey,"
    " os.environ.decodekey, os.environ.encodevalue, os.environ.decodevalue))",
}


@pytest.mark.parametrize("replacement", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_any_mapping_in_place_of_os_environ_is_cleaned(replacement: str) -> None:
    """And so is the one that it replaced."""
    code = f"""
from collections import ChainMap, UserDict
original = os.environ
os.environ = {replacement}
report = ph.harden()
show(removed=report.removed, left=[n for e in (os.environ, original) for n in e if n[:3] == "LD_"],
     other=os.environ["OTHER"])
"""
    found = shown(code, env={"LD_X": "1", "OTHER": "kept"})
    assert found == {"removed": ["LD_X"], "left": [], "other": "kept"}


KEEPS_IT = {
    "a ChainMap that has it later": "ChainMap({}, dict(os.environ))",
    "a read-only mapping": "MappingProxyType(dict(os.environ))",
    "not a mapping": "5",
    "keys that are not str": "{5: 'x'}",
}


@pytest.mark.parametrize("replacement", KEEPS_IT.values(), ids=KEEPS_IT)
def test_what_cannot_be_cleaned_in_place_of_os_environ_is_refused(replacement: str) -> None:
    """One line and status 8, or HardeningError: never another exception."""
    code = f"""
from collections import ChainMap
from types import MappingProxyType
os.environ = {replacement}
try:
    ph.harden()
except ph.HardeningError as error:
    print(error.step, error.exit_code, flush=True)
ph.pre_main_hardening()
print("went on")
"""
    result = run_python(code, env={"LD_X": "1"})
    assert (result.returncode, result.stdout) == (8, "environment 8\n")
    assert result.stderr.startswith("process-hardening: os.environ was replaced by ")
    assert result.stderr.count("\n") == 1


def test_threads() -> None:
    """Calls from many threads at once: each gets a report, every thread is covered."""
    code = """
import threading
reports, errors = [], []
barrier = threading.Barrier(16)
def work():
    try:
        barrier.wait()
        for _ in range(50):
            os.environ[f"LD_{threading.get_ident()}"] = "1"
            reports.append(ph.harden())
            ph.status(), ph.child_env()
    except BaseException as error:
        errors.append(repr(error))
threads = [threading.Thread(target=work) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ph.harden()
show(count=len(reports), errors=errors, left=[n for n in os.environ if n[:3] == "LD_"],
     verdict=ph.status().verdict)
"""
    assert shown(code) == {"count": 800, "errors": [], "left": [], "verdict": "hardened"}


def test_a_subinterpreter_has_its_own_module() -> None:
    """Import and call work there; both interpreters go on."""
    code = """
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
code = "import os, process_hardening as ph; os.write(1, ph.harden().inspection.encode() + b' ')"
for _ in range(3):
    other = interpreters.create()
    interpreters.run_string(other, code)
    interpreters.destroy(other)
os.write(1, ph.harden().inspection.encode())
"""
    result = run_python(code)
    if "ModuleNotFoundError" in result.stderr:
        support.fail_or_skip("a module of this Python that makes subinterpreters")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{APPLIED} {ALREADY} {ALREADY} {ALREADY}"


@pytest.mark.parametrize(
    "call",
    [
        "ph.harden()",
        "ph.harden(policy)",
        "os.environ['LD_X'] = 'x' * 100; ph.harden()",
        "ph.pre_main_hardening()",
        "ph.status()",
        "ph.child_env()",
        "suppress(TypeError, ph.harden, 5)",
        "dir(ph); ph.__all__; hasattr(ph, 'nothing')",
    ],
)
def test_calls_leak_no_memory(call: str) -> None:
    """Many calls cost no more memory than a few."""
    code = f"""
import gc, tracemalloc
policy = ph.STRICT.replace(refuse_tracer=False)
def suppress(kind, function, *arguments):
    try:
        function(*arguments)
    except kind:
        pass
def work(count):
    for _ in range(count):
        {call}
tracemalloc.start()
work(1000)
gc.collect()
before = tracemalloc.get_traced_memory()[0]
objects = sys.getallocatedblocks()
work(3000)
gc.collect()
show(memory=tracemalloc.get_traced_memory()[0] - before,
     objects=sys.getallocatedblocks() - objects)
"""
    found = shown(code, env={"LD_LIBRARY_PATH": "/x"})
    # One object of 16 bytes a call would be three times as many.
    assert found["objects"] < 1000, found
    assert found["memory"] < 16_000, found


def test_twenty_thousand_calls_stay_as_small_as_one() -> None:
    """Memory that Python does not know of does not grow either."""
    code = """
import resource
def work(count):
    for _ in range(count):
        ph.harden()
work(1000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
work(20000)
show(kilobytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    assert shown(code)["kilobytes"] <= 256


def test_reference_counts_of_what_is_shared() -> None:
    """None, the policy and the outcome strings are borrowed, not taken."""
    code = """
policy = ph.Policy(clear=["A"], keep=["B"])
kept = [ph.harden(policy) for _ in range(5000)]  # the interpreter warms up, too
before = [sys.getrefcount(x) for x in (policy, None, True, False, kept[0].inspection)]
for _ in range(2000):
    ph.harden(policy)
after = [sys.getrefcount(x) for x in (policy, None, True, False, kept[0].inspection)]
show(growth=[b - a for a, b in zip(before, after)])
"""
    assert all(abs(growth) < 50 for growth in shown(code)["growth"])


def test_the_process_of_the_tests_is_untouched() -> None:
    """Everything here ran in processes of its own: coverage, debuggers and cores still work."""
    assert Path("/proc/self/environ").read_bytes()
    assert support.read_dumpable(os.getpid()) == 1
