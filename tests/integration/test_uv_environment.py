"""An execute-only interpreter in an environment that uv made, and what uv does with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import support
from environments import check

ROOT = Path(__file__).resolve().parents[2]
OWNER = "import os; print(os.stat('/proc/self/environ').st_uid == os.getuid())"


class UvEnvironment:
    """An environment of the unprivileged user, made by uv without a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "env"
        self.bin = self.folder / "bin"
        self.env = {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "UV_OFFLINE": "1",
            "UV_NO_INDEX": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        self.uv("venv", "--python", sys.executable, str(self.folder))
        (wheel,) = (ROOT / "build" / "wheel").glob("*.whl")
        self.wheel = str(wheel)
        self.uv("pip", "install", "--python", str(self.folder), self.wheel)

    def uv(self, *words: str) -> str:
        """Run uv, which must succeed; returns what it prints."""
        result = support.run_as_user([support.find_tool("uv"), "-q", *words], env=self.env)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def hook(self, *words: str, status: int, text: str) -> None:
        """Run the hook command of the environment; check its one line."""
        command = [str(self.bin / "process-hardening"), "hook", *words]
        check(support.run_as_user(command, env=self.env), status, text)

    def names(self) -> dict[str, tuple[int, bool]]:
        """The names of the interpreter: mode, and whether it is a link."""
        return {
            path.name: (path.lstat().st_mode, path.is_symlink()) for path in self.bin.glob("py*")
        }


@pytest.fixture
def environment(user_tmp: Path) -> UvEnvironment:
    """A new environment."""
    return UvEnvironment(user_tmp)


def test_uv_works_with_an_execute_only_interpreter(environment: UvEnvironment) -> None:
    """It lists, removes, installs and runs; the interpreter stays, and is put back in the end."""
    folder, before = str(environment.folder), environment.names()
    run = ["run", "--no-project", "--python", folder, "python", "-ISc", OWNER]
    assert environment.uv(*run) == "True\n"

    environment.hook("enable", "--execute-only", status=0, text="its interpreter is execute-only (")
    assert environment.uv(*run) == "False\n"
    environment.uv("pip", "uninstall", "--python", folder, "process-hardening")
    environment.uv("pip", "install", "--python", folder, environment.wheel)
    assert "process-hardening" in environment.uv("pip", "freeze", "--python", folder)

    environment.hook("status", status=0, text="its interpreter is execute-only (")
    assert environment.uv(*run) == "False\n"
    environment.hook("disable", status=0, text="disabled: ")
    assert environment.names() == before
