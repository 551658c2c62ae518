"""pre_main_hardening(reexec=True): the program starts again, born hardened, and loses nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

import starts
import starts as starts_of_tests
import support

TELL = """
import json, os, signal, sys
import process_hardening as ph
started = os.getpid()
report = ph.pre_main_hardening(reexec=True)
def tell():
    with open("/proc/self/maps") as file:
        maps = file.read()
    print(json.dumps({
        "exe": os.readlink("/proc/self/exe"), "started": report.started,
        "removed": report.removed, "environment": report.environment,
        "pid": os.getpid(), "cwd": os.getcwd(),
        "argv": sys.argv, "orig_argv": sys.orig_argv, "executable": sys.executable,
        "prefix": sys.prefix, "path": sys.path, "name": __name__,
        "file": globals().get("__file__"), "inspection": report.inspection,
        "dumpable": ph.status().dumpable, "verdict": ph.status().verdict,
        "flags": dict(zip(type(sys.flags).__match_args__, sys.flags)),
        "warnings": sys.warnoptions, "xoptions": sys._xoptions, "maps": maps,
        "environ": dict(os.environ), "input": sys.stdin.buffer.read().hex(),
        "unbuffered": sys.stdout.write_through,
    }))
"""
SCRIPT = f"{TELL}\ntell()\n"
PLAIN = SCRIPT.replace("reexec=True", "reexec=False")
CALL = "import process_hardening; process_hardening.pre_main_hardening(reexec=True)"
LOOPED = "this process was already re-executed and is still exposed"
IS_FIRST_START = "os.stat('/proc/self/exe').st_mode & 0o777 != 0o111"
PYTHON = os.path.realpath(sys.executable)
"""What /proc/self/exe of every process here is: the stand-in has the name of the interpreter."""


def run_python(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Start the interpreter of the tests as the unprivileged user."""
    options.setdefault("env", starts.remove_loader_variables())
    return support.run_as_user([sys.executable, *argv], **options)


def test_signals_do_not_take_the_name_from_a_program_that_starts_again() -> None:
    """They interrupt the launcher while it waits for its helper."""
    program = str(Path(__file__).parents[1] / "programs" / "interrupted_reexec.py")

    for _ in range(5):
        result = run_python([program])
        assert (result.stdout, result.stderr) == (f"execute-only {PYTHON}\n", "")


def told(argv: list[str], **options: Any) -> dict[str, Any]:
    """What a program tells that has started again."""
    result = run_python(argv, **options)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    values: dict[str, Any] = json.loads(result.stdout)
    assert (values["exe"], values["started"]) == (PYTHON, "execute-only")
    assert (values["dumpable"], values["inspection"]) == (0, "already in place")
    return values


def compared(again: dict[str, Any], plain: subprocess.CompletedProcess[str]) -> None:
    """A program that has started again tells what it tells otherwise, but for what is meant."""
    expected = json.loads(plain.stdout)
    for values in (again, expected):
        for changed in ("started", "removed", "pid", "inspection", "maps"):
            del values[changed]
        values["environ"].pop("LC_CTYPE", None)  # PEP 538
        values["orig_argv"] = [word for word in values["orig_argv"] if "import" not in word]
    assert again == expected


@pytest.fixture
def script(user_tmp: Path) -> Path:
    """A script that starts again and tells."""
    path = user_tmp / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def package(user_tmp: Path) -> Path:
    """A folder with a module and a package that can be run."""
    (user_tmp / "told").mkdir()
    (user_tmp / "told" / "__init__.py").touch()
    for name in ("module.py", "told/__main__.py", "__main__.py"):
        (user_tmp / name).write_text(SCRIPT)
    return user_tmp


def test_it_is_born_hardened(script: Path) -> None:
    """An execute-only image; the same process otherwise."""
    values = told([str(script)])
    assert values["verdict"] == "hardened"
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        **support.user_options(),
    )
    output, _ = process.communicate(timeout=support.TIMEOUT)
    assert json.loads(output)["pid"] == process.pid


