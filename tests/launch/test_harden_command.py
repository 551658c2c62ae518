"""The options of `harden`, what it passes on, and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import process_hardening
import starts
import support
from process_hardening.runtimes import RUNTIMES

WITHOUT = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}


@pytest.mark.parametrize("status", [0, 1, 7, 126, 255])
def test_the_status_is_the_programs_own(harden: str, status: int) -> None:
    assert support.run_as_user([harden, "sh", "-c", f"exit {status}"]).returncode == status


def test_signals_that_end_the_program_are_the_programs_own(harden: str) -> None:
    assert support.run_as_user([harden, "sh", "-c", "kill -9 $$"]).returncode == -9


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--"],
        ["--no-such-option", "true"],
        ["--method", "nonsense", "true"],
        ["--method"],
        ["--keep", "A=B", "true"],
        ["--keep=", "true"],
        ["--clear", "A*B", "true"],
        ["--strict=1", "true"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_ends_with_2(harden: str, arguments: list[str]) -> None:
    starts.refused(support.run_as_user([harden, *arguments]), status=2)


# What was typed, and the option that is suggested: the one that Python's commands suggest too.
MISTYPED: dict[tuple[str, str], str | None] = {
    ("harden", "--strct"): "--strict",
    ("harden", "--child"): "--children",
    ("harden", "--Explain"): "--explain",
    ("harden", "--kep=NAME"): "--keep",
    ("harden", "--exclude"): "--except",
    ("harden", "--hlep"): "--help",
    ("harden", "--versoin"): "--version",
    ("harden", "--no-such-option"): None,
    ("harden", "--" + "s" * 100_000): None,
    ("harden", "---------"): None,
    ("harden", "-x"): None,
    ("harden", "-"): None,
    ("confine", "--strct"): "--strict",
    ("confine", "--signals"): "--allow-signals",
    ("confine", "--strict=1"): "--strict",
    ("confine", "--hlp"): "--help",
    ("confine", "--versoin"): "--version",
    ("confine", "--children"): None,
}


@pytest.mark.parametrize(("command", "word"), MISTYPED, ids=lambda text: text[:20])
def test_a_mistyped_option_is_answered_with_the_one_that_was_meant(command: str, word: str) -> None:
    """In one line, with status 2; and with none where no option is like it."""
    line = starts.refused(support.run_as_user([support.find_tool(command), word, "true"]), status=2)
    meant = MISTYPED[command, word]
    suggestion = f" (did you mean {meant}?)" if meant else ""
    assert line.endswith(f": unknown option{suggestion}; see `{command} --help`")


def test_help_is_printed_to_standard_output(harden: str) -> None:
    for options in (
        ["--help"],
        ["-h"],
        ["-h", "--explain"],
        ["--strict", "--help", "true"],
        ["--keep", "NAME", "--method", "copy", "--help"],
    ):
        result = support.run_as_user([harden, *options])

        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("usage: harden ")


@pytest.mark.parametrize(
    "words",
    [["harden"], ["confine"], ["harden", "--keep", "NAME"], ["confine", "--strict"]],
    ids=" ".join,
)
def test_the_version_is_that_of_the_package(words: list[str]) -> None:
    """It is printed to standard output, and nothing is started."""
    command = [support.find_tool(words[0]), *words[1:], "--version", "false"]
    result = support.run_as_user(command)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{words[0]} {process_hardening.__version__}\n"


def test_help_of_the_program_is_the_programs_own(harden: str) -> None:
    """Only what comes before the program is an option of ours."""
    for words in (["echo", "--help"], ["--", "echo", "--help"]):
        result = support.run_as_user([harden, *words])

        assert not result.stdout.startswith("usage: harden ")


@pytest.mark.parametrize(
    "words",
    [
        ["API_KEY=sk-s3cret", "true"],
        ["./API_KEY=sk-s3cret"],
        ["--", "API_KEY=sk-s3cret"],
        ["--token=sk-s3cret", "true"],
        ["--keep", "API_KEY=sk-s3cret", "true"],
        ["--method=API_KEY=sk-s3cret", "true"],
    ],
    ids=" ".join,
)
def test_an_error_does_not_show_a_value(harden: str, words: list[str]) -> None:
    """A secret that was put into the wrong place does not get into a log."""
    result = support.run_as_user([harden, *words])
    line = starts.refused(result, status=result.returncode)

    assert result.returncode in (2, 127)
    assert "=...: " in line
    assert "s3cret" not in line


@pytest.mark.parametrize("options", [[], ["--explain"], ["--method=copy"]], ids=str)
def test_a_limit_of_file_sizes_ends_with_126_and_not_with_a_signal(
    harden: str, user_tmp: Path, options: list[str]
) -> None:
    """Even where standard error is a file, which has no room for the line either."""
    script = 'ulimit -f "$1"; shift; exec "$@" 2>>log'
    (user_tmp / "log").touch()
    (user_tmp / "log").chmod(0o666)
    for blocks, line in (("0", ""), ("1", "failed: File too large (EFBIG)\n")):
        words = ["bash", "-c", script, "bash", blocks, harden, *options, "true"]
        result = support.run_as_user(words, cwd=user_tmp)
        assert (result.returncode, result.stdout) == (126, "")
        assert (user_tmp / "log").read_text().endswith(line)


def test_an_error_shows_the_beginning_of_a_long_name(harden: str) -> None:
    """The reason stays in sight."""
    line = starts.refused(support.run_as_user([harden, "x" * 5000]), status=127)

    assert line.endswith("x...: not found in PATH")
    assert len(line) < 600


def test_it_has_the_options_of_run(harden: str) -> None:
    """The table of `process-hardening run`, but for what needs Python."""
    from process_hardening.cli import run

    text = support.run_as_user([harden, "--help"]).stdout
    of_python = {"-m", "--json", "--help"}
    assert (
        set(re.findall(r"^  (--[\w-]+)", text, re.MULTILINE))
        == {names[-1] for names, *_ in run.OPTIONS} - of_python
    )


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", ""])
def test_a_program_that_is_not_found_ends_with_127(harden: str, name: str) -> None:
    starts.refused(support.run_as_user([harden, "--", name]), status=127)


def test_what_cannot_be_executed_ends_with_126(harden: str, user_tmp: Path) -> None:
    (user_tmp / "data").write_text("just text")
    (user_tmp / "data").chmod(0o755)
    (user_tmp / "unexecutable").write_text("#!/bin/sh\n")

    for path in (user_tmp, user_tmp / "data", user_tmp / "unexecutable", Path("/dev/null")):
        starts.refused(support.run_as_user([harden, str(path)]))


def test_programs_with_rights_of_their_own_are_refused(
    harden: str, show: str, user_tmp: Path
) -> None:
    path = user_tmp / "set-user-id"
    shutil.copy(show, path)
    path.chmod(0o4755)

    assert "set-user-ID" in starts.refused(support.run_as_user([harden, str(path)]))


def test_an_unreadable_program_is_simply_executed(harden: str, show: str, user_tmp: Path) -> None:
    path = user_tmp / "unreadable"
    shutil.copy(show, path)
    path.chmod(0o111)

    shown = starts.show([harden, str(path)])
    explained = support.run_as_user([harden, "--explain", str(path)])

    assert (shown.value("dumpable"), shown.value("image")) == ("0", str(path))
    assert "its file is unreadable" in explained.stdout


def test_strict_refuses_an_unreadable_program_that_its_user_can_make_readable(
    harden: str, compiler: support.Compiler, user_tmp: Path
) -> None:
    """While it starts, so that it would be started exposed. --explain says so without --strict."""
    support.require_root()
    path = user_tmp / "program"
    shutil.copy(starts.build_static(compiler), path)
    path.chmod(0o111)
    assert support.run_as_user([harden, "--strict", str(path), "tell"]).returncode == 0  # of root
    os.chown(path, support.USER, support.USER)

    refused = starts.refused(support.run_as_user([harden, "--strict", str(path), "tell"]))
    assert "this user owns it" in refused
    explained = support.run_as_user([harden, "--explain", str(path), "tell"]).stdout
    assert "can make it readable while it starts" in explained
    assert support.run_as_user([harden, str(path), "tell"]).returncode == 0


@pytest.mark.parametrize(("starter", "is_exposed"), [("setpriv", True), ("env", False)])
def test_an_unreadable_launcher_says_that_it_could_be_read_after_all(
    starter: str, is_exposed: bool, harden: str, user_tmp: Path
) -> None:
    """What executes it decides: setpriv still has root's capabilities then, env has none."""
    support.require_root()
    path = user_tmp / "harden"
    shutil.copy(harden, path)
    path.chmod(0o711)
    user = [f"--reuid={support.USER}", f"--regid={support.USER}", "--clear-groups"]
    drop = [support.find_tool("setpriv"), *user, *(["env"] if starter == "env" else [])]

    started = support.run([*drop, str(path), "true"])
    explained = support.run([*drop, str(path), "--explain", "true"])

    assert started.returncode == 0
    assert ("could read its memory" in started.stderr) is is_exposed
    assert ("could read its memory" in explained.stdout) is is_exposed
    assert ("protected from its first instruction on" in explained.stdout) is not is_exposed


