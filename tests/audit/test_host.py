"""The host's settings, read from made-up files, and what doctor makes of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit.exit_race import (
    FIXED,
    VULNERABLE,
    exit_race_by_trying,
    exit_race_by_version,
    parse_release,
)
from process_hardening.audit.host import (
    HANDLER_MISSING,
    HANDLER_REPLACEABLE,
    TRIED,
    Host,
    parse_file_capabilities,
    read_host,
)
from process_hardening.audit.posture import Posture
from process_hardening.audit.rules.model import Check, HostCase
from process_hardening.audit.rules.tables import judge_host
from zoo import COMMAND

GOOD = {
    "proc/sys/kernel/core_pattern": "|/bin/false\n",
    "proc/sys/kernel/core_uses_pid": "0\n",
    "proc/sys/fs/suid_dumpable": "0\n",
    "proc/sys/kernel/yama/ptrace_scope": "1\n",
    "proc/sys/kernel/perf_event_paranoid": "2\n",
    "proc/sys/user/max_user_namespaces": "0\n",
    "proc/sys/vm/memfd_noexec": "0\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
    "proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw,hidepid=invisible\n",
    "proc/self/ns/user": "",
    "etc/group": "root:x:0:\nsudo:x:27:\n",
}


# Before Linux 6.16, @ begins the name of a file.
SOCKET_FINDINGS = ["PH103" if parse_release(os.uname().release) >= (6, 16) else "PH104"]


def host_of(root: Path, files: dict[str, str | None]) -> Host:
    """The host whose files are these; None: there is no such file."""
    for name, text in {**GOOD, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            path.write_text(text)
    host = read_host(str(root), try_exit_race=False)
    return host.replace(exit_race=FIXED, exit_race_source=TRIED, landlock=6, refuses_signals=True)


def checks_of(host: Host, postures: tuple[Posture, ...] = ()) -> tuple[Check, ...]:
    """What doctor makes of a host."""
    return judge_host(HostCase(host=host, postures=postures))


def ids(host: Host, postures: tuple[Posture, ...] = ()) -> list[str]:
    """The findings of a host."""
    return [finding.id for check in checks_of(host, postures) for finding in check.findings]


def unknown_topics(host: Host) -> list[str]:
    """What doctor could not find out."""
    return [check.topic for check in checks_of(host) if not check.answer.is_known]


def test_a_good_host(tmp_path: Path) -> None:
    """Has no finding, and nothing unknown."""
    host = host_of(tmp_path, {})
    assert ids(host) == []
    assert unknown_topics(host) == []


@pytest.mark.parametrize(
    ("landlock", "refuses_signals", "expected"),
    [(0, False, ["PH118"]), (5, False, ["PH118"]), (6, True, []), (None, None, [])],
)
def test_a_kernel_that_cannot_confine_is_a_finding(
    landlock: int | None, refuses_signals: bool | None, expected: list[str], tmp_path: Path
) -> None:
    host = host_of(tmp_path, {}).replace(landlock=landlock, refuses_signals=refuses_signals)
    assert ids(host) == expected
    assert unknown_topics(host) == (["Landlock"] if landlock is None else [])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/sys/kernel/core_pattern": "core\n"}, ["PH104"]),
        ({"proc/sys/kernel/core_pattern": "/var/core/%p\n"}, []),
        ({"proc/sys/kernel/core_pattern": "|/nonexistent %p\n"}, ["PH101", "PH102"]),
        ({"proc/sys/kernel/core_pattern": "|/usr/lib/h\n", "usr/lib/h": ""}, ["PH101"]),
        ({"proc/sys/fs/suid_dumpable": "1\n"}, ["PH105"]),
        ({"proc/sys/fs/suid_dumpable": "2\n"}, ["PH106"]),
        ({"proc/sys/kernel/yama/ptrace_scope": "0\n"}, ["PH107"]),
        ({"proc/sys/kernel/yama/ptrace_scope": None}, ["PH107"]),
        ({"proc/sys/kernel/perf_event_paranoid": "1\n"}, ["PH108"]),
        ({"proc/sys/kernel/perf_event_paranoid": "-1\n"}, ["PH108"]),
        ({"proc/sys/kernel/perf_event_paranoid": None}, []),
        ({"proc/sys/kernel/core_pattern": "@/run/coredump.socket\n"}, SOCKET_FINDINGS),
        ({"proc/sys/user/max_user_namespaces": "1000\n"}, ["PH109"]),
        (
            {
                "proc/sys/user/max_user_namespaces": "9\n",
                "proc/sys/kernel/unprivileged_userns_clone": "0\n",
            },
            [],
        ),
        ({"proc/self/ns/user": None, "proc/sys/user/max_user_namespaces": "9\n"}, []),
        ({"etc/ld.so.preload": "# nothing\n"}, []),
        ({"etc/ld.so.preload": "/lib/a.so\n/lib/b.so # why\n"}, ["PH110"]),
        ({"proc/sys/vm/memfd_noexec": "1\n"}, []),
        ({"proc/sys/vm/memfd_noexec": "2\n"}, ["PH112"]),
        ({"proc/sys/kernel/randomize_va_space": "0\n"}, ["PH115"]),
        ({"etc/group": "docker:x:9:ann,bob\nusers:x:1:ann\n"}, ["PH116"]),
        ({"proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw\n"}, ["PH117"]),
        ({"proc/self/mountinfo": "22 27 0:21 / /proc rw - proc proc rw,hidepid=0\n"}, ["PH117"]),
    ],
    ids=str,
)
def test_each_setting(files: dict[str, str | None], expected: list[str], tmp_path: Path) -> None:
    """Is its own finding."""
    support.require_root()
    assert ids(host_of(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("proc/sys/kernel/core_pattern", None),
        ("proc/sys/fs/suid_dumpable", None),
        ("proc/sys/fs/suid_dumpable", "many\n"),
        ("proc/sys/kernel/randomize_va_space", ""),
    ],
)
def test_what_cannot_be_read_is_unknown(name: str, text: str | None, tmp_path: Path) -> None:
    """Never fine."""
    host = host_of(tmp_path, {name: text})
    assert ids(host) == []
    assert len(unknown_topics(host)) == 1


def swap(root: Path, *devices: tuple[str, str, tuple[str, ...]]) -> dict[str, str | None]:
    """A /proc/swaps with the first of these devices: name, its dm uuid, what it lies on."""
    for name, uuid, below in devices:
        folder = root / "sys/class/block" / name
        (folder / "slaves").mkdir(parents=True)
        for other in below:
            (folder / "slaves" / other).mkdir()
        if uuid:
            (folder / "dm").mkdir()
            (folder / "dm/uuid").write_text(f"{uuid}\n")
        (root / "dev").mkdir(exist_ok=True)
        (root / "dev" / name).write_text("")
    lines = f"Filename Type Size Used Priority\n/dev/{devices[0][0]} partition 1 0 -2\n"
    return {"proc/swaps": lines}


@pytest.mark.parametrize(
    ("devices", "encrypted"),
    [
        ([("sda2", "", ())], False),
        ([("dm-0", "CRYPT-PLAIN-swap", ("sda2",)), ("sda2", "", ())], True),
        ([("dm-1", "LVM-x", ("dm-0",)), ("dm-0", "CRYPT-LUKS2-x", ())], True),
        ([("dm-1", "LVM-x", ("sda2",)), ("sda2", "", ())], False),
        ([("dm-1", "LVM-x", ("dm-0", "sdb")), ("dm-0", "CRYPT-x", ()), ("sdb", "", ())], False),
        ([("dm-1", "LVM-x", ("gone",))], None),
        ([("zram0", "", ())], True),
    ],
    ids=str,
)
def test_swap(
    devices: list[tuple[str, str, tuple[str, ...]]], encrypted: bool | None, tmp_path: Path
) -> None:
    """Encrypted when all that it lies on is."""
    host = host_of(tmp_path, swap(tmp_path, *devices))
    assert host.swaps is not None
    assert [area.encrypted for area in host.swaps] == [encrypted]
    assert ids(host) == (["PH113"] if encrypted is False else [])
    assert unknown_topics(host) == (["swap"] if encrypted is None else [])


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("5.10.255", VULNERABLE),
        ("5.10.256", FIXED),
        ("5.15.206", VULNERABLE),
        ("5.15.207", FIXED),
        ("6.1.172", VULNERABLE),
        ("6.1.173", FIXED),
        ("6.6.138", VULNERABLE),
        ("6.6.139", FIXED),
        ("6.12.88", VULNERABLE),
        ("6.12.89", FIXED),
        ("6.18.30", VULNERABLE),
        ("6.18.31", FIXED),
        ("6.18.44-fc-v595", FIXED),
        ("7.0.7", VULNERABLE),
        ("7.0.8", FIXED),
        ("7.0", VULNERABLE),
        ("7.1", FIXED),
        ("7.1.0-rc3", None),
        ("7.1.0-rc4", FIXED),
        ("8.0.1", FIXED),
        ("6.19.14", VULNERABLE),  # a line that ended before the fix
        ("6.8.0-117-generic", None),  # Ubuntu's numbers say nothing of its fixes
        ("6.1.0-47-amd64", None),
        ("5.14.0-503.11.1.el9_5.x86_64", None),
        ("3.10.0", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_the_fix_by_the_version(release: str, expected: str | None) -> None:
    """Only a number of the stable series proves anything."""
    assert exit_race_by_version(release) == expected


def test_the_fix_by_trying() -> None:
    """On a kernel that has it by its version, trying agrees; it leaves no zombie."""
    if exit_race_by_version(os.uname().release) != FIXED:
        support.fail_or_skip("a kernel that has the fix by its version")
    assert exit_race_by_trying() == FIXED
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_fix_is_tried_if_sigchld_is_ignored() -> None:
    """The test needs children that stay zombies."""
    expected = exit_race_by_trying()
    if expected is None:
        support.fail_or_skip("a host on which the fix can be tried")
    with support.ignored_sigchld():
        assert exit_race_by_trying() == expected


@pytest.mark.parametrize("depth", [1, 2])
def test_a_stopped_test_of_the_exit_race_ends_without_an_answer(depth: int) -> None:
    """As root's child, it runs as nobody, whose processes can stop it (1) or its children (2)."""
    found: list[list[int]] = []
    for _ in range(50):
        stopper = threading.Thread(target=lambda: found.append(stop_descendants(depth)))
        stopper.start()
        answer = exit_race_by_trying()
        stopper.join()
        if found[-1] and answer is None:
            break
    assert found[-1], "it was never stopped"
    assert answer is None
    for pid in found[-1]:
        wait_until_gone(pid)


