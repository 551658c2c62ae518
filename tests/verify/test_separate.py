"""What root starts as another user reaches nothing of root's, and cannot stay behind."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import support
from process_hardening.separate import start_separate
from process_hardening.verify.lab.removal import remove_tree

PROGRAMS = Path(__file__).with_name("programs")
SOURCES = Path(__file__).resolve().parents[2] / "src" / "process_hardening"
VARIABLE, KEY = "ROOT_API_KEY", "roots-key"
ATTACK = ["--attack", "proc-mem"]
DEPTH = 1500
CALLS = {f"set{ids}{kind}id" for ids in ("", "e", "re", "res", "fs") for kind in "ug"}
CALLS |= {"setgroups", "initgroups"}
STARTS = {"Popen", "run", "call", "check_call", "check_output"}
STARTS |= {"create_subprocess_exec", "create_subprocess_shell"}
KEYWORDS = {"user", "group", "extra_groups"}
TOOLS = {"setpriv", "sudo", "su", "runuser", "chroot", "nsenter"}


def reach_from(folder: Path, *starter: str) -> list[set[str]]:
    """Return what each process can reach that root, in a terminal, starts as nobody.

    starter -- the command before the program; FOUND in it is the file with the result
    """
    support.require_root()
    program = support.Compiler(PROGRAMS, folder)("reach.c")
    program.chmod(0o755)
    found = folder / "found"
    login = [sys.executable, str(PROGRAMS / "as_in_a_terminal.py"), KEY]
    words = [word.replace("FOUND", str(found)) for word in starter]
    argv = [*login, *words, str(program), VARIABLE, KEY, str(found)]
    done = support.run(argv, env={**os.environ, VARIABLE: "secret"}, cwd="/")
    assert found.exists(), done.stdout + done.stderr
    return [set(line.split()) for line in found.read_text().splitlines()]


def test_a_program_that_merely_changes_its_user_reaches_everything(user_tmp: Path) -> None:
    """The control."""
    starter = [sys.executable, str(PROGRAMS / "start_as_nobody.py"), "FOUND"]
    (found,) = reach_from(user_tmp, *starter)
    assert found == {"environment", "terminal", "files", "keyring", "ancestor", "end"}


def test_what_verify_starts_reaches_nothing_of_roots(command: str, user_tmp: Path) -> None:
    """Nor the laboratory, which writes the results."""
    found = reach_from(user_tmp, command, "verify", *ATTACK, "--")
    assert len(found) > 1
    assert all(words == {"end"} for words in found), found


def test_what_an_ordinary_user_starts_keeps_the_users_variables(
    command: str, user_tmp: Path
) -> None:
    """They are no other user's, and the program may need them."""
    program = support.Compiler(PROGRAMS, user_tmp)("reach.c")
    program.chmod(0o755)
    found = user_tmp / "found"
    argv = [command, "verify", *ATTACK, "--", str(program), VARIABLE, KEY, str(found)]
    support.run_as_user(argv, env={**os.environ, VARIABLE: "secret"}, cwd="/")
    assert "environment" in found.read_text()