LOADER = "/lib64/ld-linux-x86-64.so.2"


@pytest.mark.skipif(not os.path.exists(LOADER), reason="the loader has another name here")
@pytest.mark.parametrize("options", [[], ["--method", "preload"], ["--method", "copy"]], ids=str)
def test_a_loader_that_would_execute_a_static_program_is_refused(
    harden: str, show: str, compiler: support.Compiler, options: list[str]
) -> None:
    """It would run unprotected: the loader becomes the program by exec.

    The line begins with the word that is refused, and ends with what to write instead.
    """
    static = starts.build_static(compiler)
    name = os.path.basename(static)
    for words, refused, instead in (
        ([static, "tell"], static, "leave out the loader"),
        (["--library-path", show, static, "tell"], static, "leave out the loader"),
        ([LOADER, static, "tell"], LOADER, "leave out the loader"),
        (["--inhibit-cache", show], "--inhibit-cache", "only --library-path, or leave out"),
        (["--argv0", show, static, "tell"], "--argv0", "only --library-path, or leave out"),
        (["--preload", LOADER, static, "tell"], "--preload", "only --library-path, or leave out"),
        (["--preload=secret"], "--preload=...", "only --library-path, or leave out"),
        (["--library-path", os.path.dirname(static), name], name, "such as ./PROGRAM"),
        ([], LOADER, "write LOADER [--library-path LIST] ./PROGRAM"),
    ):
        command = [harden, *options, LOADER, *words]
        line = starts.refused(support.run_as_user(command))
        assert line.startswith(f"{starts.PREFIX}{refused}: "), line
        assert instead in line
    control = support.run_as_user([LOADER, "--argv0", show, static, "tell"])
    assert starts.Shown(control.stdout).number("dumpable") == 1
    # What the loader maps itself is protected.
    for words in ([show], ["--library-path", "/lib", show]):
        assert starts.show([harden, *options, LOADER, *words]).value("dumpable") == "0"


