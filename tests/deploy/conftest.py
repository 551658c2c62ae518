"""The keeper, the service that the recipes of docs/deploy.md ship and start."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import images
import support

DEPLOY = Path(__file__).resolve().parents[2] / "examples" / "deploy"


@pytest.fixture(scope="session")
def wheels() -> Iterator[Path]:
    """A folder with the wheels of the keeper and of process-hardening, for installers."""
    with tempfile.TemporaryDirectory(prefix="ph-wheels-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        images.collect_wheels(folder, "pip")
        source = folder / "keeper"
        shutil.copytree(DEPLOY / "keeper", source)
        build = [support.find_tool("uv"), "build", "-q", "--offline", "--wheel", "-o", name]
        environment = {**os.environ, "UV_CACHE_DIR": f"{name}/cache"}
        result = support.run([*build, str(source)], env=environment)
        assert result.returncode == 0, result.stderr
        yield folder
