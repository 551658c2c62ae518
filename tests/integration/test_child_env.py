"""Hide and forward: search paths reach the children that need them, injectors never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import starts
import support

SET_ASIDE = "PROCESS_HARDENING_SET_ASIDE"


POLICIES = {
    "DEFAULT": ["BASH_ENV", "GLIBC_TUNABLES", "LD_LIBRARY_PATH", "PYTHONPATH", "SSLKEYLOGFILE"],
    "STRICT": ["LD_LIBRARY_PATH", "PYTHONPATH"],
}
"""What is left of a variable of each class that was set at the start, and of SSLKEYLOGFILE, which
was set afterwards, as docs/lasting.md says."""


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_decides_which_classes_of_variables_children_get(policy: str) -> None:
    """Only STRICT removes what other programs than the loader read; rescrub() what was added."""
    early = {
        "BASH_ENV": "/x",
        "GLIBC_TUNABLES": "x.y=1",
        "LD_LIBRARY_PATH": "/x",
        "LD_PRELOAD": "",
        "PYTHONPATH": "/x",
    }
    names = {*early, "CLASSPATH", "LESSOPEN", "SSLKEYLOGFILE"}
    code = (
        f"import process_hardening as ph\nph.pre_main_hardening(ph.{policy})\n"
        "os.environ.update(CLASSPATH='x', LESSOPEN='x', SSLKEYLOGFILE='x')\n"
        f"ph.rescrub(ph.{policy})\nprint(json.dumps(sorted({names} & ph.child_env().keys())))"
    )
    assert shown(code, **early) == POLICIES[policy]


@pytest.fixture
def cuda(compiler: support.Compiler) -> tuple[str, str]:
    """A program, and the private folder of the library that it is linked with."""
    folder = compiler.folder / "cuda"
    folder.mkdir(exist_ok=True)
    compiler("answer.c", "-shared", "-fPIC", name="cuda/libanswer.so")
    return str(compiler("needs_answer.c", f"-L{folder}", "-lanswer")), str(folder)


def run_python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code as the unprivileged user."""
    argv = [sys.executable, "-c", f"import json, os, subprocess, sys\n{code}"]
    return support.run_as_user(argv, env={**starts.remove_loader_variables(), **env})


def shown(code: str, **env: str) -> Any:
    """Run code that prints JSON."""
    result = run_python(code, env)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


CHILD_ENV = (
    "import process_hardening as ph\n{}\n"
    "print(json.dumps({{n: v for n, v in ph.child_env().items() if n[:3] == 'LD_'}}))"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"LD_LIBRARY_PATH": "/x"}, {"LD_LIBRARY_PATH": "/x"}),
        ({"LD_LIBRARY_PATH": ""}, {"LD_LIBRARY_PATH": ""}),
        ({"LD_ORIGIN_PATH": "/x"}, {"LD_ORIGIN_PATH": "/x"}),
        ({"LD_PRELOAD": "", "LD_AUDIT": "", "LD_DEBUG": "", "LD_BIND_NOW": "1"}, {}),
        ({"LD_TOMORROW": "/x"}, {}),
        ({"LD_LIBRARY_PATH": "/x", "LD_PRELOAD": ""}, {"LD_LIBRARY_PATH": "/x"}),
    ],
)
@pytest.mark.parametrize(
    "harden", ["ph.harden()", "ph.pre_main_hardening()", "ph.harden(ph.STRICT)"]
)
def test_search_paths_come_back_and_nothing_else(
    given: dict[str, str], expected: dict[str, str], harden: str
) -> None:
    """What the tables call a search path."""
    assert shown(CHILD_ENV.format(harden), **given) == expected


@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_AUDIT", "LD_TOMORROW", "LD_DEBUG"])
@pytest.mark.parametrize("before", [True, False])
def test_an_injector_that_came_back_goes_no_further(name: str, before: bool) -> None:
    """As load_dotenv() does it: put into os.environ after (or without) hardening."""
    code = (
        f"ph.harden()\nos.environ[{name!r}] = '/x.so'" if before else f"os.environ[{name!r}] = ''"
    )
    assert shown(CHILD_ENV.format(code)) == {}


def test_our_own_entry_is_no_injector() -> None:
    """`run --children` put it there; a child without it would be unprotected."""
    code = "ph.harden()\nos.environ['LD_PRELOAD'] = ph._PRELOAD_ENTRY.decode().partition('=')[2]"
    ours = shown(CHILD_ENV.format(code))
    assert list(ours) == ["LD_PRELOAD"]
    for others in (" + ':/x.so'", "\nos.environ['LD_PRELOAD'] += ' /x.so'"):
        assert shown(CHILD_ENV.format(code + others)) == ours