@pytest.mark.skipif(not os.path.exists(LOADER), reason="the loader has another name here")
def test_a_loader_is_recognized_whatever_it_is_called(
    harden: str, show: str, compiler: support.Compiler, user_tmp: Path
) -> None:
    """As in a bundle that brings its own: it still executes a static program."""
    loader = str(shutil.copy(LOADER, user_tmp / "start"))
    static = starts.build_static(compiler)
    control = support.run_as_user([loader, static, "tell"])
    assert starts.Shown(control.stdout).number("dumpable") == 1

    refused = support.run_as_user([harden, loader, static, "tell"])
    assert "not a dynamic program" in starts.refused(refused)
    for words in ([], ["--method", "preload"]):
        assert starts.show([harden, *words, loader, show]).value("dumpable") == "0"


@pytest.mark.skipif(not os.path.exists(LOADER), reason="the loader has another name here")
def test_the_name_of_what_a_loader_loads_counts_too(harden: str, show: str, user_tmp: Path) -> None:
    """The library exempts `bwrap`, so it cannot protect a program with that name."""
    named = str(shutil.copy(show, user_tmp / "bwrap"))
    command = ["--method", "preload", LOADER, named]

    assert starts.show([LOADER, named]).value("dumpable") == "1"
    refused = starts.refused(support.run_as_user([harden, *command]))
    assert "the preload library exempts this program" in refused
    assert starts.show([harden, LOADER, named]).value("dumpable") == "0"


def test_a_static_program_with_the_name_of_a_library_is_static(
    harden: str, compiler: support.Compiler
) -> None:
    """No loader of ours would load a library into it."""
    named = str(compiler("subject.c", "-static-pie", "-Wl,-soname,x.so", name="named"))

    refused = support.run_as_user([harden, "--method", "preload", named, "tell"])
    assert "it is statically linked" in starts.refused(refused)
    result = support.run_as_user([harden, named, "tell"])
    assert starts.Shown(result.stdout).number("dumpable") == 0


@pytest.mark.parametrize("command", ["harden", "confine"])
def test_a_file_that_cannot_be_read_is_not_said_to_be_for_another_machine(
    command: str, user_tmp: Path
) -> None:
    """Nobody but the kernel knows why it cannot run it."""
    support.require_root()
    path = user_tmp / "unreadable"
    path.write_text("just text\n")
    path.chmod(0o111)
    result = support.run_as_user([support.find_tool(command), str(path)])
    assert "an unreadable file that is a script without a #! line, is damaged or" in starts.refused(
        result
    )


