"""Services of the system that start programs for a user: cron and systemd, themselves run here."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import support
import systemd
from services import run_cron, run_in_namespace, wait_for

if TYPE_CHECKING:
    from outsider import Outsider

ROOT = Path(__file__).resolve().parents[2]
ATTACK = Path(__file__).with_name("programs") / "read_outside.sh"


def test_a_confined_job_of_cron_reads_no_process_outside(
    start_victim: Callable[..., Outsider], user_tmp: Path
) -> None:
    """The line of docs/confine.md, when cron starts; the same job beside it is not confined."""
    document = (ROOT / "docs" / "confine.md").read_text()
    (recipe,) = re.findall(r"^\| a crontab \| `@daily (.+) PROGRAM` \|$", document, re.MULTILINE)
    jobs = ""
    for name, prefix in (("plain", ""), ("confined", recipe)):
        folder = user_tmp / name
        folder.mkdir()
        os.chown(folder, support.USER, support.USER)
        jobs += f"@reboot cd {folder} && {prefix} sh {ATTACK} && touch done\n"
    (user_tmp / "system").mkdir()
    with start_victim() as victim, run_cron(user_tmp / "system", f"HOME=/tmp\n{jobs}", "confine"):
        for name in ("plain", "confined"):
            wait_for(user_tmp / name / "done")
            stolen = (user_tmp / name / "stolen").read_text(errors="replace")
            assert (victim.secret in stolen) == (name == "plain")


@contextmanager
def run_systemd(folder: Path, name: str, unit: str) -> Iterator[None]:
    """Run systemd itself as the user's manager, with one unit of the user."""
    support.require_root()
    units = folder / ".config" / "systemd" / "user"
    units.mkdir(parents=True)
    (units / name).write_text(unit)
    for path in (folder / "runtime", folder / "bin"):
        path.mkdir()
    os.chown(folder / "runtime", support.USER, support.USER)
    shutil.copy(support.find_tool("confine"), folder / "bin")
    with systemd.make_cgroup(support.USER) as groups:
        mount = f"mount --bind {folder / 'bin'} /usr/local/bin"
        with run_in_namespace([mount, *systemd.start_manager(groups, name, folder)]):
            yield


@pytest.mark.parametrize("confined", [False, True])
def test_a_confined_unit_of_systemd_reads_no_process_outside(
    start_victim: Callable[..., Outsider], user_tmp: Path, confined: bool
) -> None:
    """The unit of the examples, with an attack in the place of its program."""
    text = (ROOT / "examples" / "confine" / "tool.service").read_text()
    attack = f"/bin/sh -c 'sh {ATTACK} && touch done'"
    (start,) = re.findall(r"^ExecStart=(.* -- ).*$", text, re.MULTILINE)
    prefix = start if confined else ""
    unit = re.sub(r"^ExecStart=.*$", f"ExecStart={prefix}{attack}", text, flags=re.MULTILINE)
    with start_victim() as victim, run_systemd(user_tmp, "tool.service", unit):
        wait_for(user_tmp / "done")
        stolen = (user_tmp / "stolen").read_text(errors="replace")
    assert (victim.secret in stolen) == (not confined)
