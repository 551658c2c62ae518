"""Tests of the program for unittest."""

import unittest

from myapp import main  # type: ignore[import-not-found]  # beside this file


class Plain(unittest.TestCase):
    """Without reexec."""

    def test_main(self) -> None:
        """It ends well."""
        assert main([]) == 0


class Again(unittest.TestCase):
    """With reexec."""

    def test_main(self) -> None:
        """It would end the test run."""
        assert main(["again"]) == 0