def test_an_interpreter_with_libraries_beside_it(user_tmp: Path) -> None:
    """As uv and conda ship it: $ORIGIN in its image."""
    (user_tmp / "bin").mkdir()
    (user_tmp / "lib").mkdir()
    interpreter = user_tmp / "bin" / "python3"
    shutil.copy(os.path.realpath(sys.executable), interpreter)
    (user_tmp / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    (user_tmp / "lib" / Path(os.__file__).parent.name).symlink_to(
        Path(sysconfig.get_path("platlib")).parent
    )
    libraries = support.run([support.find_tool("ldd"), str(interpreter)]).stdout
    found = re.search(r"(libm\.so\S*) => (\S+)", libraries)
    assert found
    beside = shutil.copy(found[2], user_tmp / "lib" / found[1])
    support.run([support.find_tool("patchelf"), "--set-rpath", "$ORIGIN/../lib", str(interpreter)])

    plain = support.run_as_user([str(interpreter), "-c", PLAIN, "a b"])
    assert str(beside) in json.loads(plain.stdout)["maps"]
    result = support.run_as_user([str(interpreter), "-c", SCRIPT, "a b"])
    assert (result.returncode, result.stderr) == (0, "")
    again = json.loads(result.stdout)
    assert again["verdict"] == "hardened"
    assert again["inspection"] == "already in place"
    assert (again["exe"], again["started"]) == (str(interpreter), "execute-only")
    assert again["orig_argv"][0] == str(interpreter)
    assert str(beside) in again["maps"]
    compared(again, plain)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a b", "", "  ", "--", "-x"],
        ["é漢", "\udcff\udcfe", "a\nb", "'\"$HOME`", "*"],
        ["-c", "-m", "-X", "dev"],
        ["x" * 100_000],
    ],
)
def test_no_argument_is_lost(script: Path, arguments: list[str]) -> None:
    """Whatever bytes they are of."""
    assert told([str(script), *arguments])["argv"] == [str(script), *arguments]


@pytest.mark.parametrize("size", [0, 1, 5, 1_000_000])
def test_no_input_is_lost(script: Path, size: int) -> None:
    """Nothing is read before the second start, nor after it."""
    content = bytes(i % 256 for i in range(size))
    result = subprocess.run(
        [sys.executable, str(script)],
        input=content,
        capture_output=True,
        timeout=support.TIMEOUT,
        check=True,
        **support.user_options(),
    )
    assert bytes.fromhex(json.loads(result.stdout)["input"]) == content


FLAGS: list[list[str]] = [
    [],
    ["-X", "dev"],
    ["-X", "utf8"],
    ["-Xutf8=0"],
    ["-X", "anything=1"],
    ["-O"],
    ["-OO"],
    ["-B"],
    ["-b"],
    ["-E"],
    ["-I"],
    ["-s"],
    ["-q"],
    ["-u"],
    ["-W", "error", "-W", "ignore::UserWarning"],
    ["-I", "-u", "-X", "dev", "-O"],
    ["--check-hash-based-pycs", "always"],
]


EVERY_WAY = [[], ["-E"], ["-I", "-u", "-X", "dev", "-O"], ["-W", "error", "-W", "ignore"]]
"""Flags for every way to start: none, one, several, and one that is followed by a word."""