def stop_descendants(depth: int) -> list[int]:
    """Stop the first processes at this depth below us, and return them."""
    end = time.monotonic() + 1
    pids = [os.getpid()]
    while time.monotonic() < end:
        below = pids
        for _ in range(depth):
            below = [child for pid in below for child in list_children(pid)]
        if below:
            for pid in below:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            return below
    return []


def list_children(pid: int) -> list[int]:
    """Return the processes of the test that the threads of a process have started."""
    with suppress(OSError):
        return [
            int(child)
            for path in Path(f"/proc/{pid}/task").iterdir()
            for child in (path / "children").read_text().split()
            if b"exit_probe" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
    return []


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended, whether or not it is a zombie."""
    end = time.monotonic() + support.TIMEOUT
    with suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
            assert time.monotonic() < end, "it was left behind"
            time.sleep(0.01)


def test_the_fix_unknown_is_said(tmp_path: Path) -> None:
    """Neither fine nor a finding."""
    host = host_of(tmp_path, {})
    unclear = host.replace(exit_race=None, exit_race_source=None, kernel="6.8.0-117-generic")
    assert unknown_topics(unclear) == ["CVE-2026-46333"]
    assert ids(unclear) == []
    assert ids(host.replace(exit_race=VULNERABLE)) == ["PH114"]


def test_file_capabilities() -> None:
    """As struct vfs_cap_data is laid out, revision 2."""
    value = struct.pack("<5I", 0x02000001, 1 << 19, 0, 1 << (38 - 32), 0)
    assert parse_file_capabilities(value) == 1 << 19 | 1 << 38
    assert parse_file_capabilities(b"") == 0
    assert parse_file_capabilities(b"\x01\x02\x03") == 0


def test_a_program_with_a_capability(tmp_path: Path) -> None:
    """Is told among who can read others' memory."""
    support.require_root()
    program = tmp_path / "usr/bin/peek"
    program.parent.mkdir(parents=True)
    program.write_text("")
    value = struct.pack("<5I", 0x02000001, 1 << 19, 0, 0, 0)
    try:
        os.setxattr(program, "security.capability", value)
    except OSError as error:
        support.fail_or_skip(f"a file system with capabilities: {error.strerror}")
    host = host_of(tmp_path, {})
    assert [names for _, names in host.capable_files] == [("CAP_SYS_PTRACE",)]
    assert ids(host) == ["PH116"]


def test_a_process_with_a_capability(tmp_path: Path) -> None:
    """Likewise, unless it is root or has it in a user namespace only."""
    host = host_of(tmp_path, {})
    for uid, other, expected in ((1000, False, ["PH116"]), (0, False, []), (1000, True, [])):
        one = Posture(
            pid=7,
            name="agent",
            uid=uid,
            capabilities=("CAP_SYS_PTRACE",),
            other_user_namespace=other,
        )
        assert ids(host, (one,)) == expected


def test_others_may_write_what_is_preloaded(tmp_path: Path) -> None:
    """A library that root does not own is worse than one that it does."""
    support.require_root()
    library = tmp_path / "opt/x.so"
    library.parent.mkdir()
    library.write_text("")
    files: dict[str, str | None] = {"etc/ld.so.preload": "/opt/x.so\n"}
    assert ids(host_of(tmp_path, files)) == ["PH110"]
    os.chown(library, support.USER, -1)
    assert ids(host_of(tmp_path, files)) == ["PH110", "PH111"]


def test_others_may_replace_what_is_preloaded(tmp_path: Path) -> None:
    """A file of root's in their folder, or one that is not there yet."""
    support.require_root()
    library = tmp_path / "opt/x.so"
    library.parent.mkdir()
    os.chown(library.parent, support.USER, -1)
    files: dict[str, str | None] = {"etc/ld.so.preload": "/opt/x.so\n"}
    assert host_of(tmp_path, files).preload_writable == ("/opt/x.so",)
    library.touch()
    assert host_of(tmp_path, files).preload_writable == ("/opt/x.so",)
    os.chown(library.parent, 0, -1)
    assert host_of(tmp_path, files).preload_writable == ()


def test_others_may_write_to_the_preload_file_behind_a_link(tmp_path: Path) -> None:
    support.require_root()
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", support.USER, -1)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ld.so.preload").symlink_to("../theirs/preload")
    assert host_of(tmp_path, {}).preload_writable == ("/etc/ld.so.preload",)
    (tmp_path / "theirs/preload").touch()
    assert host_of(tmp_path, {}).preload_writable == ("/etc/ld.so.preload",)
    os.chown(tmp_path / "theirs", 0, -1)
    assert host_of(tmp_path, {}).preload_writable == ()