def test_our_library_stays_beside_one_that_was_kept() -> None:
    """A child that the process would start hardened is hardened with child_env() too."""
    words = [str(Path(sys.prefix) / "bin/harden"), "--children", "--keep", "LD_PRELOAD", "--"]
    code = """
import json, process_hardening as ph
env = ph.child_env()
checks = [bool(ph.check_child("ls")), bool(ph.check_child("ls", env))]
print(json.dumps([checks, "libz" in env["LD_PRELOAD"]]))
"""
    env = {**starts.remove_loader_variables(), "LD_PRELOAD": "libz.so.1"}
    result = support.run_as_user([*words, sys.executable, "-c", code], env=env)
    assert json.loads(result.stdout) == [[True, True], False]


def test_what_the_program_sets_itself_wins() -> None:
    """A value of today is not replaced by the one that was set aside."""
    code = "ph.harden()\nos.environ['LD_LIBRARY_PATH'] = '/new'"
    assert shown(CHILD_ENV.format(code), LD_LIBRARY_PATH="/old") == {"LD_LIBRARY_PATH": "/new"}


def test_it_is_os_environ_otherwise() -> None:
    """A dict of its own, with today's values."""
    code = """
import process_hardening as ph
ph.harden()
os.environ["A"] = "1"
env = ph.child_env()
same = env == dict(os.environ, LD_LIBRARY_PATH="/x")
env["B"] = "2"
print(json.dumps([same, type(env).__name__, "B" in os.environ, "B" in ph.child_env()]))
"""
    assert shown(code, LD_LIBRARY_PATH="/x") == [True, "dict", False, False]


def test_strict_sets_its_search_paths_aside_too() -> None:
    """PYTHONPATH and TMPDIR direct, OPENSSL_CONF injects."""
    env = {"PYTHONPATH": "/p", "TMPDIR": "/t", "OPENSSL_CONF": "/o", "BASH_ENV": "/b"}
    code = f"""
import process_hardening as ph
ph.harden(ph.STRICT)
print(json.dumps({{n: ph.child_env().get(n) for n in {list(env)}}}))
"""
    assert shown(code, **env) == {**env, "OPENSSL_CONF": None, "BASH_ENV": None}


CUDA = """
import process_hardening as ph
{}
for env in (None, dict(os.environ), ph.child_env()):
    result = subprocess.run([{!r}], env=env, capture_output=True, text=True)
    print(result.returncode, result.stdout.strip() or "libanswer.so" in result.stderr)
"""


@pytest.mark.parametrize(
    ("harden", "expected"),
    [
        ("", ["0 42", "0 42", "0 42"]),
        ("ph.harden()", ["127 True", "127 True", "0 42"]),
        ("ph.harden(ph.Policy(keep=['LD_LIBRARY_PATH']))", ["0 42", "0 42", "0 42"]),
        ("ph.pre_main_hardening(reexec=True)", ["127 True", "127 True", "0 42"]),
    ],
)
def test_a_child_like_cuda_finds_its_library(
    cuda: tuple[str, str], harden: str, expected: list[str]
) -> None:
    """Started with child_env() it does; without, the loader says that it does not."""
    program, folder = cuda
    result = run_python(CUDA.format(harden, program), {"LD_LIBRARY_PATH": folder})
    assert result.stdout.splitlines() == expected, result.stderr


@pytest.mark.parametrize("method", ["execute-only", "preload", "in-process"])
def test_through_run(cuda: tuple[str, str], command: str, user_tmp: Path, method: str) -> None:
    """`run` takes the variable out; a Python program that it starts hands it to its children."""
    program, folder = cuda
    script = user_tmp / "parent.py"
    script.write_text(
        "#!/usr/bin/env python3\nimport json, os, subprocess, sys\n"
        f"sys.path[:0] = {sys.path!r}\n" + CUDA.format("ph.harden()", program)
    )
    python = [] if method == "in-process" else [sys.executable]
    argv = [command, "run", "--method", method, "--", *python, str(script)]
    env = {**starts.remove_loader_variables(), "LD_LIBRARY_PATH": folder}
    result = support.run_as_user(argv, env=env)
    assert result.stdout.splitlines() == ["127 True", "127 True", "0 42"], result.stderr