def test_an_unreadable_script_is_refused(harden: str, show: str, user_tmp: Path) -> None:
    """The kernel looks at its interpreter's file, which can be read: a dumpable process."""
    path = Path(script(user_tmp, f"#!{show} 0"))
    path.chmod(0o111)

    assert starts.show([str(path)]).value("dumpable") == "1"
    for name in (str(path), f"./{path.name}"):
        result = support.run_as_user([harden, name], cwd=user_tmp)
        assert "an unreadable script" in starts.refused(result)


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_an_unreadable_program_finds_its_libraries_and_itself(
    harden: str, compiler: support.Compiler, user_tmp: Path, cc: str
) -> None:
    """The kernel names it /dev/fd/N/PATH in its auxiliary vector."""
    path = Path(starts.build_with_origin(compiler, cc))
    for file in (path, path.with_name(f"libanswer-{cc}.so")):
        shutil.copy(file, user_tmp)
    path = user_tmp / path.name
    path.chmod(0o111)

    for name in (str(path), f"./{path.name}"):
        result = support.run_as_user([harden, name, "tell"], cwd=user_tmp)
        assert starts.Shown(result.stdout).number("dumpable") == 0, result.stderr


def test_a_child_whose_file_cannot_be_read_is_not_called_hardened(
    show: str, user_tmp: Path
) -> None:
    """Nobody knows whether it is a script."""
    path = Path(script(user_tmp, f"#!{show} 0"))
    path.chmod(0o111)
    code = f"import process_hardening as ph; print(ph.check_child([{str(path)!r}], {{}}).by)"
    result = support.run_as_user([sys.executable, "-c", code])

    assert (result.stdout, result.stderr) == ("None\n", "")


def test_what_landlock_keeps_a_process_from_opening_is_not_unreadable() -> None:
    """The kernel's exec asks for the mode of the file alone."""
    program = str(Path(__file__).with_name("programs") / "read_own_start.py")
    result = support.run_as_user([sys.executable, program])

    assert (result.stdout, result.stderr) == ("ordinary\n", "")


def test_looking_for_a_damaged_program_leaves_no_descriptor(user_tmp: Path) -> None:
    """In a process that goes on, as check_child() does."""
    path = Path(script(user_tmp, "\x7fELF"))
    code = (
        "import os, process_hardening as ph\n"
        f"for _ in range(3): assert not ph.check_child([{str(path)!r}], {{}})\n"
        "print(len(os.listdir('/proc/self/fd')))"
    )
    once = code.replace("range(3)", "range(1)")
    results = [support.run_as_user([sys.executable, "-c", each]) for each in (once, code)]

    assert results[0].stdout == results[1].stdout != ""


def test_a_program_that_may_be_read_but_not_opened_is_refused(
    harden: str, show: str, user_tmp: Path
) -> None:
    """AppArmor can refuse open(2) for a file whose mode lets exec read it: a dumpable process."""
    path = user_tmp / "show"
    shutil.copy(show, path)
    path.chmod(0o111)
    # The filter stands for a mode that allows reading; open(2) is refused in earnest.
    readable = starts.refusing("faccessat=0")

    assert starts.show([harden, str(path)]).value("dumpable") == "0"
    assert "openat failed: Permission denied" in starts.refused(
        support.run_as_user([*readable, harden, str(path)])
    )


@pytest.mark.parametrize("program", ["true", "/bin/true"])
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("harden", "statx=EPERM"),
        ("harden", "statx=ENOSYS"),
        ("harden", "faccessat=EPERM"),
        ("confine", "statx=EPERM"),
        ("confine", "statx=ENOSYS"),
    ],
)
def test_a_call_that_fails_does_not_make_a_program_missing(
    command: str, program: str, answer: str
) -> None:
    """The line names the call and its error, and the status is 126, not 127."""
    argv = [*starts.refusing(answer), support.find_tool(command), program]
    line = starts.refused(support.run_as_user(argv))
    call, _, error = answer.partition("=")
    assert line.startswith(f"process-hardening: {program}: {call} failed: ")
    assert line.endswith(f"({error})")


def script(folder: Path, first_line: str, rest: str = "", name: str = "script") -> str:
    """Write an executable script; returns its path."""
    path = folder / name
    path.write_text(f"{first_line}\n{rest}")
    path.chmod(0o755)
    return str(path)


SCRIPTS = {
    "no argument": "#!{show}",
    "an argument": "#!{show} -x",
    "an argument with blanks": "#!{show}   -x  y z ",
    "a blank before": "#! \t{show}",
    "env": "#!/usr/bin/env show",
    "env -S": "#!/usr/bin/env -S show -x 'a b' \"\" c",
    "env --split-string": "#!/usr/bin/env --split-string=show -x",
    "env with a variable": "#!/usr/bin/env -S NAME=value show",
    "env with other spaces": "#!/usr/bin/env -S show a\vb\fc\rd\r",
    "a carriage return": "#!{show} x\r",
    "a NUL": "#!{show} x \0y",
}