@pytest.mark.parametrize(
    ("way", "flags"),
    [
        *(("script", flags) for flags in FLAGS),
        *((way, flags) for way in ("-c", "-m") for flags in EVERY_WAY),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_no_flag_is_lost(package: Path, flags: list[str], way: str) -> None:
    """The second start has the flags of the first, for a script, -c and -m."""
    env = {**starts.remove_loader_variables(), "PYTHONPATH": str(package)}
    module = package / "module.py"
    words = {"script": [str(module)], "-c": ["-c", SCRIPT], "-m": ["-m", "module"]}[way]
    argv = [*flags, *words, "A", "-B"]
    if way == "-m" and {"-I", "-E"} & set(flags):
        assert "No module named" in run_python(argv, env=env, cwd="/").stderr
        return
    again = told(argv, env=env)
    module.write_text(PLAIN)
    compared(again, run_python([PLAIN if word == SCRIPT else word for word in argv], env=env))


@pytest.mark.parametrize("target", ["module", "told", "told.__main__"])
def test_modules_and_packages(package: Path, target: str) -> None:
    """Python -m, from the working directory."""
    values = told(["-m", target, "A"], cwd=package)
    assert values["name"] == "__main__"
    assert values["argv"][1:] == ["A"]
    assert values["file"].startswith(str(package))


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_folder_or_archive_with_a_main(package: Path, kind: str) -> None:
    """What Python runs as a program without a script."""
    path = package
    if kind == "archive":
        path = package / "app.pyz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__main__.py", SCRIPT)
    values = told([str(path), "A"])
    assert values["argv"] == [str(path), "A"]


@pytest.mark.parametrize("path", ["script.py", "./script.py", "../{name}/script.py"])
def test_a_relative_script(script: Path, path: str) -> None:
    """The working directory is the same the second time."""
    path = path.format(name=script.parent.name)
    values = told([path], cwd=script.parent)
    assert values["argv"] == [path]
    assert values["cwd"] == str(script.parent)


@pytest.mark.parametrize("argv0", ["python", "./python", "bin/python", "absolute"])
def test_a_relative_interpreter(script: Path, argv0: str) -> None:
    """Found in PATH or by its place: sys.executable and sys.prefix are what they were."""
    bin_folder = Path(sys.prefix) / "bin"
    cwd = {"python": script.parent, "./python": bin_folder, "bin/python": Path(sys.prefix)}
    name = str(bin_folder / "python") if argv0 == "absolute" else argv0
    result = support.run_as_user(
        [name, str(script)],
        env={**starts.remove_loader_variables(), "PATH": f"{bin_folder}:/usr/bin:/bin"},
        cwd=cwd.get(argv0, "/"),
        executable=str(bin_folder / "python"),
    )
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["prefix"] == sys.prefix
    assert os.path.samefile(values["executable"], sys.executable)
    assert Path(values["executable"]).parent.parent == Path(sys.prefix)
    assert values["started"] == "execute-only"


def test_a_virtual_environment_stays(script: Path) -> None:
    """Prefix, executable and search path lead to the environment and not to its base."""
    values = told([str(script)])
    assert values["prefix"] == sys.prefix != sys.base_prefix
    assert values["executable"] == sys.executable
    assert any(path.startswith(f"{sys.prefix}/lib") for path in values["path"])


def test_a_script_with_a_shebang(user_tmp: Path) -> None:
    """The kernel adds the interpreter to the arguments; the second time they are there."""
    path = user_tmp / "tool"
    path.write_text(f"#!{sys.executable} -sE\n{SCRIPT}")
    path.chmod(0o755)
    result = support.run_as_user([str(path), "a b"], env=starts.remove_loader_variables())
    values = json.loads(result.stdout)
    assert values["argv"] == [str(path), "a b"]
    assert values["flags"]["ignore_environment"] == 1
    assert values["started"] == "execute-only"


@pytest.mark.parametrize("argv", [[], ["-"], ["-i"], ["-", "a"]], ids=" ".join)
def test_a_program_on_standard_input_is_refused(argv: list[str]) -> None:
    """Its text cannot be read twice: one clear line instead of a lost program."""
    result = run_python(argv, input=SCRIPT + "\n\n")
    assert (result.returncode, result.stdout) == (5, "")
    lines = [line for line in result.stderr.splitlines() if "process-hardening" in line]
    assert len(lines) == 1
    assert re.search(
        "typed in or embedded|<stdin>, which can be read only once|inside an interactive prompt",
        lines[0],
    )
    assert "exiting with status 5" in lines[0]
    if argv != ["-i"]:  # which prints its own prompt
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "/dev/stdin"])
def test_a_program_in_a_pipe_is_refused(name: str) -> None:
    """As from `python <(...)`: when it runs, it is read already."""
    read_end, write_end = os.pipe()
    try:
        os.fchown(read_end, support.USER, -1)
        os.write(write_end, SCRIPT.encode())
        os.close(write_end)
        result = run_python([name.format(read_end)], stdin=read_end, pass_fds=[read_end])
    finally:
        os.close(read_end)
    assert (result.returncode, result.stdout) == (5, "")
    assert result.stderr.count("\n") == 1
    assert f"was read from {name.format(read_end)}, which can be read only once" in result.stderr


def test_a_fifo_is_refused(user_tmp: Path) -> None:
    """A name in the file system does not make a second reading possible."""
    path = user_tmp / "fifo"
    os.mkfifo(path)
    path.chmod(0o644)
    with subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **support.user_options(),
    ) as process:
        path.write_text(SCRIPT)
        output, errors = process.communicate(timeout=support.TIMEOUT)
    assert (process.returncode, output) == (5, "")
    assert "can be read only once; use a file" in errors
    assert errors.count("\n") == 1


