"""The recipes of docs/confine.md: real programs that run what nobody has read."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import support

if TYPE_CHECKING:
    from outsider import Outsider

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "confine"
ATTACK = Path(__file__).with_name("programs") / "read_outside.sh"
BIN = Path(sys.executable).parent


class Project:
    """A folder of the unprivileged user, in which programs run that attack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.attack = f"sh {shutil.copy(ATTACK, folder)}"
        self.stolen = folder / "stolen"
        self.env = {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "TMPDIR": str(folder),
        }

    def run(self, *argv: str, **options: Any) -> str:
        """Run a program in it, which must succeed; returns what it prints."""
        result = support.run_as_user(argv, cwd=self.folder, env=self.env, **options)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def write(self, name: str, text: str) -> None:
        """Write a file of it, as the user."""
        path = self.folder / name
        self.run("mkdir", "-p", str(path.parent))
        self.run("sh", "-c", 'cat >"$0"', str(path), input=textwrap.dedent(text))

    def take_stolen(self) -> bytes:
        """What the attack has stolen, in whichever folder it ran."""
        found = sorted(self.folder.rglob("stolen"))
        data = b"".join(path.read_bytes() for path in found)
        for path in found:
            path.unlink()
        return data


@pytest.fixture
def project(user_tmp: Path) -> Project:
    """A folder of the unprivileged user."""
    return Project(user_tmp)


def assert_confined(
    project: Project, victim: Outsider, argv: list[str], clean: Callable[[], object] = lambda: None
) -> None:
    """The program steals the secret of another process when it runs plain, not when confined."""
    project.run(*argv)
    assert victim.secret.encode() in project.take_stolen()
    clean()
    project.run("confine", "--", *argv)
    assert victim.secret.encode() not in project.take_stolen()


def test_npm_install(start_victim: Callable[..., Outsider], project: Project) -> None:
    """A package whose install script attacks."""
    support.find_tool("npm")
    scripts = {"install": f"{project.attack}; cp stolen {project.folder}/ || true"}
    package = {"name": "attacker", "version": "1.0.0", "scripts": scripts}
    app = {"name": "app", "version": "1.0.0", "allowScripts": {"attacker": True}}
    project.write("package/package.json", json.dumps(package))
    project.write("app/package.json", json.dumps(app))
    project.run("npm", "pack", "./package")
    argv = [
        *("npm", "install", "--prefix", "app", "--offline", "--no-audit", "--no-fund"),
        *("--foreground-scripts", "./attacker-1.0.0.tgz"),
    ]
    with start_victim() as victim:
        assert_confined(project, victim, argv, lambda: project.run("rm", "-rf", "app/node_modules"))
    assert (project.folder / "app/node_modules/attacker/package.json").exists()


def test_pip_install(start_victim: Callable[..., Outsider], project: Project) -> None:
    """A source distribution whose build attacks."""
    project.write(
        "package/backend.py",
        f"""
        import os, zipfile

        def build_wheel(folder, config_settings=None, metadata_directory=None):
            os.system("cd {project.folder}; {project.attack}")
            name = "attacker-1.0-py3-none-any.whl"
            with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
                wheel.writestr("attacker.py", "")
                info = "attacker-1.0.dist-info"
                wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: attacker\\nVersion: 1.0\\n")
                wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                wheel.writestr(info + "/RECORD", "")
            return name
        """,  # noqa: E501
    )
    project.write(
        "package/pyproject.toml",
        """
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
        """,
    )
    argv = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir"),
        *("--disable-pip-version-check", "--upgrade", "--target", "installed", "./package"),
    ]
    with start_victim() as victim:
        assert_confined(project, victim, argv)
    assert (project.folder / "installed/attacker.py").exists()


def test_make(start_victim: Callable[..., Outsider], project: Project) -> None:
    """A build whose Makefile attacks."""
    project.write("Makefile", f"all:\n\t{project.attack}\n\techo built >out\n")
    with start_victim() as victim:
        assert_confined(project, victim, ["make", "-s", "-B"])
    assert (project.folder / "out").exists()


def test_a_git_hook(start_victim: Callable[..., Outsider], project: Project) -> None:
    """The hook is confined, git is not."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    project.run(*git, "init", "-q")
    project.write(".git/hooks/checks", f"{project.attack}; touch checked")
    project.run("cp", str(EXAMPLES / "pre-commit"), ".git/hooks/pre-commit")
    commit = [*git, "commit", "-q", "--allow-empty", "-m", "m"]
    with start_victim() as victim:
        project.run(*commit)
        assert (project.folder / "checked").exists()
        assert victim.secret.encode() not in project.take_stolen()
        project.write(".git/hooks/pre-commit", f"#!/bin/sh\n{project.attack}\n")
        project.run(*commit)
        assert victim.secret.encode() in project.take_stolen()


def test_an_mcp_server_over_standard_input(
    start_victim: Callable[..., Outsider], project: Project
) -> None:
    """Started as its client's configuration says."""
    server = json.loads((EXAMPLES / "mcp.json").read_text())["mcpServers"]["shell"]
    confined = [server["command"], *server["args"]]
    plain = confined[confined.index("--") + 1 :]
    with start_victim() as victim:
        arguments = {"command": f"cat /proc/{victim.pid}/environ"}
        params = {"name": "shell", "arguments": arguments}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answers = [
            support.run_as_user(argv, cwd=ROOT, env=project.env, input=json.dumps(request) + "\n")
            for argv in (plain, confined)
        ]
    free, refused = (
        json.loads(answer.stdout)["result"]["content"][0]["text"] for answer in answers
    )
    assert victim.secret in free
    assert "Permission denied" in refused


def test_the_systemd_unit_starts_confine_strictly() -> None:
    """Its command line works as it stands, but for the path that root chose."""
    unit = (EXAMPLES / "tool.service").read_text()
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    command, *arguments = line.removeprefix("ExecStart=").split()
    assert command == "/usr/local/bin/confine"
    end = arguments.index("--")
    result = support.run_as_user([support.find_tool("confine"), *arguments[:end], "--", "true"])
    assert (result.returncode, result.stderr) == (0, "")