@pytest.mark.parametrize("line", SCRIPTS)
def test_scripts_are_started_as_the_kernel_and_env_would(
    harden: str, show: str, user_tmp: Path, line: str
) -> None:
    path = script(user_tmp, SCRIPTS[line].format(show=show))
    env = {**WITHOUT, "PATH": f"{os.path.dirname(show)}:{os.environ['PATH']}"}

    plain = starts.show([path, "a", "0"], env=env)
    hardened = starts.show([harden, path, "a", "0"], env=env)

    assert hardened.value("dumpable") == "0"
    assert hardened.values("argument") == plain.values("argument")
    assert hardened.value("comm") == plain.value("comm")


@pytest.mark.parametrize("rest", ["", " ", " x", " x ", "\t x \t"], ids=repr)
def test_a_first_line_without_an_end_keeps_its_blanks(
    harden: str, show: str, user_tmp: Path, rest: str
) -> None:
    """The kernel cuts off those at the end of a line."""
    path = user_tmp / "script"
    path.write_text(f"#!{show}{rest}")
    path.chmod(0o755)

    plain, hardened = starts.show([str(path), "0"]), starts.show([harden, str(path), "0"])
    assert hardened.values("argument") == plain.values("argument")


def test_a_script_of_a_script_is_followed(harden: str, show: str, user_tmp: Path) -> None:
    inner = script(user_tmp, f"#!{show} inner", name="inner")
    outer = script(user_tmp, f"#!{inner} outer", name="outer")

    plain, hardened = starts.show([outer, "0"]), starts.show([harden, outer, "0"])

    assert hardened.values("argument") == plain.values("argument")


@pytest.mark.parametrize(
    "line",
    [
        "#!",
        "#! ",
        "#!/no/such/interpreter",
        "#!/usr/bin/env",
        "#!/usr/bin/env -i show",
        "#!/usr/bin/env -S show $HOME",
        "#!/usr/bin/env -S show 'a",
        "#!/usr/bin/env -S PATH=/bin sh",
        "#!" + "/x" * 200,
    ],
)
def test_a_broken_first_line_is_refused(harden: str, user_tmp: Path, line: str) -> None:
    starts.refused(support.run_as_user([harden, script(user_tmp, line)]))


def test_as_many_scripts_in_a_row_as_the_kernel_follows_are_followed(
    harden: str, show: str, user_tmp: Path
) -> None:
    """Five."""
    path = show
    for number in range(5):
        path = script(user_tmp, f"#!{path} {number}", name=f"script{number}")

    plain, hardened = starts.show([path, "0"]), starts.show([harden, path, "0"])
    assert hardened.values("argument") == plain.values("argument")


@pytest.mark.parametrize("size", range(-2, 4))
@pytest.mark.parametrize("rest", ["", " ", "  x", " x y"], ids=["end", "blank", "blanks", "words"])
def test_a_long_first_line_is_cut_as_by_the_kernel(
    harden: str, show: str, user_tmp: Path, size: int, rest: str
) -> None:
    """It uses 255 bytes, of which the interpreter's name must end in 256."""
    folder = user_tmp / ("f" * (254 + size - len(f"#!{user_tmp}//show")))
    folder.mkdir()
    shutil.copy(show, folder / "show")
    path = script(user_tmp, f"#!{folder}/show{rest}")

    try:
        plain = starts.show([path, "0"], **support.user_options()).values("argument")
    except OSError:  # ENOEXEC, or ENOENT, of subprocess itself
        starts.refused(support.run_as_user([harden, path, "0"]))
    else:
        assert starts.show([harden, path, "0"]).values("argument") == plain


def test_a_command_of_an_env_line_that_is_not_executable_is_told_from_one_that_is_absent(
    harden: str, user_tmp: Path
) -> None:
    """As env(1) does: 126 and 127."""
    (user_tmp / "tool").write_text("")
    env = {**WITHOUT, "PATH": str(user_tmp)}

    for name, status in {"tool": 126, "absent": 127}.items():
        command = [harden, script(user_tmp, f"#!/usr/bin/env {name}")]
        starts.refused(support.run_as_user(command, env=env), status)


