"""Tests that use the fixture `cores` and fail."""

from pathlib import Path

import pytest

import victims
from conftest import *  # noqa: F403 (pytest finds fixtures by name)
from integration.conftest import *  # noqa: F403


def test_failing(cores: victims.Cores) -> None:  # noqa: ARG001 (it sets core_pattern)
    """Print where cores go meanwhile, and fail."""
    print("was", Path("/proc/sys/kernel/core_pattern").read_text())
    pytest.fail("as it should")
