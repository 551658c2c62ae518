"""Nothing is left of a start: no process, file, mount, descriptor or pending signal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import starts
import support

FOLDERS = ("/tmp", "/dev/shm", "/var/tmp")


def own_processes() -> set[int]:
    """The processes of the unprivileged user."""
    found = set()
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == support.USER:
                found.add(int(entry))
        except OSError:
            continue
    return found


def files_of_user() -> set[str]:
    """What the unprivileged user owns where programs put temporary files."""
    return {
        str(path)
        for folder in FOLDERS
        for path in Path(folder).iterdir()
        if path.lstat().st_uid == support.USER
    }


@pytest.mark.parametrize("method", ["execute-only", "copy", "preload"])
@pytest.mark.parametrize("calls", [(), ("memfd_create=EPERM",), ("setns=EPERM",)], ids="+".join)
def test_no_process_file_or_mount_is_left(
    harden: str, show: str, method: str, calls: tuple[str, ...]
) -> None:
    """No process file or mount is left."""
    before = own_processes(), files_of_user(), Path("/proc/self/mountinfo").read_text()
    command = [harden, "--method", method, show]
    result = support.run_as_user([*starts.refusing(*calls), *command] if calls else command)

    assert result.returncode in (0, 126)
    after = own_processes(), files_of_user(), Path("/proc/self/mountinfo").read_text()
    assert (after[0] - before[0], after[1] - before[1], after[2]) == (set(), set(), before[2])


@pytest.mark.parametrize("method", ["auto", "execute-only", "copy", "preload"])
def test_the_program_inherits_no_descriptor_child_or_pending_signal(
    harden: str, show: str, method: str
) -> None:
    """The program inherits no descriptor child or pending signal."""
    plain = starts.show([show])
    hardened = starts.show([harden, "--method", method, show])
    script = "cat /proc/$$/task/$$/children; grep -e Pnd -e SigBlk -e SigIgn /proc/$$/status"
    signals = [
        support.run_as_user([*words, "sh", "-c", script]).stdout.split("\n", 1)[1]
        for words in ([], [harden, "--method", method])
    ]

    assert hardened.values("descriptor") == plain.values("descriptor")
    assert signals[0] == signals[1]


@pytest.mark.parametrize("how", ["--block-signal=SIGCHLD", "--ignore-signal=SIGCHLD"])
def test_signals_that_are_blocked_or_ignored_stay_so_and_none_is_pending(
    harden: str, how: str
) -> None:
    """Signals that are blocked or ignored stay so and none is pending."""
    command = ["grep", "-e", "Pnd", "-e", "SigBlk", "-e", "SigIgn", "/proc/self/status"]
    plain, hardened = (
        support.run_as_user(["env", how, *words, *command]).stdout for words in ([], [harden])
    )

    assert hardened == plain


def test_a_start_that_fails_leaves_nothing(harden: str, user_tmp: Path) -> None:
    """A start that fails leaves nothing."""
    path = user_tmp / "damaged"
    path.write_bytes(Path("/bin/true").read_bytes()[:2000])
    path.chmod(0o755)
    before = own_processes(), files_of_user()

    starts.refused(support.run_as_user([harden, "--method", "execute-only", str(path)]))

    assert (own_processes() - before[0], files_of_user() - before[1]) == (set(), set())