def test_another_program_called_env_is_not_env(harden: str, show: str, user_tmp: Path) -> None:
    """It takes its words in its own way."""
    shutil.copy(show, user_tmp / "env")
    path = script(user_tmp, f"#!{user_tmp}/env -S x")

    plain, hardened = starts.show([path, "0"]), starts.show([harden, path, "0"])
    assert hardened.values("argument") == plain.values("argument")


def test_loader_variables_of_an_env_line_are_removed_as_others_are(
    harden: str, user_tmp: Path
) -> None:
    """--keep keeps them, and --explain names them."""
    path = script(user_tmp, "#!/usr/bin/env -S LD_BIND_NOW=1 A=2 sh -c env")
    removed, kept, explained, explained_kept = (
        support.run_as_user([harden, *options, path], env=WITHOUT).stdout.splitlines()
        for options in ([], ["--keep=LD_BIND_NOW"], ["--explain"], ["--explain", "--keep=LD_*"])
    )

    assert "A=2" in removed
    assert "LD_BIND_NOW=1" not in removed
    assert "LD_BIND_NOW=1" in kept
    assert "removed:          LD_BIND_NOW" in explained
    assert "removed:          nothing" in explained_kept


def test_clear_and_strict_remove_variables_of_an_env_line_too(harden: str, user_tmp: Path) -> None:
    """--keep keeps them, and --explain names them."""
    path = script(user_tmp, "#!/usr/bin/env -S CLEARED=1 BASH_ENV=/tmp/x A=2 sh -c env")
    options = ["--clear", "CLEARED", "--strict"]
    plain, removed, kept, explained = (
        support.run_as_user([harden, *each, path], env=WITHOUT).stdout.splitlines()
        for each in ([], options, [*options, "--keep=BASH_ENV"], [*options, "--explain"])
    )
    of_line = {"CLEARED=1", "BASH_ENV=/tmp/x", "A=2"}

    assert of_line <= set(plain)
    assert of_line & set(removed) == {"A=2"}
    assert of_line & set(kept) == {"BASH_ENV=/tmp/x", "A=2"}
    assert "removed:          CLEARED, BASH_ENV" in explained


def test_too_many_scripts_in_a_row_are_refused(harden: str, user_tmp: Path) -> None:
    path = "/bin/sh"
    for number in range(6):
        path = script(user_tmp, f"#!{path}", name=f"script{number}")

    assert "too many nested interpreters" in starts.refused(support.run_as_user([harden, path]))


def variables(harden: str, *options: str, **given: str) -> dict[str, str]:
    """The variables that a hardened `env` sees."""
    result = support.run_as_user([harden, *options, "env"], env={**WITHOUT, **given})
    assert result.returncode == 0, result.stderr
    return dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)


def test_loader_variables_are_removed_and_search_paths_set_aside(harden: str) -> None:
    seen = variables(harden, LD_LIBRARY_PATH="/a:/b", LD_DEBUG="statistics", LD_AUDIT="", KEPT="1")

    assert not [name for name in seen if name.startswith("LD_")]
    assert seen["KEPT"] == "1"
    assert bytes.fromhex(seen["PROCESS_HARDENING_SET_ASIDE"]) == b"LD_LIBRARY_PATH=/a:/b"


def test_nothing_is_added_where_nothing_was_removed(harden: str) -> None:
    plain = support.run_as_user(["env"], env=WITHOUT).stdout
    hardened = support.run_as_user([harden, "env"], env=WITHOUT).stdout

    assert hardened == plain


def test_what_was_set_aside_before_is_kept(harden: str) -> None:
    before = b"LD_ORIGIN_PATH=/c".hex()
    seen = variables(harden, PROCESS_HARDENING_SET_ASIDE=before, LD_LIBRARY_PATH="/a")
    damaged = variables(harden, PROCESS_HARDENING_SET_ASIDE="zz", LD_LIBRARY_PATH="/a")

    assert bytes.fromhex(seen["PROCESS_HARDENING_SET_ASIDE"]).split(b"\0") == [
        b"LD_ORIGIN_PATH=/c",
        b"LD_LIBRARY_PATH=/a",
    ]
    assert bytes.fromhex(damaged["PROCESS_HARDENING_SET_ASIDE"]) == b"LD_LIBRARY_PATH=/a"


def test_python_gives_the_search_paths_that_were_set_aside_to_children(
    harden: str, python: str
) -> None:
    code = "import process_hardening as p; print(p.child_env()['LD_LIBRARY_PATH'])"
    env = {**WITHOUT, "LD_LIBRARY_PATH": "/a:/b"}

    assert support.run_as_user([harden, python, "-c", code], env=env).stdout == "/a:/b\n"


