"""While root's verify has cores piped, those of other users are in nobody's reach."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import support
from process_hardening.verify.lab.core_guard import PATTERN

OTHER = 12345
SECRET = b"other-users-secret-42"


def allow_cores() -> None:
    """Raise the core limit of this process as far as possible."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def crash_as_other_user() -> None:
    """End a program of another user that holds SECRET with a signal that dumps its core."""
    victim = subprocess.Popen(
        ["/bin/sleep", "60"],
        cwd="/",
        env={"TOKEN": SECRET.decode()},
        user=OTHER,
        group=OTHER,
        extra_groups=[],
        preexec_fn=allow_cores,
    )
    victim.send_signal(signal.SIGSEGV)
    victim.wait()


def is_piped(folder: Path) -> bool:
    """Return whether the kernel pipes cores into this folder now."""
    pattern = Path(PATTERN).read_text()
    return pattern.startswith("|") and str(folder) in pattern


def list_piped(folder: Path) -> list[Path]:
    """Return what is in verify's folders of piped cores and has not been removed yet."""
    found: list[Path] = []
    for path in folder.glob("ph-verify-*/piped"):
        found.append(path)
        with suppress(FileNotFoundError):
            found += path.rglob("*")
    return found


def test_cores_of_other_users_are_not_collected(command: str, user_tmp: Path) -> None:
    """The folders of piped cores belong to a group without members, and hold only our victims'."""
    support.require_root()
    names = ("core-pipe-segv", "core-pipe-abort")
    words = [word for name in names for word in ("--attack", name)]
    argv = [command, "verify", "--json", "--victim", "pre-main", *words]
    environment = {**os.environ, "TMPDIR": str(user_tmp)}
    crashes = 0
    groups: dict[int, None] = {}
    found = []
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE) as verify:
        while verify.poll() is None:
            if is_piped(user_tmp):
                crash_as_other_user()
                crashes += is_piped(user_tmp)
            for each in list_piped(user_tmp):
                with suppress(FileNotFoundError):  # verify has removed it
                    facts = each.stat()
                    if stat.S_ISDIR(facts.st_mode):
                        assert not facts.st_mode & stat.S_IRWXO
                        groups[facts.st_gid] = None
                    elif SECRET in each.read_bytes():
                        found.append(each)
        assert verify.stdout
        report = verify.stdout.read()
    assert crashes
    assert found == []
    groups.pop(0, None)  # root's, until the group gets the folder
    assert len(groups) == 1
    assert next(iter(groups)) >= 1 << 30
    assert report.count(b'"control": "leaked"') == len(names)