def test_others_may_replace_the_core_handler(tmp_path: Path) -> None:
    """By way of a folder or of a link on the way to it."""
    support.require_root()
    files: dict[str, str | None] = {"proc/sys/kernel/core_pattern": "|/opt/link/handler %p\n"}
    assert host_of(tmp_path, files).core_handler == HANDLER_MISSING
    for name in ("opt", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / "here/handler").touch()
    (tmp_path / "opt/link").symlink_to("../here")
    assert host_of(tmp_path, files).core_handler is None
    os.chown(tmp_path / "here", support.USER, -1)
    assert host_of(tmp_path, files).core_handler == HANDLER_REPLACEABLE
    os.chown(tmp_path / "here", 0, -1)
    os.chown(tmp_path / "opt", support.USER, -1)
    assert host_of(tmp_path, files).core_handler == HANDLER_REPLACEABLE


def test_users_in_group_0_may_replace_what_this_group_may_write(tmp_path: Path) -> None:
    support.require_root()
    files: dict[str, str | None] = {
        "proc/sys/kernel/core_pattern": "|/opt/handler %p\n",
        "etc/ld.so.preload": "/opt/x.so\n",
    }
    (tmp_path / "opt").mkdir(mode=0o755)
    (tmp_path / "opt/handler").touch()
    host = host_of(tmp_path, files)
    assert (host.core_handler, host.preload_writable) == (None, ())
    (tmp_path / "opt").chmod(0o775)
    host = host_of(tmp_path, files)
    assert (host.core_handler, host.preload_writable) == (HANDLER_REPLACEABLE, ("/opt/x.so",))