def test_an_open_file_is_read_again(script: Path) -> None:
    """/dev/fd/N of a file is a file: the descriptor goes along."""
    with script.open() as file:
        number = file.fileno()
        values = told([f"/dev/fd/{number}", "A"], pass_fds=[number])
    assert values["argv"] == [f"/dev/fd/{number}", "A"]


def test_interactive_after_a_program() -> None:
    """`python -i -c ...` can start again: the program comes before the prompt."""
    result = run_python(["-i", "-q", "-c", TELL + "print(report.started)"], input="")
    assert "execute-only" in result.stdout


def test_an_embedded_interpreter_is_refused(compiler: support.Compiler) -> None:
    """Starting Python is not starting the program that it is in."""
    folder = sysconfig.get_config_var("LIBDIR")
    library = str(sysconfig.get_config_var("LDLIBRARY"))
    include = sysconfig.get_path("include")
    if not Path(folder, library).exists() or not Path(include, "Python.h").exists():
        support.fail_or_skip("a shared libpython with its headers")
    name = library.removeprefix("lib").partition(".so")[0]
    program = compiler(
        "embed.c", f"-I{include}", f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}", "-w"
    )
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{TELL}\nprint('went on')"
    result = support.run_as_user([str(program), code], env=starts.remove_loader_variables())
    assert (result.returncode, result.stdout) == (5, "")
    assert "embedded" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_interpreter_under_another_name_is_refused() -> None:
    """What sys.executable names must be what runs: else another program would be started."""
    other = starts.find_system_program("sh")
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{SCRIPT}"
    result = support.run_as_user(
        [other, "-c", code],
        executable=os.path.realpath(sys.executable),
        env=starts.remove_loader_variables(),
    )
    assert (result.returncode, result.stdout) == (5, "")
    assert f"Python is embedded in a program other than {other}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_interpreter_that_was_replaced_is_refused(user_tmp: Path) -> None:
    """As by an upgrade while it starts: the file is another one now."""
    base = os.path.realpath(sys.executable)
    python = user_tmp / "python3"
    shutil.copy(base, python)
    code = f"import os, sys; sys.path[:0] = {sys.path!r}\nos.unlink({str(python)!r})\n{SCRIPT}"
    result = support.run_as_user([str(python), "-S", "-c", code])
    assert (result.returncode, result.stdout) == (5, "")
    assert f"{python}: No such file or directory" in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_loop_where_the_kernel_makes_such_images_dumpable(
    script: Path, suid_dumpable: support.Sysctl
) -> None:
    """fs.suid_dumpable=1: refused with the setting's name, and never started twice."""
    suid_dumpable.set("1")
    result = run_python([str(script)])
    assert (result.returncode, result.stdout) == (5, "")
    assert "fs.suid_dumpable=1 makes unreadable programs dumpable" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_image_that_is_exposed_again_ends(user_tmp: Path) -> None:
    """It does not start itself a third time, but says what may be the reason."""
    path = user_tmp / "undone.py"
    path.write_text(
        "import ctypes, os, sys\n"
        f"if not {IS_FIRST_START}:\n    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
        "import process_hardening as ph\n"
        "ph.pre_main_hardening(reexec=True)\nprint('went on')\n"
    )
    result = run_python([str(path)])
    assert (result.returncode, result.stdout) == (5, "")
    assert LOOPED in result.stderr
    assert result.stderr.count("\n") == 1


def test_suid_dumpable_2_is_non_dumpable_too(script: Path, suid_dumpable: support.Sysctl) -> None:
    """The kernel starts the stand-in with 2, which makes it 0."""
    suid_dumpable.set("2")
    told([str(script)])


def test_an_injected_library_is_gone(
    compiler: support.Compiler, script: Path, user_tmp: Path
) -> None:
    """It was loaded once, into the first image; the second has it neither mapped nor named."""
    library = starts.build_marking_library(compiler)
    marks = user_tmp / "marks"
    env = {
        **starts.remove_loader_variables(),
        "LD_PRELOAD": library,
        "LD_LIBRARY_PATH": "/x",
        "MARK_FILE": str(marks),
    }
    values = told([str(script)], env=env)
    assert marks.read_text().splitlines() == [os.path.realpath(sys.executable)]
    assert "libmark" not in values["maps"]
    assert not [name for name in values["environ"] if name.startswith("LD_")]
    assert sorted(values["removed"]) == ["LD_LIBRARY_PATH", "LD_PRELOAD"]
    assert values["environment"] == "applied"  # the second start had nothing left to remove

    # The control: without a second start it stays.
    marks.unlink()
    script.write_text(PLAIN)
    result = run_python([str(script)], env=env)
    assert "libmark" in json.loads(result.stdout)["maps"]


