"""Tests that use a real secret."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def secret() -> str:
    """Return the secret that the tests use."""
    return Path(os.environ["SECRET_FILE"]).read_text()


def test_secret_is_of_use(secret: str) -> None:
    """The secret is not empty."""
    assert secret
