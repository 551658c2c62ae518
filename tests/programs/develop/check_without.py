"""A test of the program for pytest, without our plugin."""

import myapp  # type: ignore[import-not-found]  # beside this file


def test_main() -> None:
    """It would start pytest again."""
    assert myapp.main(["again"]) == 0