def test_what_the_program_itself_names_was_not_injected_into_it(
    compiler: support.Compiler, user_tmp: Path
) -> None:
    """Set after the start, it is removed, but is no reason to start a third time."""
    library = starts.build_marking_library(compiler)
    path = user_tmp / "again.py"
    path.write_text(f"import os\nos.environ['LD_PRELOAD'] = {library!r}\n" + SCRIPT)
    values = json.loads(run_python([str(path)]).stdout)
    assert "libmark" not in values["maps"]
    assert "LD_PRELOAD" not in values["environ"]


def count_starts(program: list[str], marks: Path, **options: Any) -> tuple[int, dict[str, Any]]:
    """How often a program started itself, and what it told in the end; it must succeed."""
    marks.write_text("")
    marks.chmod(0o666)
    result = support.run_as_user(program, **options)
    assert result.returncode == 0, result.stderr
    return len(marks.read_text()), json.loads(result.stdout)


@pytest.fixture
def marks(script: Path) -> Path:
    """A file that each start of the script adds a byte to."""
    path = script.parent / "marks"
    script.write_text(f"with open({str(path)!r}, 'a') as file:\n    file.write('x')\n{SCRIPT}")
    return path


def test_an_already_hardened_start_is_not_repeated(command: str, script: Path, marks: Path) -> None:
    """Under `run` the program is born hardened: one image is enough."""
    program = [sys.executable, str(script)]
    env = starts.remove_loader_variables()
    number, values = count_starts([command, "run", "--", *program], marks, env=env)
    assert (number, values["started"]) == (1, "execute-only")
    number, values = count_starts(program, marks, env=env)
    assert (number, values["started"]) == (2, "execute-only")


def test_an_unreadable_interpreter_needs_no_second_start(
    script: Path, marks: Path, user_tmp: Path
) -> None:
    """The kernel protected the process: its report says by what."""
    support.require_root()  # the file has to be somebody else's
    python = user_tmp / "python3"
    shutil.copy(PYTHON, python)
    python.chmod(0o111)
    env = {**starts.remove_loader_variables(), "PYTHONPATH": ":".join(filter(None, sys.path))}
    number, values = count_starts([str(python), str(script)], marks, env=env)
    assert (number, values["started"]) == (1, "unreadable file")


def test_an_interpreter_that_was_made_unreadable_after_the_start_was_readable(
    user_tmp: Path,
) -> None:
    """Its owner can do that to hide what was opened while the process could be inspected."""
    python = user_tmp / "python3"
    shutil.copy(PYTHON, python)
    if os.getuid() == 0:
        os.chown(python, support.USER, support.USER)
    program = str(Path(__file__).parents[1] / "programs" / "tell_start.py")
    env = {"PYTHONPATH": ":".join(filter(None, sys.path))}

    def started(*words: str) -> str:
        return support.run_as_user([str(python), program, *words], env=env).stdout

    assert started("hide") == "ordinary\n"
    assert python.stat().st_mode & 0o777 == 0o111
    time.sleep(0.1)  # the kernel tells the start of a process in hundredths of seconds
    assert started() == "unreadable file\n"


@pytest.mark.parametrize("way", ["an earlier harden()", "run --children", "the start-up hook"])
def test_what_hardened_the_process_after_its_start_does_not_count(
    command: str, script: Path, marks: Path, way: str
) -> None:
    """It was born dumpable: what an attacker opened until then reads on, unless it starts again."""
    program = [sys.executable, str(script)]
    env = starts.remove_loader_variables()
    if way == "an earlier harden()":
        text = script.read_text()
        script.write_text(f"import process_hardening\nprocess_hardening.harden()\n{text}")
    elif way == "run --children":
        program = [command, "run", "--children", "--", "sh", "-c", '"$@"; exit $?', "sh", *program]
    else:
        hook = "import process_hardening.startup_hook as h\nh.harden_always()\n"
        (script.parent / "sitecustomize.py").write_text(hook)
        env["PYTHONPATH"] = str(script.parent)
    number, values = count_starts(program, marks, env=env)
    assert (number, values["started"]) == (2, "execute-only")


