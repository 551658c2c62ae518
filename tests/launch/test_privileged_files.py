"""Programs with set-user-ID or set-group-ID bits or file capabilities, after an exec.

Where these take effect, the kernel keeps others out, and the program starts as without `harden`.
Where they have none, it is hardened like any other, or exec fails.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import starts
import support
from holding import ATTACKS, Holder, ours

NO_NEW_PRIVS = ("setpriv", "--no-new-privs")
AS_USER = ("setpriv", f"--reuid={support.USER}", f"--regid={support.USER}", "--clear-groups")
NET_RAW = 1 << 13
REVISION, EFFECTIVE = 0x02000000, 1
ROOT: dict[str, Any] = {"user": None, "group": None, "extra_groups": None}


def set_capability(path: Path, *, flags: int = EFFECTIVE) -> None:
    """Grant CAP_NET_RAW to a file (struct vfs_cap_data)."""
    words = (REVISION | flags, NET_RAW, 0, 0, 0)
    value = b"".join(word.to_bytes(4, "little") for word in words)
    os.setxattr(path, "security.capability", value)


def copy(program: str, folder: Path, privilege: str) -> str:
    """A copy of a program with a privilege."""
    support.require_root()
    path = Path(shutil.copy(program, folder / "privileged"))
    owner = support.USER if privilege == "its own user" else 0
    os.chown(path, owner, owner)
    path.chmod({"root": 0o4755, "its own user": 0o4755, "group": 0o2755}.get(privilege, 0o755))
    if privilege.startswith("capability"):
        set_capability(path, flags=EFFECTIVE if privilege == "capability" else 0)
    return str(path)


# How the program is started, and with what privilege, so that this has no effect.
WITHOUT_EFFECT = {
    "--strict": ((), ("--strict",), "root"),
    "--seal": ((), ("--seal",), "group"),
    "--confine": ((), ("--confine",), "root"),
    "--children --strict": ((), ("--children", "--strict"), "root"),
    "no_new_privs before harden": (NO_NEW_PRIVS, (), "root"),
    "not effective, --strict": ((), ("--strict",), "capability, not effective"),
    "its own user": ((), (), "its own user"),
}


@pytest.mark.parametrize("case", WITHOUT_EFFECT)
def test_a_program_whose_privileges_have_no_effect_is_followed(
    case: str, harden: str, holder: str, user_tmp: Path
) -> None:
    """The kernel would not protect it."""
    before, options, privilege = WITHOUT_EFFECT[case]
    program = copy(holder, user_tmp, privilege)
    unprivileged = before if privilege == "its own user" else NO_NEW_PRIVS
    with Holder([*unprivileged, "env", program]) as control:
        assert control.leaks() == list(ATTACKS), "inconclusive: the control is shut"
    with Holder([*before, harden, *options, "env", program]) as hardened:
        assert (hardened.dumpable, hardened.leaks()) == ("0", [])
        assert ours(hardened.initial_variables()) <= {
            "LD_PRELOAD",
            "PROCESS_HARDENING_CHILDREN",
            "PROCESS_HARDENING_KEEP",
        }
        assert "--children" in options or hardened.variables == "-"


def test_a_program_on_a_nosuid_mount_is_followed(harden: str, holder: str, user_tmp: Path) -> None:
    """Its bits have no effect there."""
    program = copy(holder, user_tmp, "root")
    mount = f"mount --bind {user_tmp} {user_tmp} && mount -o remount,bind,nosuid {user_tmp}"
    words = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", *AS_USER]
    with Holder([*words, "env", program], **ROOT) as control:
        assert control.leaks() == list(ATTACKS), "inconclusive: the control is shut"
    with Holder([*words, harden, "env", program], **ROOT) as hardened:
        assert (hardened.dumpable, hardened.leaks(), hardened.variables) == ("0", [], "-")


def test_root_executes_its_own_set_user_id_program(
    harden: str, holder: str, user_tmp: Path
) -> None:
    """Root gains nothing by it."""
    program = copy(holder, user_tmp, "root")
    with Holder(["env", program], **ROOT) as control:
        assert control.dumpable == "1"
    with Holder([harden, "env", program], **ROOT) as hardened:
        assert (hardened.dumpable, hardened.variables) == ("0", "-")


def test_exec_fails_where_nothing_would_protect_the_program(
    harden: str, holder: str, user_tmp: Path
) -> None:
    """With an effective file capability, the loader ignores our library even if none is granted."""
    program = copy(holder, user_tmp, "capability")
    with Holder([*NO_NEW_PRIVS, "env", program]) as control:
        assert control.leaks() == list(ATTACKS), "inconclusive: the control is shut"
    for options in (["--strict"], ["--children", "--strict"]):
        result = support.run_as_user([harden, *options, "env", program])
        assert (result.returncode, result.stdout) == (126, "")
        assert "Operation not permitted" in result.stderr


def test_a_child_that_nothing_would_protect_is_started(
    harden: str, show: str, user_tmp: Path
) -> None:
    """As without `harden`: it is a program that --children does not cover."""
    program = copy(show, user_tmp, "capability")
    words = [harden, "--children", "--strict", "sh", "-c", '"$@"; exit $?', "sh", program]
    assert starts.show(words).value("dumpable") == "1"


@pytest.mark.parametrize("privilege", ["root", "group", "capability", "capability, not effective"])
def test_programs_that_gain_rights_are_started_as_without_harden(
    privilege: str, harden: str, user_tmp: Path
) -> None:
    """The dynamic loader ignores LD_PRELOAD there: they get no variable of ours."""
    program = copy(starts.find_system_program("env"), user_tmp, privilege)
    result = support.run_as_user([harden, "env", "A=1", program])

    assert result.returncode == 0, result.stderr
    assert "A=1" in result.stdout
    assert not ours({line.partition("=")[0] for line in result.stdout.splitlines()})


@pytest.mark.parametrize("privilege", ["root", "group", "capability"])
def test_the_kernel_keeps_others_out_of_programs_that_gain_rights(
    privilege: str, harden: str, holder: str, user_tmp: Path
) -> None:
    """With or without `harden`."""
    program = copy(holder, user_tmp, privilege)
    for words in ([], [harden]):
        with Holder([*words, "env", program]) as raised:
            assert (raised.dumpable, raised.leaks()) == ("0", [])
