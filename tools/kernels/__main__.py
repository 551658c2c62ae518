"""The command of `make kernels`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

from tools import debian
from tools.kernels import machines, report
from tools.kernels.judgement import judge
from tools.kernels.zoo import ZOO

RESULTS = machines.ROOT / "docs" / "kernels-results.json"
PAGE = machines.ROOT / "docs" / "kernels.md"

_PARTS = (
    *("error", "kernel", "confinements", "without_landlock", "absent", "skipped"),
    *("method", "refusals", "missed", "audits", "trial", "done"),
)
"""What a machine tells, by the key that it is recognized by."""


def _say(text: str) -> None:
    print(f"kernels: {text}", file=sys.stderr, flush=True)


def _try(machine: machines.Machine, begun: float) -> tuple[dict[str, Any] | None, list[str]]:
    """The results of a machine and its problems; no results when it did not come to its end."""

    def watch(told: dict[str, Any]) -> None:
        where = str(told.get("configuration", ""))
        doing = next((key for key in _PARTS if key in told), "")
        details = told[doing] if isinstance(told.get(doing), (int, str)) else ""
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        words = " ".join(f"{where} {doing} {details}".split())
        _say(f"{minutes:2}:{seconds:02} {machine.name}: {words}")

    try:
        told = machines.try_out(machine, watch)
    except debian.MatrixError as error:
        return None, [f"{machine.name}: {error}"]
    return judge(machine.name, told)


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Returns 0 when all is as promised, 1 when not, 2 when a machine could not be had."""
    parser = argparse.ArgumentParser(
        description="harden, confine, attack and audit on other kernels"
    )
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help="one of these, not all")
    names = parser.parse_args().machines or list(machines.MACHINES)
    if unknown := [name for name in names if name not in machines.MACHINES]:
        parser.error(f"no machine {unknown[0]}; there are: {', '.join(machines.MACHINES)}")
    chosen = [machines.MACHINES[name] for name in names]
    signal.signal(signal.SIGTERM, _stop)
    begun = time.monotonic()
    try:
        machines.check_tools(chosen)
    except debian.MatrixError as error:
        _say(str(error))
        return 2
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            tried = list(pool.map(lambda machine: _try(machine, begun), chosen))
        except BaseException:
            machines.stop()
            pool.shutdown(cancel_futures=True)
            raise
    results = [found for found, _ in tried if found]
    problems = [problem for _, of_one in tried for problem in of_one]
    for problem in problems:
        _say(problem)
    if len(results) < len(chosen):
        return 2
    page = {
        "schema": 1,
        "command": "make kernels",
        "date": datetime.now(timezone.utc).date().isoformat(),
        "version": machines.version(),
        "minutes": round((time.monotonic() - begun) / 60),
        "zoo": len(ZOO),
        "machines": results,
        "problems": problems,
    }
    print(report.render(page))
    if problems:
        return 1
    if len(chosen) == len(machines.MACHINES):
        RESULTS.write_text(json.dumps(page, indent=1) + "\n")
        PAGE.write_text(report.render(page))
        _say(f"wrote {RESULTS} and {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