def test_a_library_injected_before_an_earlier_harden_is_gone(
    compiler: support.Compiler, script: Path
) -> None:
    """It stays mapped whatever harden() removes; the second start is free of it."""
    library = starts.build_marking_library(compiler)
    script.write_text(f"import process_hardening\nprocess_hardening.harden()\n{SCRIPT}")
    env = {**starts.remove_loader_variables(), "LD_PRELOAD": library, "MARK_FILE": os.devnull}
    values = told([str(script)], env=env)
    assert "libmark" not in values["maps"]
    assert values["removed"] == ["LD_PRELOAD"]


def test_children_stay_hardened_below_run_children(command: str, script: Path) -> None:
    """What hardens the children goes along to the second start."""
    child = "import process_hardening as ph; print(ph.status().dumpable)"
    script.write_text(
        "import process_hardening as ph, subprocess, sys\n"
        "ph.pre_main_hardening(reexec=True)\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
    )
    words = ["sh", "-c", f"{sys.executable} {script}; :"]
    result = support.run_as_user([command, "run", "--children", "--", *words])
    assert (result.stdout, result.stderr) == ("0\n", "")


def test_the_marker_of_another_process_is_ignored(script: Path) -> None:
    """A parent's marker changes nothing, and nobody sees it afterwards."""
    env = {**starts.remove_loader_variables(), "PROCESS_HARDENING_AGAIN": "1:LD_PRELOAD"}
    values = told([str(script)], env=env)
    assert values["removed"] == []
    assert "PROCESS_HARDENING_AGAIN" not in values["environ"]


def test_without_a_place_of_its_own_it_starts_in_memory(script: Path) -> None:
    """Where user namespaces are refused: /proc/self/exe then names the image."""
    argv = [*starts_of_tests.refusing("setns=EPERM"), sys.executable, str(script)]
    result = support.run_as_user(argv, env=starts.remove_loader_variables())
    values = json.loads(result.stdout)
    assert (values["started"], values["exe"][:13]) == ("execute-only", "/memfd:python")


