"""Tests that use a real secret."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def secret() -> str:
    """The secret that the tests use."""
    return Path(os.environ["SECRET_FILE"]).read_text()


def test_secret_is_of_use(secret: str) -> None:
    """It is there."""
    assert secret
