"""Nothing is left of a start: no process, file, mount, descriptor or pending signal."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import starts
import support

CALLS = [(), ("memfd_create=EPERM",), ("setns=EPERM",)]
FOLDERS = ["/tmp", "/dev/shm", "/var/tmp"]
"""Where the launcher makes files without a name: open_helper() in place.c."""


def processes_of(session: int) -> list[int]:
    """The processes of a session (proc_pid_stat(5), field 6)."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if entry.isdigit() and int(fields[3]) == session:
            found.append(int(entry))
    return found


def left_after(command: list[str], status: int) -> list[int]:
    """Run a command as the user in a session of its own; returns what is left of that."""
    process = subprocess.Popen(
        command, start_new_session=True, stderr=subprocess.DEVNULL, **support.user_options()
    )
    assert process.wait(support.TIMEOUT) == status
    return processes_of(process.pid)


@pytest.mark.parametrize("method", ["execute-only", "copy", "preload"])
@pytest.mark.parametrize("calls", CALLS, ids="+".join)
def test_no_process_is_left(harden: str, method: str, calls: tuple[str, ...]) -> None:
    """No process is left of a start, whatever it had to try."""
    before = starts.refusing(*calls) if calls else []

    assert left_after([*before, harden, "--method", method, "/bin/true"], 0) == []


def test_no_process_is_left_of_a_start_that_fails(harden: str, user_tmp: Path) -> None:
    path = user_tmp / "damaged"
    path.write_bytes(Path("/bin/true").read_bytes()[:2000])
    path.chmod(0o755)

    assert left_after([harden, "--method", "execute-only", str(path)], 126) == []


def in_fresh_folders(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as the user; what it leaves in FOLDERS or as a mount is printed, with status 1.

    In a mount namespace, where nobody else makes any. What the tests need from /tmp is kept.
    """
    needed = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2]]
    kept = [str(path.relative_to("/tmp")) for path in needed if path.is_relative_to("/tmp")]
    script = (
        "mount --bind /tmp /mnt\n"
        f"for folder in {' '.join(FOLDERS)}; do mount -t tmpfs -o mode=1777 none $folder; done\n"
        f"for folder in {shlex.join(kept)}\n"
        'do mkdir -p "/tmp/$folder"; mount --bind "/mnt/$folder" "/tmp/$folder"; done\n'
        "mount -t tmpfs none /mnt\n"
        f"list() {{ cat /proc/self/mountinfo; find {' '.join(FOLDERS)} -xdev; }}\n"
        'list > /mnt/before; "$@"; list | diff /mnt/before -'
    )
    user = ["setpriv", "--reuid", str(support.USER), "--regid", str(support.USER), "--clear-groups"]
    return support.run(["unshare", "-m", "sh", "-ec", script, "sh", *user, *command])


@pytest.mark.parametrize("method", ["execute-only", "copy", "preload"])
@pytest.mark.parametrize("calls", CALLS, ids="+".join)
def test_no_file_or_mount_is_left(harden: str, method: str, calls: tuple[str, ...]) -> None:
    """No file and no mount is left of a start, in a mount namespace where nobody else makes any."""
    support.require_root()
    before = starts.refusing(*calls) if calls else []
    result = in_fresh_folders([*before, harden, "--method", method, "/bin/true"])

    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_that_is_left_is_seen(folder: str) -> None:
    """The control: in each of the folders."""
    support.require_root()
    result = in_fresh_folders(["touch", f"{folder}/left"])

    assert (result.returncode, result.stdout.splitlines()[1:]) == (1, [f"> {folder}/left"])


@pytest.mark.parametrize("method", ["auto", "execute-only", "copy", "preload"])
def test_the_program_inherits_no_descriptor_child_or_pending_signal(
    harden: str, show: str, method: str
) -> None:
    plain = starts.show([show])
    hardened = starts.show([harden, "--method", method, show])
    command = ["grep", "-e", "Pnd", "-e", "SigBlk", "-e", "SigIgn", "/proc/self/status"]
    signals = [
        support.run_as_user([*words, *command]).stdout
        for words in ([], [harden, "--method", method])
    ]
    children = support.run_as_user(
        [harden, "--method", method, "sh", "-c", "read children < /proc/$$/task/$$/children"]
    )

    assert hardened.values("descriptor") == plain.values("descriptor")
    assert signals[0] == signals[1]
    assert children.returncode == 1  # the end of an empty file


@pytest.mark.parametrize("how", ["--block-signal=SIGCHLD", "--ignore-signal=SIGCHLD"])
def test_signals_that_are_blocked_or_ignored_stay_so_and_none_is_pending(
    harden: str, how: str
) -> None:
    command = ["grep", "-e", "Pnd", "-e", "SigBlk", "-e", "SigIgn", "/proc/self/status"]
    plain, hardened = (
        support.run_as_user(["env", how, *words, *command]).stdout for words in ([], [harden])
    )

    assert hardened == plain


def test_a_second_explain_in_a_process_is_like_the_first(python: str) -> None:
    """No descriptor and no text of the first is left."""
    code = (
        "import os\n"
        "from process_hardening import _launcher\n"
        "def explain(program, env):\n"
        "    words = (b'--explain', b'--', program)\n"
        "    return _launcher.launch(words, env, b'/none', 'SKIP', 'help', False)\n"
        "def count(): return len(os.listdir('/proc/self/fd'))\n"
    )
    second = "print(explain(b'/bin/true', ())[2].decode())\n"
    first = (
        "before = count()\n"
        "explain(b'/bin/cat', (b'LD_DEBUG=x',))\n"
        "assert count() == before, count()\n"
    )
    alone, after = (
        support.run_as_user([python, "-c", code + rest], check=True)
        for rest in (second, first + second)
    )

    assert "program:          " in alone.stdout
    assert after.stdout == alone.stdout