def test_keep_and_clear_name_variables_or_their_beginnings(harden: str) -> None:
    seen = variables(
        harden,
        "--keep=LD_DEBUG_OUTPUT",
        "--clear",
        "CLEARED_*",
        LD_DEBUG_OUTPUT="/x",
        CLEARED_A="1",
        CLEAREDS="2",
    )

    assert (seen["LD_DEBUG_OUTPUT"], seen["CLEAREDS"], "CLEARED_A" in seen) == ("/x", "2", False)


@pytest.mark.parametrize("length", [10, 60])
def test_children_keep_as_many_names_as_the_launcher_takes(harden: str, length: int) -> None:
    """Kept by name, every one; and a name that begins like a kept one is removed."""
    names = [f"LD_{number:02}".ljust(length, "N") for number in range(64)]
    given = {**dict.fromkeys(names, "x"), names[-1][:-1]: "x"}
    options = [f"--keep={name}" for name in names]

    seen = variables(harden, "--children", *options, **given)

    assert {name for name in seen if name in given} == set(names)


def test_more_names_than_the_library_has_room_for_are_refused(harden: str) -> None:
    """Rather than removed from children without a word."""
    options = [f"--keep=LD_{'N' * 60}{number:02}" for number in range(64)]

    line = starts.refused(support.run_as_user([harden, "--children", *options, "true"]), 2)
    assert "--keep: too many names" in line


def test_strict_removes_what_the_strict_policy_of_python_removes(harden: str) -> None:
    from process_hardening.variables import STRICT_VARIABLES

    given = {name.replace("*", "ARENA"): "x" for name in STRICT_VARIABLES}

    assert not set(given) & set(variables(harden, "--strict", **given))
    assert set(given) <= set(variables(harden, **given))


def test_the_tables_of_search_paths_agree(harden: str) -> None:
    from process_hardening.variables import SEARCH_PATH, STRICT_VARIABLES, kind_of

    names = [*STRICT_VARIABLES, "LD_LIBRARY_PATH", "LD_ORIGIN_PATH", "LD_PRELOAD", "LD_AUDIT"]
    names += ["LD_32_LIBRARY_PATH", "LD_64_ORIGIN_PATH", "LD_32_PRELOAD"]
    given = {name: "" for name in names if "*" not in name}
    aside = variables(harden, "--strict", **given)["PROCESS_HARDENING_SET_ASIDE"]
    entries = {entry.decode().rstrip("=") for entry in bytes.fromhex(aside).split(b"\0")}

    assert entries == {name for name in given if kind_of(name) == SEARCH_PATH}


def test_strict_sets_no_new_privs_and_seal_keeps_the_process_closed(
    harden: str, python: str
) -> None:
    code = "from process_hardening import status; print(status().no_new_privs, status().sealed)"

    for options, expected in {
        (): "False False",
        ("--strict",): "True False",
        ("--seal",): "True True",
    }.items():
        result = support.run_as_user([harden, *options, python, "-c", code], env=WITHOUT)
        assert result.stdout.split("\n")[0] == expected


def test_strict_starts_a_copy_of_a_program_that_its_user_can_change(
    harden: str, show: str, user_tmp: Path
) -> None:
    path = user_tmp / "own"
    shutil.copy(show, path)
    shutil.chown(path, support.USER)
    path.chmod(0o755)
    strict, default, of_root = (
        support.run_as_user([harden, *command]).stdout
        for command in (
            ["--strict", "--explain", str(path)],
            ["--explain", str(path)],
            ["--strict", "--explain", "/bin/true"],
        )
    )

    assert "method:           copy, under" in strict
    assert "a stand-in" in default
    assert "a stand-in" in of_root
    assert ("warning:" in default, "warning:" in of_root) == (True, False)
    assert starts.show([harden, "--strict", str(path)]).value("image") == str(path)


def test_children_are_hardened_when_asked_for(harden: str, show: str) -> None:
    command = ["sh", "-c", f"{show}; :"]

    plain = starts.show([harden, *command], env=WITHOUT)
    asked = starts.show([harden, "--children", *command], env=WITHOUT)

    assert (plain.value("dumpable"), asked.value("dumpable")) == ("1", "0")


@pytest.mark.parametrize("method", ["auto", "execute-only", "copy", "preload"])
def test_the_core_limit_is_0_for_the_program_and_its_children(harden: str, method: str) -> None:
    command = [harden, "--method", method, "sh", "-c", "ulimit -Hc; sh -c 'ulimit -Hc'"]

    assert support.run_as_user(command).stdout == "0\n0\n"


def test_preload_starts_the_file_itself(harden: str, show: str) -> None:
    shown = starts.show([harden, "--method", "preload", show], env=WITHOUT)

    assert (shown.value("dumpable"), shown.value("execfn")) == ("0", show)