def doctor(*arguments: str, **options: Any) -> Any:
    """Run `process-hardening doctor`."""
    return support.run([COMMAND, "doctor", *arguments], **options)


def test_the_command(suid_dumpable: support.Sysctl) -> None:
    """Tells what is set on this machine, with why and fix, and changes nothing."""
    suid_dumpable.set("1")
    done = doctor()
    assert done.returncode == 1
    assert "PH105 high" in done.stdout
    assert (
        "\n    sysctl -p /etc/sysctl.d/zzz-process-hardening-fs.suid_dumpable.conf\n" in done.stdout
    )
    assert "\n    sysctl -w fs.suid_dumpable=1\n" in done.stdout.partition("Undo:")[2]
    assert suid_dumpable.path.read_text() == "1\n"
    document = json.loads(doctor("--json", "--fail-on", "never").stdout)
    assert document["host"]["suid_dumpable"] == 1
    suid_dumpable.set("0")
    document = json.loads(doctor("--json", "--fail-on", "never").stdout)
    assert "PH105" not in [finding["id"] for finding in document["findings"]]


def test_doctor_without_root() -> None:
    """Works as any user."""
    done = support.run_as_user([COMMAND, "doctor", "--json", "--fail-on", "never"])
    assert done.returncode in (0, 3), done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["host"]["exit_race"] in (FIXED, VULNERABLE, None)


