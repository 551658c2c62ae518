"""What a hardened process becomes by exec is hardened before its main(); its children are not."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import starts
import support
from holding import ATTACKS, Holder, ours
from process_hardening.environment import PRELOAD_LIBRARY

PYTHON = "/usr/bin/python3"
PROGRAMS = Path(__file__).with_name("programs")
LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")

# What becomes the program that follows it, in the same process.
WRAPPERS = {
    "env": ["env", "A=1"],
    "env without variables": ["env", "-i"],
    "nice": ["nice", "-n", "1"],
    "nohup": ["nohup"],
    "setsid": ["setsid"],
    "chrt": ["chrt", "-o", "0"],
    "ionice": ["ionice", "-c3"],
    "taskset": ["taskset", "-c", "0"],
    "stdbuf": ["stdbuf", "-oL"],
    "setpriv": ["setpriv", "--no-new-privs"],
    "prlimit": ["prlimit", "--nofile=64"],
    "sh": ["sh", "-c", 'exec "$@"', "sh"],
    "bash": ["bash", "-c", 'exec "$@"', "bash"],
    "perl": ["perl", "-e", "exec @ARGV"],
    "python": [PYTHON, "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"],
    "python, without variables": [
        PYTHON,
        "-c",
        "import os, sys; os.execve(sys.argv[1], sys.argv[1:], {})",
    ],
    "python, a descriptor": [
        PYTHON,
        "-c",
        "import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY), sys.argv[1:], os.environ)",
    ],
    "python, from a thread": [
        PYTHON,
        "-c",
        "import os, sys, threading; threading.Thread("
        "target=lambda: os.execv(sys.argv[1], sys.argv[1:])).start()",
    ],
    "ruby": ["ruby", "-e", "exec(*ARGV)"],
    "several": ["nohup", "setsid", "sh", "-c", 'exec "$@"', "sh", "env", "-i", "nice"],
    "a dynamic loader": [next(filter(os.path.exists, LOADERS), LOADERS[0])],
}


def find(program: str) -> None:
    """Skip the test, or fail it in CI, where a program is not installed."""
    if not shutil.which(program):
        support.fail_or_skip(program)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_a_hardened_process_becomes_is_hardened(
    harden: str, holder: str, wrapper: str
) -> None:
    """After the last exec its memory is out of reach, and it sees no variable of ours."""
    words = [*WRAPPERS[wrapper], holder]
    find(words[0])
    with Holder(words) as control:
        assert control.dumpable == "1"
        assert control.leaks() == list(ATTACKS), "inconclusive: the control is shut"
        expected = control.variables, ours(control.initial_variables())
    with Holder([harden, *words]) as hardened:
        assert hardened.dumpable == "0"
        assert hardened.leaks() == []
        assert (hardened.variables, ours(hardened.initial_variables())) == expected


def test_a_loader_of_musl_is_followed(harden: str, make: support.Compiler, user_tmp: Path) -> None:
    """It has no name of its own in its file, and may be called anything."""
    show = str(make("show.c", name="show-musl-gcc", cc="musl-gcc"))
    loader = next(Path("/lib").glob("ld-musl-*.so.1"))
    for name in (str(loader), str(shutil.copy(loader, user_tmp / "start"))):
        plain, hardened = (starts.show([*before, "env", name, show]) for before in ([], [harden]))

        assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")


@pytest.mark.parametrize("method", ["copy", "preload"])
@pytest.mark.parametrize("wrapper", ["env", "several"])
def test_every_method_is_followed(harden: str, holder: str, method: str, wrapper: str) -> None:
    """It does not matter how the first program was started."""
    with Holder([harden, "--method", method, *WRAPPERS[wrapper], holder]) as hardened:
        assert (hardened.dumpable, hardened.variables) == ("0", "-")
        assert hardened.leaks() == []


FUNCTIONS = (
    *("execl", "execlp", "execle", "execv", "execvp", "execve", "execvpe", "fexecve"),
    *("execveat", "execveat descriptor", "execveat path"),
)


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_exec_function_is_followed(
    harden: str, make: support.Compiler, function: str, cc: str
) -> None:
    """All of libc's exec functions lead to a hardened program, of either libc."""
    if (cc, function.split()[0]) == ("musl-gcc", "execveat"):
        return  # musl has no such function
    execute = str(make("execute.c", name=f"execute-{cc}", cc=cc))
    shows = [str(make("show.c", name=f"show-{other}", cc=other)) for other in ("cc", "musl-gcc")]
    for show in shows:
        plain = starts.show([execute, function, show, "0"])
        hardened = starts.show([harden, execute, function, show, "0"])

        assert (plain.value("dumpable"), hardened.value("dumpable")) == ("1", "0")
        assert hardened.values("argument") == plain.values("argument")
        assert hardened.values("descriptor") == plain.values("descriptor")


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_errors_of_exec_are_the_kernels_and_libcs(
    harden: str, make: support.Compiler, user_tmp: Path, cc: str
) -> None:
    """A request that fails without `harden` fails in the same way with it."""
    program = str(make("exec_errors.c", name=f"exec_errors-{cc}", cc=cc))
    plain, hardened = (
        support.run_as_user([*words, program], cwd=user_tmp) for words in ([], [harden])
    )

    assert len(plain.stdout.splitlines()) >= 29, plain
    assert (hardened.returncode, hardened.stdout, hardened.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


CHILDREN = {
    "sh": ["sh", "-c", '"$@"; exit $?', "sh"],
    "sh, a subshell": ["sh", "-c", '(exec "$@"); exit $?', "sh"],
    "timeout": ["timeout", "60"],
    "xargs": ["xargs", "-a", "/dev/null"],
    "python subprocess": [
        PYTHON,
        "-c",
        "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))",
    ],
    "python fork": [
        PYTHON,
        "-c",
        "import os, sys\nif not os.fork(): os.execv(sys.argv[1], sys.argv[1:])\nos.wait()",
    ],
    "python posix_spawn": [
        PYTHON,
        "-c",
        "import os, sys\nos.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\nos.wait()",
    ],
    "python system": [PYTHON, "-c", "import os, sys; os.system(sys.argv[1])"],
    "python popen": [PYTHON, "-c", "import os, sys; print(os.popen(sys.argv[1]).read(), end='')"],
    "make": ["make", "-s", "-f", "/dev/null", "--eval", "all:;@$(program)"],
}


@pytest.mark.parametrize("start", CHILDREN)
def test_children_are_left_alone(harden: str, show: str, start: str) -> None:
    """What a hardened process starts is what it would be without `harden`."""
    words = [*CHILDREN[start]]
    find(words[0])
    words.append(f"program={show}" if start == "make" else show)
    plain, hardened = starts.show(words), starts.show([harden, *words])

    assert hardened.lines == plain.lines
    assert hardened.value("dumpable") == "1"


def test_variables_of_the_program_stay_in_their_order(harden: str) -> None:
    """Only what was added is taken out again."""
    variables = ["A=1", "LD_PRELOAD=/nonexistent/other.so", "B=2"]
    command = ["env", "-i", *variables, "/usr/bin/env"]
    plain, hardened = (
        support.run_as_user([*words, "sh", "-c", f"exec {' '.join(command)}"])
        for words in ([], [harden])
    )

    assert plain.stdout.split() == variables
    assert hardened.stdout == plain.stdout


def test_a_library_of_the_programs_own_is_still_loaded(
    harden: str, make: support.Compiler, show: str
) -> None:
    """LD_PRELOAD of the program itself keeps its place and its effect, and ours is added."""
    library = str(make("answer.c", "-shared", "-fPIC", name="answer.so"))
    words = ["env", f"LD_PRELOAD={library}", show]
    plain, hardened = starts.show(words), starts.show([harden, *words])

    assert plain.value("answer") == hardened.value("answer") == "42"
    assert hardened.value("dumpable") == "0"


@pytest.mark.parametrize("calls", [(), ("setns=EPERM",), ("execveat=EPERM",)], ids="+".join)
def test_a_kept_library_is_loaded_along_whatever_method_is_taken(
    harden: str, make: support.Compiler, show: str, calls: tuple[str, ...]
) -> None:
    """`--keep LD_PRELOAD` keeps the entry and its effect."""
    library = str(make("answer.c", "-shared", "-fPIC", name="answer.so"))
    before = [*(starts.refusing(*calls) if calls else []), "env", f"LD_PRELOAD={library}", harden]
    shown = starts.show([*before, "--keep", "LD_PRELOAD", show])
    printed = support.run_as_user([*before, "--keep", "LD_PRELOAD", "env"]).stdout.splitlines()

    assert (shown.value("answer"), shown.value("dumpable")) == ("42", "0")
    assert [line for line in printed if line.startswith("LD_")] == [f"LD_PRELOAD={library}"]


@pytest.mark.parametrize("flags", [("-static",), ("-static-pie",)], ids=str)
def test_a_static_program_is_started_as_without_harden(
    harden: str, make: support.Compiler, flags: tuple[str, ...]
) -> None:
    """It loads no library, so it is neither followed nor burdened with our variables."""
    static = str(make("holder.c", *flags, name=f"holder{flags[0]}"))
    with Holder([harden, "env", static]) as holder:
        assert (holder.dumpable, holder.variables) == ("1", "-")


def test_a_path_counts_though_an_empty_one_would_do(
    harden: str, make: support.Compiler, compiler: support.Compiler
) -> None:
    """With AT_EMPTY_PATH, execveat(2) executes the descriptor only if the path is empty."""
    static = starts.build_static(compiler)
    words = [str(make("execute.c", name="execute-cc")), "execveat path", static, "tell"]

    assert starts.show([harden, *words]).names == starts.show(words).names != set()


def test_a_program_is_examined_though_standard_input_is_closed(
    harden: str, asan: str, compiler: support.Compiler
) -> None:
    """Its file then has descriptor 0."""
    closes = ["sh", "-c", 'exec "$@" <&-', "sh"]
    static = [*closes, starts.build_static(compiler), "tell"]

    assert starts.show([harden, *static]).names == starts.show(static).names != set()
    assert starts.show([harden, *closes, asan]).value("dumpable") == "0"


def test_an_exec_that_fails_leaves_no_descriptor(harden: str, user_tmp: Path) -> None:
    """Not even 0, if standard input was closed."""
    not_executable = user_tmp / "text"
    not_executable.write_text("no program")
    not_executable.chmod(0o755)
    words = [PYTHON, f"{PROGRAMS}/failing_exec.py", str(not_executable)]

    plain, hardened = (support.run_as_user([*prefix, *words]) for prefix in ([], [harden]))
    assert (hardened.returncode, hardened.stdout) == (0, plain.stdout)


def test_starting_children_takes_no_memory_of_their_parent(
    harden: str, make: support.Compiler
) -> None:
    """vfork(2) lets a child use its parent's memory, in which nothing of the child may stay."""
    library = str(make("answer.c", "-shared", "-fPIC", name="answer.so"))
    words = [PYTHON, f"{PROGRAMS}/start_many.py", library]

    grown = support.run_as_user([harden, "--children", "--", *words]).stdout
    assert -20 < int(grown) <= 0, "pages"


def test_the_errors_of_the_loader_stay_for_the_program(harden: str) -> None:
    """Our realpath(3) finds libc's with dlsym(3), which clears what dlerror(3) would return."""
    program = [PYTHON, f"{PROGRAMS}/loader_errors.py"]
    for words in ([], [harden, "env"]):
        assert support.run_as_user([*words, *program]).stdout == "True\n"


def test_a_list_of_empty_names_keeps_nothing(harden: str, show: str) -> None:
    """However long it is."""
    env = {"PATH": os.defpath, "PROCESS_HARDENING_KEEP": ":" * 4000, "LD_LIBRARY_PATH": "/x"}
    for words in ([harden], ["env", f"LD_PRELOAD={PRELOAD_LIBRARY}"]):
        for children in ("0", "1"):
            shown = starts.show([*words, show], env={**env, "PROCESS_HARDENING_CHILDREN": children})
            assert shown.value("dumpable") == "0"


def test_without_descriptors_the_program_is_followed_all_the_same(harden: str, show: str) -> None:
    """An attacker can take the descriptors away from outside: that must not open the process."""
    limited = ["sh", "-c", 'ulimit -n 3; exec "$@"', "sh"]
    result = support.run_as_user([harden, *limited, show])

    # The dynamic loader needs a descriptor too: the program does not start.
    assert result.returncode != 0 or starts.Shown(result.stdout).value("dumpable") == "0"
    assert "dumpable 1" not in result.stdout


@pytest.mark.parametrize("function", ["execve", "execvp"])
def test_a_program_may_call_exec_on_the_small_stack_of_a_signal_handler(
    harden: str, make: support.Compiler, show: str, function: str
) -> None:
    """8 KiB, of which the kernel needs nearly half."""
    program = show if function == "execve" else "show"
    words = [str(make("signal_stack.c")), function, program, "0"]
    env = {"PATH": f"/usr/bin:{os.path.dirname(show)}"}

    assert starts.show(words, env=env).value("dumpable") == "1"
    assert starts.show([harden, *words], env=env).value("dumpable") == "0"


def test_an_unreadable_program_is_followed(harden: str, holder: str, user_tmp: Path) -> None:
    """Whatever it becomes is hardened, though its file says nothing."""
    support.require_root()
    unreadable = user_tmp / "env"
    unreadable.write_bytes(Path("/usr/bin/env").read_bytes())
    os.chown(unreadable, 0, 0)
    unreadable.chmod(0o111)
    for words in ([], ["sh", "-c", 'exec "$@"', "sh"]):
        with Holder([harden, *words, str(unreadable), "A=1", holder]) as hardened:
            assert (hardened.dumpable, hardened.variables) == ("0", "-")


def test_a_program_that_clears_its_own_environment_is_followed(harden: str, show: str) -> None:
    """clearenv(3) and exec with no environment at all."""
    words = [harden, PYTHON, f"{PROGRAMS}/clear_and_exec.py", show]

    assert starts.show(words).value("dumpable") == "0"


@pytest.fixture
def alone(harden: str, user_tmp: Path) -> str:
    """The command without the library beside it."""
    path = user_tmp / "harden"
    path.write_bytes(Path(harden).read_bytes())
    path.chmod(0o755)
    return str(path)


def test_without_the_library_one_line_says_that_execs_are_not_followed(
    alone: str, show: str
) -> None:
    """A command that was copied alone hardens the program, and says that it cannot follow it."""
    why = "the preload library is not installed next to this command"
    started = support.run_as_user([alone, show])
    explained = support.run_as_user([alone, "--explain", show])

    assert starts.Shown(started.stdout).value("dumpable") == "0"
    assert f"{show}: programs that it executes are not hardened: {why}" in started.stderr
    assert started.stderr.count("\n") == 1
    assert f"after an exec:    not hardened: {why}" in explained.stdout
    assert re.search(r"^protects: .* until it executes another program, ", explained.stdout, re.M)
    assert explained.stderr == ""


def test_the_line_about_the_library_is_not_printed_where_no_library_is_loaded(
    alone: str, make: support.Compiler
) -> None:
    """A static program is hardened without it, and follows nothing with it either."""
    static = str(make("show.c", "-static", name="show-static"))
    assert support.run_as_user([alone, static]).stderr == ""


@pytest.mark.parametrize("mask", ["open", "blocked"])
def test_a_line_that_nobody_can_read_changes_nothing_for_the_program(
    harden: str, alone: str, mask: str
) -> None:
    """Standard error is a pipe without a reader: SIGPIPE neither ends harden nor stays pending."""
    signals = ["grep", "-E", "^(Sig[^Q]|Shd)", "/proc/self/status"]
    quiet, warned = (
        support.run_as_user([PYTHON, f"{PROGRAMS}/without_reader.py", mask, path, *signals])
        for path in (harden, alone)
    )
    assert (warned.returncode, warned.stdout) == (0, quiet.stdout)
    assert f"SigBlk:\t{'0' * 12}{'1000' if mask == 'blocked' else '0000'}" in warned.stdout


@pytest.fixture
def asan(make: support.Compiler) -> str:
    """A program with AddressSanitizer, whose runtime must come first."""
    return str(make("show.c", "-fsanitize=address", name="show-asan", cc="gcc"))


def test_programs_whose_runtime_must_come_first_are_hardened(harden: str, asan: str) -> None:
    """AddressSanitizer's runtime is put before our library."""
    for words in ([harden], [harden, "env"], [harden, "--children", "sh", "-c", '"$@"', "sh"]):
        assert starts.show([*words, asan]).value("dumpable") == "0"
    shown = support.run_as_user(
        [harden, "--children", "sh", "-c", f"{asan}; exec env"], env={"PATH": os.defpath}
    )
    preload = next(line for line in shown.stdout.splitlines() if line.startswith("LD_PRELOAD="))
    assert "asan" not in preload


def test_python_that_becomes_itself_again_is_followed(harden: str) -> None:
    """As flask's reloader, or anything that calls os.execv(sys.executable, ...), does."""
    again = (
        "import ctypes, os, sys\n"
        "if len(sys.argv) < 4: os.execv(sys.executable, [*sys.orig_argv, 'again'])\n"
        "print(ctypes.CDLL(None).prctl(3))"
    )
    result = support.run_as_user([harden, sys.executable, "-c", again])

    assert result.stdout == "0\n", result.stderr


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
@pytest.mark.parametrize(
    "words",
    [["--", "env", "A=1"], ["--children", "--", "sh", "-c", '"$@"; :', "sh"], ["--method=preload"]],
    ids=["exec", "child", "preload"],
)
def test_a_program_is_hardened_before_the_constructors_of_its_libraries(
    harden: str, make: support.Compiler, words: list[str], cc: str
) -> None:
    """They may take long, and keep secrets of the environment."""
    flags = ["-shared", "-fPIC", "-DLIBRARY"]
    library = make("early.c", *flags, name=f"libearly-{cc}.so", cc=cc)
    early = str(make("early.c", "-Wl,--no-as-needed", str(library), name=f"early-{cc}", cc=cc))

    assert support.run_as_user([early]).stdout == "1\n"
    assert support.run_as_user([harden, *words, early]).stdout == "0\n"
