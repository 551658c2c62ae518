"""Where a method is refused, the next one is taken or the start is refused: found by trying."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import process_hardening
import starts
import support

LIBRARY = os.path.join(os.path.dirname(process_hardening.__file__), "libprocess_hardening.so")
MEMORY = "(deleted)"  # the end of the path of a file in memory


@pytest.mark.parametrize(
    "call",
    ["fsopen", "fsconfig", "fsmount", "setns", "unshare", "socketpair", "close_range", "clone"],
)
def test_without_a_place_under_its_own_path_the_stand_in_is_in_memory(
    harden: str, show: str, call: str
) -> None:
    shown = starts.show([*starts.refusing(f"{call}=EPERM"), harden, show])

    assert shown.value("image").endswith(MEMORY)
    assert (shown.value("dumpable"), shown.value("root owns")) == ("0", "1")
    assert (shown.value("comm"), shown.value("execfn")) == ("show", os.path.realpath(show))


@pytest.mark.parametrize("call", ["setns", "clone", "fsopen"])
def test_a_method_that_failed_leaves_no_descriptor_to_the_program(harden: str, call: str) -> None:
    """The next one starts it with those that it would have had."""
    listing = ["ls", "-l", "/proc/self/fd"]
    plain, hardened = (
        support.run_as_user([*starts.refusing(f"{call}=EPERM"), *before, *listing]).stdout
        for before in ([], [harden])
    )

    assert 0 < len(hardened.splitlines()) == len(plain.splitlines())


def test_without_memfd_create_the_place_under_its_own_path_is_still_made(
    harden: str, show: str
) -> None:
    shown = starts.show([*starts.refusing("memfd_create=EPERM"), harden, show])

    assert (shown.value("dumpable"), shown.value("image")) == ("0", os.path.realpath(show))


@pytest.mark.parametrize(
    "calls",
    [("execveat=EPERM",), ("memfd_create=EPERM", "setns=EPERM"), ("execveat=ENOSYS",)],
    ids="+".join,
)
def test_auto_ends_with_preload_and_says_so(harden: str, show: str, calls: tuple[str, ...]) -> None:
    result = support.run_as_user([*starts.refusing(*calls), harden, show])

    assert starts.Shown(result.stdout).value("dumpable") == "0"
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{starts.PREFIX}{show}: cannot use execute-only by name: ")


@pytest.mark.parametrize("method", ["execute-only", "copy"])
def test_a_method_that_was_asked_for_is_refused_with_the_reason(
    harden: str, show: str, method: str
) -> None:
    command = [*starts.refusing("execveat=EPERM"), harden, "--method", method, show]

    assert "execveat failed: Operation not permitted (EPERM)" in starts.refused(
        support.run_as_user(command)
    )


def test_a_static_program_without_any_place_is_not_started(
    harden: str, make: support.Compiler
) -> None:
    static = str(make("show.c", "-static", name="show-static"))
    command = [*starts.refusing("execveat=EPERM"), harden, static]

    assert "cannot use preload: it is statically linked" in starts.refused(
        support.run_as_user(command)
    )


@pytest.mark.parametrize(
    "calls",
    [
        ("fsopen=0",),
        ("fsconfig=0",),
        ("setns=0",),
        ("unshare=0",),
        ("fchmod=0",),
        ("execveat=0",),
        ("memfd_create=0",),
        ("memfd_create=0", "setns=EPERM"),
        ("socketpair=0",),
    ],
    ids="+".join,
)
def test_a_call_that_only_claims_success_never_leads_to_an_unprotected_start(
    harden: str, show: str, calls: tuple[str, ...]
) -> None:
    result = support.run_as_user([*starts.refusing(*calls), harden, show])

    if result.returncode == 0:
        shown = starts.Shown(result.stdout)
        assert (shown.value("dumpable"), shown.value("root owns")) == ("0", "1")
    else:
        starts.refused(result)


@pytest.fixture(scope="session")
def stand_in(harden: str) -> Iterator[str]:
    """The stand-in as a file that everybody may read, so that its process begins dumpable."""
    programs = re.split(rb"(?=\x7fELF[^\0])", Path(harden).read_bytes())
    (carried,) = [program for program in programs[2:] if b"a stand-in for:" in program]
    with tempfile.TemporaryDirectory(prefix="ph-stand-in-") as name:
        Path(name).chmod(0o755)
        path = Path(name) / "stand-in"
        path.write_bytes(carried)
        path.chmod(0o755)
        yield str(path)


def start_stand_in(*command: str) -> str:
    """Start it as a user who is not the overflow uid, of whom it can tell nothing."""
    user = {} if os.getuid() else {"user": 1000, "group": 1000, "extra_groups": []}
    return starts.refused(support.run(command, **user))


def test_a_stand_in_that_is_not_dumpable_goes_on(stand_in: str, user_tmp: Path) -> None:
    """The control: it finds that no program was written into it."""
    unreadable = user_tmp / "unreadable"
    shutil.copy(stand_in, unreadable)
    unreadable.chmod(0o111)
    assert start_stand_in(str(unreadable)).endswith(": cannot be opened: errno 2")


def test_a_stand_in_that_the_kernel_started_dumpable_starts_nothing(stand_in: str) -> None:
    """Where /proc/sys is hidden, the launcher does not know fs.suid_dumpable."""
    assert start_stand_in(stand_in).endswith(
        ": its stand-in was started dumpable: is fs.suid_dumpable 1?"
    )


@pytest.mark.parametrize(
    "calls",
    [("prctl=0",), ("prctl=0", "geteuid=0"), ("prctl=0", "statx=0", "geteuid=0")],
    ids="+".join,
)
def test_a_stand_in_is_not_deceived_by_a_filter(stand_in: str, calls: tuple[str, ...]) -> None:
    """Whatever is only claimed, a dumpable stand-in starts nothing."""
    line = start_stand_in(*starts.refusing(*calls), stand_in)
    assert line.endswith("is not confirmed by the owner of /proc/self/status")


def test_what_finds_libraries_beside_itself_is_preloaded_rather_than_started_in_memory(
    harden: str, compiler: support.Compiler
) -> None:
    """A program that uses $ORIGIN is not started in memory, where it has no folder."""
    program = starts.build_with_origin(compiler)
    by_name = support.run_as_user([harden, program])
    elsewhere = support.run_as_user([*starts.refusing("setns=EPERM"), harden, program])
    asked = [*starts.refusing("setns=EPERM"), harden, "--method", "execute-only", program]

    assert (by_name.returncode, by_name.stderr) == (0, "")
    assert starts.Shown(elsewhere.stdout).number("dumpable") == 0
    assert "$ORIGIN" in elsewhere.stderr
    assert "$ORIGIN" in starts.refused(support.run_as_user(asked))


def limited(limit: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command below a limit of the shell."""
    return support.run_as_user(["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *command])


@pytest.mark.parametrize("limit", ["-f 32", "-n 8", "-v 100000", "-s 128", "-u 1"])
def test_limits_that_leave_room_for_the_stand_in_do_not_matter(
    harden: str, show: str, limit: str
) -> None:
    result = limited(limit, harden, show)

    assert starts.Shown(result.stdout).value("dumpable") == "0"


@pytest.mark.parametrize(
    ("limit", "reason", "status"),
    # With so few descriptors it cannot be seen whether a thread is traced.
    [("-f 0", "EFBIG", 126), ("-f 8", "EFBIG", 126), ("-n 4", "EMFILE", 6)],
)
def test_a_limit_that_anybody_can_set_from_outside_does_not_lead_to_preload(
    harden: str, show: str, limit: str, reason: str, status: int
) -> None:
    assert f"({reason})" in starts.refused(limited(limit, harden, show), status)


def test_without_descriptors_nothing_is_started(harden: str, show: str) -> None:
    starts.refused(limited("-n 3", harden, show), status=6)


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_standard_descriptors_stay_closed(harden: str, show: str, closed: str) -> None:
    command = f'exec "$@" {closed}'
    plain, hardened = (
        starts.show(["sh", "-c", command, "sh", *words, show]).values("descriptor")
        for words in ([], [harden])
    )

    assert hardened == plain


def test_a_working_directory_that_is_gone_does_not_matter(
    harden: str, show: str, user_tmp: Path
) -> None:
    command = f'mkdir {user_tmp}/gone && cd {user_tmp}/gone && rmdir {user_tmp}/gone && exec "$@"'

    assert starts.show(["sh", "-c", command, "sh", harden, show]).value("dumpable") == "0"


def in_namespace(flags: str, prepare: str, *command: str) -> subprocess.CompletedProcess[str]:
    """As root, run a command as the user in namespaces of its own, after a shell command."""
    support.require_root()
    user = ["setpriv", "--reuid", str(support.USER), "--regid", str(support.USER), "--clear-groups"]
    script = f'{prepare} && exec "$@"'
    return support.run(["unshare", *flags.split(), "sh", "-c", script, "sh", *user, *command])


def test_without_proc_nothing_is_started(harden: str, show: str) -> None:
    starts.refused(in_namespace("-m", "umount -l /proc", harden, show), status=6)


@pytest.mark.parametrize("value", ["1", "2"])
def test_memfd_noexec_does_not_keep_a_program_from_its_own_path(
    harden: str, show: str, value: str
) -> None:
    prepare = f"echo {value} > /proc/sys/vm/memfd_noexec"
    result = in_namespace("-pf --mount-proc", prepare, harden, show)

    assert starts.Shown(result.stdout).value("image") == os.path.realpath(show)


def test_without_user_namespaces_and_programs_in_memory_preload_is_left(
    harden: str, show: str
) -> None:
    prepare = "echo 2 > /proc/sys/vm/memfd_noexec"
    command = [*starts.refusing("setns=EPERM"), harden, show]
    result = in_namespace("-pf --mount-proc", prepare, *command)

    assert starts.Shown(result.stdout).value("dumpable") == "0"
    assert "memfd_create failed: Permission denied (EACCES)" in result.stderr


def test_unreadable_programs_that_would_be_dumpable_are_started_by_preload(
    harden: str, show: str, suid_dumpable: support.Sysctl
) -> None:
    suid_dumpable.set("1")
    auto = support.run_as_user([harden, show])
    asked = support.run_as_user([harden, "--method", "execute-only", show])

    assert starts.Shown(auto.stdout).value("dumpable") == "0"
    assert "fs.suid_dumpable=1" in auto.stderr
    assert "fs.suid_dumpable=1" in starts.refused(asked)


def test_suid_dumpable_2_leaves_nothing_for_a_pipe_to_read(
    harden: str, show: str, suid_dumpable: support.Sysctl
) -> None:
    suid_dumpable.set("2")

    assert starts.show([harden, show]).value("dumpable") == "0"


@pytest.mark.parametrize("number", [9, 19])
def test_whoever_kills_or_stops_the_helper_only_takes_the_name(
    harden: str, show: str, number: int
) -> None:
    attacker = str(Path(__file__).with_name("programs") / "namespace_attacker.py")
    options: dict[str, Any] = {"timeout": 60}
    with support.Running(["/usr/bin/python3", attacker, str(number)]):
        shown = [starts.show([harden, show], **options) for _ in range(3 if number == 19 else 20)]

    assert {each.value("dumpable") for each in shown} == {"0"}
    assert {each.value("image").removeprefix("/memfd:") for each in shown} <= {
        os.path.realpath(show),
        f"show {MEMORY}",
    }


def test_whoever_kills_the_helper_cannot_bring_about_a_preload(
    harden: str, compiler: support.Compiler
) -> None:
    """A program that cannot be in memory is refused when an attacker takes its name away."""
    program = starts.build_with_origin(compiler)
    attacker = str(Path(__file__).with_name("programs") / "namespace_attacker.py")
    with support.Running(["/usr/bin/python3", attacker, "9"]):
        results = [support.run_as_user([harden, program]) for _ in range(20)]

    for result in results:
        if result.returncode:
            starts.refused(result)
        else:
            assert result.stderr == ""  # a preload is announced


def test_a_helper_that_fails_where_the_kernel_allows_its_namespace_leads_to_no_preload(
    harden: str, compiler: support.Compiler
) -> None:
    """The helper's failure counts as tampering, unless the kernel refuses the launcher too."""
    program = starts.build_with_origin(compiler)
    # A read-only /proc stands for an attacker: the helper cannot write its uid_map.
    result = in_namespace("-m", "mount -o remount,bind,ro /proc", harden, program)

    assert "making a user namespace failed" in starts.refused(result)


def test_a_helper_that_fails_leads_to_no_preload_where_memory_is_refused_too(
    harden: str, show: str
) -> None:
    """The refusal of the last method does not hide that another one was tampered with."""
    prepare = "mount -o remount,bind,ro /proc"
    command = [*starts.refusing("memfd_create=EPERM"), harden, show]

    assert "memfd_create failed" in starts.refused(in_namespace("-m", prepare, *command))


@pytest.mark.parametrize("error", ["EINVAL", "EPERM"])
def test_a_helper_whose_namespace_cannot_be_entered_leads_to_no_preload(
    harden: str, show: str, error: str
) -> None:
    """An attacker can stop the helper before it has one, or keep it from being inspected."""
    # The filter stands for the attacker: a kernel that refuses the call does so for every argument.
    calls = [f"setns(fd)={error}", "memfd_create=EPERM"]

    assert "in a user namespace failed" in starts.refused(
        support.run_as_user([*starts.refusing(*calls), harden, show])
    )


def test_a_library_that_cannot_be_mapped_is_no_protection(
    harden: str, show: str, user_tmp: Path
) -> None:
    """From a noexec file system the dynamic loader would start the program without it."""
    folder, command = user_tmp / "lib" / "process-hardening", user_tmp / "bin" / "harden"
    folder.mkdir(parents=True)
    command.parent.mkdir()
    shutil.copy(harden, command)
    prepare = f"mount -t tmpfs -o noexec,mode=755 none {folder} && cp {LIBRARY} {folder}/"
    words = [str(command), "--method", "preload", show]

    assert "noexec" in starts.refused(in_namespace("-m", prepare, *words))
    prepare = prepare.replace("noexec,", "")
    assert starts.Shown(in_namespace("-m", prepare, *words).stdout).value("dumpable") == "0"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("hidden", "is not installed next to this command"), ("unreadable", "is not readable")],
)
@pytest.mark.parametrize("option", ["--children", "--method=preload"])
def test_what_needs_the_library_is_refused_without_it(
    harden: str, show: str, user_tmp: Path, fault: str, reason: str, option: str
) -> None:
    """The program itself can be hardened without it."""
    folder, command = user_tmp / "lib" / "process-hardening", user_tmp / "bin" / "harden"
    folder.mkdir(parents=True)
    command.parent.mkdir()
    shutil.copy(harden, command)
    shutil.copy(LIBRARY, folder)
    with_it = support.run_as_user([str(command), option, show])
    if fault == "hidden":
        folder.rename(user_tmp / "elsewhere")
    else:
        (folder / os.path.basename(LIBRARY)).chmod(0)
    line = starts.refused(support.run_as_user([str(command), option, show]))

    assert starts.Shown(with_it.stdout).value("dumpable") == "0"
    assert f"the preload library {reason}" in line
    assert starts.show([str(command), show]).value("dumpable") == "0"