def test_the_bypass_variable_starts_the_program_unprotected_with_a_warning(
    harden: str, show: str
) -> None:
    env = {**WITHOUT, "CODEX_SKIP_HARDENING": "1", "LD_BIND_NOW": "1"}
    result = support.run_as_user([harden, show], env=env)
    seen = variables(harden, CODEX_SKIP_HARDENING="1", LD_BIND_NOW="1")
    hardened = support.run_as_user([harden, show], env={**env, "CODEX_SKIP_HARDENING": "yes"})

    assert starts.Shown(result.stdout).value("dumpable") == "1"
    assert "CODEX_SKIP_HARDENING=1: starting without hardening" in result.stderr
    assert seen["LD_BIND_NOW"] == "1"
    assert starts.Shown(hardened.stdout).value("dumpable") == "0"


def test_the_bypass_variable_leaves_what_an_env_line_sets(harden: str, user_tmp: Path) -> None:
    """The program runs as without harden."""
    path = script(user_tmp, "#!/usr/bin/env -S NAME=value LD_BIND_NOW=1 sh -c env")
    result = support.run_as_user([harden, path], env={**WITHOUT, "CODEX_SKIP_HARDENING": "1"})

    assert {"NAME=value", "LD_BIND_NOW=1"} <= set(result.stdout.splitlines())


def test_a_library_of_ld_preload_gets_into_neither_the_launcher_nor_the_program(
    harden: str, compiler: support.Compiler, user_tmp: Path
) -> None:
    library = str(compiler("mark.c", "-shared", "-fPIC", name="libmark.so"))
    mark = user_tmp / "mark"
    env = {**WITHOUT, "LD_PRELOAD": library, "MARK_FILE": str(mark)}

    assert support.run_as_user([harden, "/bin/true"], env=env).returncode == 0
    assert not mark.exists()
    assert support.run_as_user(["/bin/true"], env=env).returncode == 0
    assert mark.exists()


def test_thousands_of_arguments_and_variables_pass_through(harden: str) -> None:
    arguments = [str(number) for number in range(20000)]
    env = {**WITHOUT, **{f"NAME{number}": "x" * 20 for number in range(5000)}}
    result = support.run_as_user(
        [harden, "sh", "-c", "echo $#; env | grep -c ^NAME", "sh", *arguments], env=env
    )

    assert result.stdout == "20000\n5000\n"


@pytest.mark.parametrize("kilobytes", [16, 20, 24, 64])
def test_a_stack_limit_that_is_too_small_is_named(harden: str, kilobytes: int) -> None:
    """Plain, the program runs. Without the check, the line names a tracer, or a signal ends it."""
    words = ["sh", "-c", f'ulimit -s {kilobytes} && exec "$@"', "sh"]
    env = {"PATH": "/usr/bin:/bin"}

    assert support.run_as_user([*words, "/bin/true"], env=env).returncode == 0
    line = starts.refused(support.run_as_user([*words, harden, "/bin/true"], env=env))
    assert "RLIMIT_STACK: too small" in line
    assert "ulimit -s 8192" in line


@pytest.mark.parametrize("count", [0, 1000])
def test_a_small_stack_limit_is_enough(harden: str, count: int) -> None:
    """It depends on the number of arguments, whose list the launcher copies."""
    words = ["sh", "-c", 'ulimit -s 256 && exec "$@"', "sh", harden, "sh", "-c", "echo $#", "sh"]
    result = support.run_as_user([*words, *map(str, range(count))])

    assert (result.returncode, result.stdout, result.stderr) == (0, f"{count}\n", "")


def test_explain_starts_nothing(harden: str, user_tmp: Path) -> None:
    result = support.run_as_user([harden, "--explain", "touch", str(user_tmp / "made")])

    assert result.returncode == 0
    assert not (user_tmp / "made").exists()
    assert result.stdout.startswith("program:          /usr/bin/touch\nmethod: ")


@pytest.mark.parametrize(
    "program",
    [*(name for one in RUNTIMES for name in one.programs), "node22", "node-22", "java-17-openjdk"],
)
def test_explain_names_the_runtimes_that_show_their_memory(
    program: str, harden: str, user_tmp: Path
) -> None:
    """By the name of the program file, as `audit` knows them."""
    file = user_tmp / program
    shutil.copy("/bin/true", file)
    named, other = (
        support.run_as_user([harden, "--explain", path]).stdout for path in (str(file), "/bin/true")
    )
    assert "this runtime discloses its memory" in named
    assert "this runtime" not in other
