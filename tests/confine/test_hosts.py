"""Programs that run the code of others, started as docs/confine.md says."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import support

if TYPE_CHECKING:
    from outsider import Outsider

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "confine"
PROGRAMS = Path(__file__).with_name("programs")
ATTACK = """
import os
try:
    print(open(f"/proc/{os.getppid()}/environ").read())
except OSError as error:
    print(type(error).__name__)
"""
WORK = """
import subprocess
print(6 * 7, subprocess.run(["echo", "started"], stdout=-1).stdout)
"""
SLEEP = """
import time
print("interrupt me", flush=True)
time.sleep(60)
"""


def run_cells(python: str, folder: Path, kernel: str) -> tuple[str, str]:
    """Run the cells in a kernel; returns the secret of the client, and what the cells print."""
    secret = f"secret-{secrets.token_hex(16)}"
    env = {
        "PATH": f"{Path(python).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "JUPYTER_PATH": str(EXAMPLES),
        "SECRET": secret,
    }
    argv = [python, str(PROGRAMS / "run_cells.py"), kernel, ATTACK, WORK, SLEEP]
    result = support.run_as_user(argv, env=env, cwd=folder, timeout=2 * support.TIMEOUT)
    assert result.returncode == 0, result.stderr
    return secret, result.stdout


def test_a_cell_of_a_confined_kernel_cannot_read_its_client(python: str, user_tmp: Path) -> None:
    """The cells run as before, start programs and can be interrupted."""
    secret, output = run_cells(python, user_tmp, "python3")
    assert secret in output

    secret, output = run_cells(python, user_tmp, "confined")
    assert secret not in output
    assert output.splitlines() == [
        "PermissionError",
        "42 b'started\\n'",
        "interrupt me",
        "KeyboardInterrupt",
    ]


def test_an_extension_of_a_confined_editor_reads_no_process_outside(
    start_victim: Callable[..., Outsider], confine: str, user_tmp: Path
) -> None:
    """Nor does its language server. The editor still talks to its host, and that to the server."""
    editor = [support.find_tool("node"), str(shutil.copy(PROGRAMS / "editor.js", user_tmp))]
    with start_victim() as victim:
        plain, confined = (
            support.run_as_user([*prefix, *editor, str(victim.pid)], env={"HOME": str(user_tmp)})
            for prefix in ([], [confine, "--"])
        )
    for result in (plain, confined):
        assert (result.returncode, result.stderr) == (0, "")
    parts = ("editor", "extension", "server")
    free, refused = json.loads(plain.stdout), json.loads(confined.stdout)
    assert all(victim.secret in free[part] for part in parts)
    assert refused == {"activate": "extension", **dict.fromkeys(parts, "EACCES")}


@pytest.mark.parametrize("entry", ["", "confine -- "])
def test_a_hook_of_pre_commit_is_confined(
    start_victim: Callable[..., Outsider], confine: str, user_tmp: Path, entry: str
) -> None:
    """An entry of the configuration that begins with `confine --`."""
    configuration = {
        "repos": [
            {
                "repo": "local",
                "hooks": [
                    {
                        "id": "checks",
                        "name": "checks",
                        "language": "system",
                        "entry": f"{entry}sh {PROGRAMS / 'read_outside.sh'}",
                        "pass_filenames": False,
                        "always_run": True,
                    }
                ],
            }
        ]
    }
    env = {
        "PATH": f"{Path(confine).parent}:/usr/bin:/bin",
        "HOME": str(user_tmp),
        "PRE_COMMIT_HOME": str(user_tmp / "cache"),
    }
    commands = (
        "git init -q project && cd project && cat >.pre-commit-config.yaml && git add ."
        f" && exec {support.find_tool('pre-commit')} run"
    )
    with start_victim() as victim:
        result = support.run_as_user(
            ["sh", "-c", commands], cwd=user_tmp, env=env, input=json.dumps(configuration)
        )
        assert result.returncode == 0, result.stdout + result.stderr
        stolen = (user_tmp / "project" / "stolen").read_text(errors="replace")
    assert (victim.secret in stolen) == (not entry)
