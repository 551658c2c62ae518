"""Interpreters of one process that have a GIL of their own, since Python 3.12 (PEP 684)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.pythons import here

import process_hardening
import support


@pytest.mark.parametrize("minor", [12, 13])
def test_one_with_its_own_gil_hardens_the_process(minor: int) -> None:
    """The start-up hook runs in each of them; variables are taken and drift is found there too."""
    found = here(minor)
    if not found:
        support.fail_or_skip(f"Python 3.{minor}")
    packages = str(Path(str(process_hardening.__file__)).parents[1])
    program = Path(__file__).parents[1] / "programs" / "subinterpreters.py"
    result = support.run([found[0], str(program)], env={"PYTHONPATH": packages})
    assert (result.stdout, result.stderr) == ("exposed hardened value ()\nhardened False\n", "")