MAP_LIBRARY = f"mmap:2={mmap.PROT_READ | mmap.PROT_EXEC}"  # the launcher itself is static


@pytest.mark.parametrize("error", ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"])
@pytest.mark.parametrize("options", [(), ("--strict",)], ids=str)
def test_another_process_cannot_prevent_that_execs_are_followed(
    harden: str, show: str, error: str, options: tuple[str, ...]
) -> None:
    """The control is an error of the installation: harden goes on."""
    words = [harden, *options, show]
    control = support.run_as_user([*starts.refusing(f"{MAP_LIBRARY}:EPERM"), *words])
    result = support.run_as_user([*starts.refusing(f"{MAP_LIBRARY}:{error}"), *words])

    assert "hardened: the preload library cannot be loaded" in control.stdout + control.stderr
    assert "the preload library cannot be opened or mapped" in starts.refused(result)


def test_explain_says_what_really_happens_because_it_tries(harden: str, show: str) -> None:
    explained = {
        calls: support.run_as_user([*starts.refusing(*calls), harden, "--explain", show])
        for calls in [(), ("setns=EPERM",), ("execveat=EPERM",)]
    }

    assert {result.returncode for result in explained.values()} == {0}
    methods = [result.stdout.splitlines()[1] for result in explained.values()]
    assert [line.partition(":")[2].split(";")[0].strip() for line in methods] == [
        "execute-only: a stand-in under the program's own path",
        "execute-only: a stand-in in memory",
        "preload: a library hardens it before its main()",
    ]


def test_explain_does_not_depend_on_whether_sigchld_is_ignored(harden: str, show: str) -> None:
    """An ignored SIGCHLD, which a program inherits, discards the statuses of its children."""
    command = [harden, "--explain", show]
    plain = support.run_as_user(command)
    ignored = support.run_as_user(["env", "--ignore-signal=SIGCHLD", *command])

    assert "method:           execute-only" in plain.stdout
    assert (ignored.returncode, ignored.stdout) == (0, plain.stdout)