def test_settings_that_were_not_seen_are_unknown(tmp_path: Path) -> None:
    """/proc mounted with subset=pid has no /proc/sys and no /proc/swaps: nothing there is fine."""
    control = host_of(tmp_path, {})
    assert unknown_topics(control) == []
    shutil.rmtree(tmp_path / "proc/sys")
    (tmp_path / "proc/swaps").unlink()
    host = read_host(str(tmp_path), try_exit_race=False)
    host = host.replace(exit_race=FIXED, exit_race_source=TRIED)
    assert ids(host) == []
    assert unknown_topics(host) == [
        "core dumps",
        "fs.suid_dumpable",
        "Yama",
        "perf events",
        "user namespaces",
        "vm.memfd_noexec",
        "swap",
        "address randomization",
    ]


@pytest.mark.parametrize(
    ("files", "storage"),
    [
        ({}, "external"),
        ({"etc/systemd/coredump.conf": "[Coredump]\n#Storage=none\nStorage = none\n"}, "none"),
        ({"usr/lib/systemd/coredump.conf.d/a.conf": "Storage=journal\n"}, "journal"),
        (
            {
                "usr/lib/systemd/coredump.conf.d/a.conf": "Storage=journal\n",
                "etc/systemd/coredump.conf.d/a.conf": "Storage=none\n",
            },
            "none",
        ),
    ],
)
def test_what_systemd_keeps_of_core_dumps(
    files: dict[str, str], storage: str, tmp_path: Path
) -> None:
    """By coredump.conf and its parts; PH101 says what becomes of the dumps."""
    handler = {
        "proc/sys/kernel/core_pattern": "|/usr/lib/systemd/systemd-coredump %P\n",
        "usr/lib/systemd/systemd-coredump": "",
    }
    assert host_of(tmp_path, {**handler, **files}).core_storage == storage


def test_core_limits_of_logins(tmp_path: Path) -> None:
    """limits.conf and limits.d; comments and other items do not count."""
    host = host_of(
        tmp_path,
        {
            "etc/security/limits.conf": "# * hard core 1\n* soft core 0\n* hard nofile 9\n",
            "etc/security/limits.d/90-core.conf": "@dev  hard core unlimited # no\n",
        },
    )
    assert host.core_limits == ("* soft core 0", "@dev hard core unlimited")