def packed(*entries: bytes) -> str:
    """The value of the variable that carries what was set aside."""
    return b"\0".join(entries).hex()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (packed(b"LD_LIBRARY_PATH=/x"), {"LD_LIBRARY_PATH": "/x"}),
        (packed(b"LD_LIBRARY_PATH=/\xff=y"), {"LD_LIBRARY_PATH": "/\udcff=y"}),
        (packed(b"LD_PRELOAD=/x.so", b"LD_AUDIT=/x.so", b"LD_TOMORROW=1"), {}),
        (packed(b"LD_PRELOAD=/x.so", b"LD_ORIGIN_PATH=/o"), {"LD_ORIGIN_PATH": "/o"}),
        (packed(b"PATH=/evil", b"A=1"), {}),
        (packed(b"LD_LIBRARY_PATH"), {"LD_LIBRARY_PATH": ""}),
        (packed(b"=x", b"", b"="), {}),
        ("", {}),
        ("zz", {}),
        ("4", {}),
        ("4c 44", {}),
        ("\u0664c", {}),
        ("00" * 1000, {}),
        ("\udcff", {}),
    ],
)
def test_what_an_earlier_exec_handed_over(value: str, expected: dict[str, str]) -> None:
    """Only search paths are taken from it; what is malformed counts for nothing."""
    code = "ph.harden()\npath = os.environ['PATH']\nassert ph.child_env()['PATH'] == path"
    code += f"\nassert {SET_ASIDE!r} not in ph.child_env() and 'A' not in ph.child_env()"
    assert shown(CHILD_ENV.format(code), **{SET_ASIDE: value}) == expected


def test_our_own_value_goes_before_an_earlier_one() -> None:
    """Two execs, two values: the later one is in force."""
    value = packed(b"LD_LIBRARY_PATH=/old", b"LD_ORIGIN_PATH=/o")
    assert shown(CHILD_ENV.format("ph.harden()"), LD_LIBRARY_PATH="/new", **{SET_ASIDE: value}) == {
        "LD_LIBRARY_PATH": "/new",
        "LD_ORIGIN_PATH": "/o",
    }


@pytest.mark.parametrize(
    "argv",
    [
        ["{command}", "run", "--", "{subject}", "tell"],
        ["{command}", "run", "--method", "preload", "--", "{subject}", "tell"],
        ["{command}", "run", "--", "{command}", "run", "--", "{subject}", "tell"],
    ],
    ids=["execute-only", "preload", "nested"],
)
@pytest.mark.parametrize(
    ("given", "handed_over"),
    [
        ({}, None),
        ({"LD_PRELOAD": "", "LD_DEBUG": ""}, None),
        ({"LD_LIBRARY_PATH": "/x", "LD_PRELOAD": ""}, packed(b"LD_LIBRARY_PATH=/x")),
        ({SET_ASIDE: packed(b"LD_LIBRARY_PATH=/x")}, packed(b"LD_LIBRARY_PATH=/x")),
    ],
)
def test_what_run_hands_over(
    compiler: support.Compiler,
    command: str,
    argv: list[str],
    given: dict[str, str],
    handed_over: str | None,
) -> None:
    """One variable, if there is something to carry; and no value of an injector."""
    subject = str(compiler("subject.c"))
    words = [word.format(command=command, subject=subject) for word in argv]
    env = {**starts.remove_loader_variables(), **given}
    told = starts.show(words, env=env)
    entries = [entry for entry in told.variables if entry.startswith(SET_ASIDE.encode())]
    assert entries == ([f"{SET_ASIDE}={handed_over}".encode()] if handed_over else [])


def test_reexec_hands_over_and_cleans_up() -> None:
    """The variable is seen by the program itself only; its children do not inherit a second one."""
    code = CHILD_ENV.format(
        "ph.pre_main_hardening(reexec=True)\n"
        f"assert {SET_ASIDE!r} in os.environ and {SET_ASIDE!r} not in ph.child_env()\n"
        "assert ph.harden().started == 'execute-only'"
    )
    assert shown(code, LD_LIBRARY_PATH="/x") == {"LD_LIBRARY_PATH": "/x"}


def test_root_sees_the_same(cuda: tuple[str, str]) -> None:
    """Nothing here depends on who runs it."""
    support.require_root()
    program, folder = cuda
    code = CUDA.format("ph.pre_main_hardening()", program)
    result = support.run(
        [sys.executable, "-c", f"import json, os, subprocess, sys\n{code}"],
        env={**os.environ, "LD_LIBRARY_PATH": folder},
    )
    assert result.stdout.splitlines() == ["127 True", "127 True", "0 42"], result.stderr
