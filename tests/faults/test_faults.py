"""Whatever a system call answers, nothing is called hardened or started that is not protected."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import support
from faults.experiment import BAD, HARDENED, REFUSED

TESTS = Path(__file__).resolve().parents[1]


def test_no_system_call_that_fails_or_lies_leads_to_an_unprotected_start(user_tmp: Path) -> None:
    """Those that protect or read back, in the chief ways to start; `make faults` does all."""
    support.require_root()
    results = user_tmp / "results.json"
    argv = [sys.executable, "-m", "faults", "--quick", "--json", str(results)]
    done = support.run(argv, env={**os.environ, "PYTHONPATH": str(TESTS)}, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(results.read_text())
    assert len(rows) == 5
    for row in rows:
        assert not set(row["kinds"]) & set(BAD)
        assert row["kinds"][REFUSED] > 0, row
        assert row["kinds"][HARDENED] > 0, row
