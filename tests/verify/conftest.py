"""Fixtures of the tests that run verify."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def suid_dumpable_stays() -> Iterator[None]:
    """No other run of the tests on this machine changes fs.suid_dumpable meanwhile."""
    with Path("/proc/sys/fs/suid_dumpable").open() as setting:
        fcntl.flock(setting, fcntl.LOCK_SH)
        yield