@pytest.mark.parametrize(("change", "is_taken"), [("separate", False), ("plain", True)])
def test_a_process_that_becomes_another_user_cannot_be_read_by_it(
    change: str, is_taken: bool
) -> None:
    """Unlike one that executes a program as that user, which is the control."""
    support.require_root()
    argv = [sys.executable, str(PROGRAMS / "becomes_nobody.py"), change]
    with start_separate(argv, stdin=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        attacker = [sys.executable, str(PROGRAMS / "take.py"), str(process.pid)]
        done = support.run_as_user(attacker, cwd="/")
        process.kill()
    assert (done.stdout.split(), done.returncode) == (["stdout", "environ", "mem"] * is_taken, 0)


def test_a_separate_process_has_a_session_and_files_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever its starter has open or in its environment."""
    monkeypatch.setenv(VARIABLE, "secret")
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    with start_separate(["/bin/sh", "-c", "echo ready; kill -STOP $$"]) as process:
        assert process.stdout
        process.stdout.readline()  # from now on, /proc/PID/environ is complete
        folder = Path(f"/proc/{process.pid}")
        links = {path.name: os.readlink(path) for path in (folder / "fd").iterdir()}
        variables = {entry.partition(b"=")[0] for entry in read_environ(folder)}
        session = os.getsid(process.pid)
        process.kill()
    os.close(inherited)
    assert session == process.pid
    assert (links.pop("0"), links.pop("2")) == (os.devnull, os.devnull)
    assert links.pop("1").startswith("pipe:")
    assert not links
    assert variables == {b"PATH", b"LANG"}


def read_environ(folder: Path) -> list[bytes]:
    """Return the entries of /proc/PID/environ."""
    return (folder / "environ").read_bytes().rstrip(b"\0").split(b"\0")


def changes_user(node: ast.AST) -> bool:
    """Whether a part of a program names a call, an argument or a command that changes a user.

    What preexec_fn calls is found by its own name.
    """
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
            return name in CALLS
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), keywords=keywords):
            return name in STARTS and any(keyword.arg in KEYWORDS for keyword in keywords)
        case ast.List(elts=[ast.Constant(value=str(word)), *_]):
            return os.path.basename(word) in TOOLS
        case ast.Tuple(elts=[ast.Constant(value=str(word)), *_]):
            return os.path.basename(word) in TOOLS
        case ast.Constant(value=str(word)):  # of getattr()
            return word in CALLS
    return False


def ever_changes_user(source: str) -> bool:
    """Whether a module changes the user of a process in any way."""
    return any(map(changes_user, ast.walk(ast.parse(source))))


@pytest.mark.parametrize(
    "source",
    [
        "os.setuid(1)",
        "os.setresgid(1, 1, 1)",
        "os.initgroups('nobody', 1)",
        "from os import setegid",
        "getattr(libc, 'setfsuid')(1)",
        "subprocess.Popen(argv, user=1)",
        "run(argv, group=1)",
        "subprocess.run(argv, extra_groups=[])",
        "subprocess.run(argv, preexec_fn=lambda: os.setuid(1))",
        "argv = ['setpriv', '--reuid', '1', *argv]",
        "argv = ('/usr/bin/sudo', '-u', user, *argv)",
    ],
)
def test_every_way_to_change_the_user_is_known(source: str) -> None:
    """The control of the next test."""
    assert ever_changes_user(source)


def test_only_one_module_changes_the_user_of_a_process() -> None:
    """So each of them is separate from root."""
    paths = [path for path in SOURCES.rglob("*.py") if ever_changes_user(path.read_text())]
    assert paths == [SOURCES / "separate.py"]


def make_shared_folder(folder: Path) -> Path:
    """Make a folder for temporary files in which every user can write."""
    made = folder / "tmp"
    made.mkdir()
    made.chmod(0o777)
    return made


def make_deep_folder(folder: Path) -> None:
    """Make a folder that is too deep for recursion, and for one descriptor a level."""
    argv = [sys.executable, str(PROGRAMS / "digs.py"), str(DEPTH), str(folder)]
    support.run(argv, check=True)


def test_a_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    """shutil.rmtree() gives up; with a file, a folder and a link to a folder on each level."""
    make_deep_folder(tmp_path / "control")
    with pytest.raises((RecursionError, OSError)):
        shutil.rmtree(tmp_path / "control")
    make_deep_folder(tmp_path / "deep")
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (tmp_path / "deep" / "link").symlink_to(kept)
    for name in ("deep", "control"):
        remove_tree(str(tmp_path / name))
        remove_tree(str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "file").exists()


def make_folders(top: Path, *names: str) -> list[Path]:
    """Make a folder of the unprivileged user's, with folders in it."""
    folders = [top, *(top / name for name in names)]
    for folder in folders:
        folder.mkdir()
        os.chown(folder, support.USER, support.USER)
    return folders


def remove_as_user(folder: Path) -> bool:
    """Call remove_tree() as the unprivileged user; return whether the folder is gone."""
    done = support.run_as_user([sys.executable, str(PROGRAMS / "removes.py"), str(folder)])
    assert done.returncode == folder.exists(), done.stderr
    return not folder.exists()


@pytest.mark.parametrize("mode", [0o555, 0o311, 0])
def test_an_ordinary_user_removes_folders_of_any_mode(mode: int, user_tmp: Path) -> None:
    """Such as a module cache, which is read-only."""
    support.require_root()
    top, *folders = make_folders(user_tmp / "top", "go", "go/pkg", "go/pkg/mod", "go/empty")
    (top / "go/pkg/mod/file").touch()
    for folder in folders[::-1]:
        folder.chmod(mode)
    assert remove_as_user(top)


def test_an_ordinary_user_removes_empty_folders_of_another_user(user_tmp: Path) -> None:
    """A folder with a file stays, which is the control."""
    support.require_root()
    for content in ([], ["file"]):
        top, _, *folders = make_folders(user_tmp / f"top{len(content)}", "own", "own/root", "root")
        for folder in folders:
            os.chown(folder, 0, 0)
            for name in content:
                (folder / name).touch()
        assert remove_as_user(top) == (not content)


def test_a_deep_folder_in_verifys_folder_neither_fails_nor_stays(
    command: str, user_tmp: Path
) -> None:
    """The program that is attacked makes it, so it could be any process of the user."""
    folder = make_shared_folder(user_tmp)
    digger = user_tmp / "digs.py"
    shutil.copy(PROGRAMS / "digs.py", digger)
    env = {**os.environ, "TMPDIR": str(folder)}
    argv = [command, "verify", *ATTACK, "--", sys.executable, str(digger), str(DEPTH)]
    done = support.run(argv, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot remove" not in done.stdout
    assert not list(folder.iterdir())


def attack_what_signals_the_laboratory(
    command: str, folder: Path, number: int
) -> subprocess.CompletedProcess[str]:
    """Verify a program that sends a signal to the laboratory, as any process of its user can."""
    support.require_root()
    temporary = make_shared_folder(folder)
    program = [sys.executable, str(PROGRAMS / "signals_laboratory.py"), str(number)]
    argv = [command, "verify", *ATTACK, "--", *program]
    done = support.run(argv, env={**os.environ, "TMPDIR": str(temporary)})
    assert not list(temporary.iterdir())
    return done


def test_a_laboratory_that_is_killed_is_one_line(command: str, user_tmp: Path) -> None:
    """With status 2, which is no leak, and nothing left behind."""
    done = attack_what_signals_the_laboratory(command, user_tmp, signal.SIGKILL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "process-hardening: the laboratory ended before it was done\n"


def test_a_laboratory_that_is_stopped_runs_on(command: str, user_tmp: Path) -> None:
    """It is resumed, and the result is the same."""
    done = attack_what_signals_the_laboratory(command, user_tmp, signal.SIGSTOP)
    assert done.returncode == 0, done.stdout + done.stderr