SURROUNDINGS = {
    "pytest": ("-m pytest -q -s test_x.py", "it runs inside pytest"),
    "pdb": ("-m pdb -c continue script.py", "it runs inside a debugger"),
    "threads": ("threads.py", "2 threads are running and would be lost"),
    "a prompt": ("-i -q", "it runs inside an interactive prompt"),
    "code.interact()": ("-m code", "it runs inside an interactive prompt"),
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_what_would_start_again_with_it_is_a_reason_to_refuse(script: Path, name: str) -> None:
    """One line that says what to do, and the status 5."""
    words, reason = SURROUNDINGS[name]
    folder = script.parent
    script.write_text(f"breakpoint() if 0 else None\n{SCRIPT}")
    (folder / "test_x.py").write_text(f"def test_x():\n    {CALL}\n")
    (folder / "threads.py").write_text(
        f"import threading\nthreading.Thread(target=threading.Event().wait).start()\n{CALL}\n"
    )
    result = run_python(words.split(), cwd=folder, input=f"{CALL}\n")
    lines = [line for line in result.stderr.splitlines() if "process-hardening: " in line]
    assert (result.returncode, len(lines)) == (5, 1), result.stdout + result.stderr
    assert reason in lines[0]


KEEPS = f"""
import signal, os, sys, json
if {IS_FIRST_START}:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.set_inheritable(int(sys.argv[1]), True)
    os.umask(0o27), os.nice(3)
{TELL}
state = {{
    "ignored": [n for n in (signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2)
                if signal.getsignal(n) == signal.SIG_IGN],
    "pipe": str(signal.getsignal(signal.SIGPIPE)),
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "content": os.pread(int(sys.argv[1]), 100, 0).decode(),
    "descriptors": sorted(n for n in map(int, os.listdir("/proc/self/fd")) if n < 200),
    "umask": os.umask(0o27), "nice": os.nice(0), "session": os.getsid(0), "parent": os.getppid(),
}}
print(json.dumps(state, default=int))
"""


def test_what_belongs_to_the_process_stays(user_tmp: Path) -> None:
    """Ignored signals, descriptors, umask, priority, session; no descriptor more."""
    path = user_tmp / "keeps.py"
    path.write_text(KEEPS)
    content = user_tmp / "content"
    content.write_text("still open")
    states = []
    for text in (KEEPS, KEEPS.replace("reexec=True", "reexec=False")):
        path.write_text(text)
        with content.open() as file:
            number = os.dup2(file.fileno(), 150)
            process = subprocess.Popen(
                [sys.executable, str(path), str(number)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[number],
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
                **support.user_options(),
            )
            output, _ = process.communicate(timeout=support.TIMEOUT)
            os.close(number)
        assert process.returncode == 0
        states.append(json.loads(output))
    again, plain = states
    assert again == plain
    assert again["content"] == "still open"
    assert again["ignored"] == [signal.SIGUSR1, signal.SIGHUP]
    assert again["umask"] == 0o27


def test_changes_of_the_environment_go_along(user_tmp: Path) -> None:
    """What the program set before the call is there afterwards, whatever bytes."""
    path = user_tmp / "changes.py"
    path.write_text(
        f"import os\nif {IS_FIRST_START}:\n"
        "    os.environ['NEW'] = '\\udcff'\n    del os.environ['OLD']\n" + SCRIPT
    )
    env = {**starts.remove_loader_variables(), "OLD": "1", "KEPT": "a=b\nc"}
    environ = told([str(path)], env=env)["environ"]
    assert (environ["NEW"], environ["KEPT"]) == ("\udcff", "a=b\nc")
    assert "OLD" not in environ


@pytest.mark.parametrize("policy", ["ph.STRICT", "ph.Policy(keep=['LD_LIBRARY_PATH'])"])
def test_with_a_policy(user_tmp: Path, policy: str) -> None:
    """It is in force in the second image too, and what it keeps is kept."""
    path = user_tmp / "policy.py"
    path.write_text(SCRIPT.replace("hardening(reexec", f"hardening({policy}, reexec"))
    env = {**starts.remove_loader_variables(), "LD_LIBRARY_PATH": "/x", "SSLKEYLOGFILE": "/x"}
    environ = told([str(path)], env=env)["environ"]
    strict = policy == "ph.STRICT"
    assert ("SSLKEYLOGFILE" in environ) is not strict
    assert ("LD_LIBRARY_PATH" in environ) is not strict


def test_a_policy_without_inspection_still_starts_again(user_tmp: Path) -> None:
    """The image is born non-dumpable whatever the policy says of the call."""
    path = user_tmp / "policy.py"
    path.write_text(
        SCRIPT.replace("hardening(reexec", "hardening(ph.Policy(inspection=False), reexec")
    )
    result = run_python([str(path)])
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["dumpable"] == 0


def test_as_root(script: Path) -> None:
    """Root keeps its capabilities, and is born hardened too."""
    support.require_root()
    script.write_text(
        f"{TELL}\nwith open('/proc/self/status') as file:\n"
        "    print(next(line for line in file if line[:6] == 'CapEff').strip())\ntell()\n"
    )
    result = support.run([sys.executable, str(script)], env=starts.remove_loader_variables())
    assert result.returncode == 0, result.stderr
    capabilities, values = result.stdout.splitlines()
    ours = Path("/proc/self/status").read_text().splitlines()
    assert capabilities in ours
    assert json.loads(values)["started"] == "execute-only"
    assert json.loads(values)["dumpable"] == 0


def test_another_working_directory(user_tmp: Path) -> None:
    """A script named from where it was would not be found: an error, not a lost program."""
    (user_tmp / "script.py").write_text(
        "import os, process_hardening as ph\nos.chdir('/')\n"
        "ph.pre_main_hardening(reexec=True)\nprint(ph.status().verdict)\n"
    )
    lost = support.run_as_user([sys.executable, "script.py"], cwd=user_tmp)
    assert (lost.returncode, lost.stdout) == (5, "")
    assert "harden before os.chdir()" in lost.stderr
    named = support.run_as_user([sys.executable, str(user_tmp / "script.py")], cwd=user_tmp)
    assert (named.returncode, named.stdout) == (0, "hardened\n")
