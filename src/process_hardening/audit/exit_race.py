"""Checks whether this kernel fixes CVE-2026-46333: stealing files from exiting processes."""

from __future__ import annotations

import os
import re
from contextlib import suppress

from process_hardening.audit.procfiles import is_asleep

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from subprocess import Popen

FIXED = "fixed"
VULNERABLE = "vulnerable"

# The first release of each stable line that fixes CVE-2026-46333; mainline has had the fix since
# 7.1-rc4. All these were released on 2026-05-15 and announced together (LWN article 1073060).
_FIXED_IN = {
    (5, 10): 256,
    (5, 15): 207,
    (6, 1): 173,
    (6, 6): 139,
    (6, 12): 89,
    (6, 18): 31,
    (7, 0): 8,
}
_FIXED_FROM = (7, 1)
_FLAWED_FROM = (4, 10)

_PROBE = "process_hardening.audit.exit_probe"
_SECONDS = 20.0
_MOST_SLEEP = 2.0  # an honest probe waits only for the disk and for two processes that exit
_TICK = 0.005


def parse_release(release: str) -> tuple[int, int, int]:
    """Return the three numbers at the start of a kernel release; a missing number is 0."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def exit_race_by_version(release: str) -> str | None:
    """Return FIXED or VULNERABLE, judged by a kernel's release; None if that is inconclusive.

    Distributions backport fixes without changing the number. So only the number of a stable
    release, which has no suffix, proves that a kernel is vulnerable.
    """
    major, minor, patch = version = parse_release(release)
    candidate = re.search(r"-rc(\d+)", release)
    if version[:2] == _FIXED_FROM and candidate and int(candidate[1]) < 4:
        return None
    if version[:2] >= _FIXED_FROM:
        return FIXED
    first_fixed = _FIXED_IN.get((major, minor))
    if first_fixed is not None and patch >= first_fixed:
        return FIXED
    if version[:2] < _FLAWED_FROM or not re.fullmatch(r"\d+\.\d+(\.\d+)?", release):
        return None
    return VULNERABLE


def exit_race_by_trying() -> str | None:
    """Return FIXED or VULNERABLE after a test on two child processes; None if it is impossible.

    Raises nothing and changes nothing.
    """
    # Not at the top: they load slowly, and an audit does not need them.
    import signal

    from process_hardening.separate import isolated_python, start_separate

    try:
        with start_separate(isolated_python(_PROBE)) as process:
            try:
                output = _read_answer(process)
            finally:
                # Before it is waited for: until then, no other process group gets its number.
                with suppress(ProcessLookupError):  # SIGCHLD is ignored: it is gone already
                    os.killpg(process.pid, signal.SIGKILL)
    except (OSError, ValueError):
        return None
    return {b"1 0\n": FIXED, b"1 1\n": VULNERABLE}.get(output)


def _read_answer(process: Popen[bytes]) -> bytes:
    """Return what the probe prints; b"" if it has not answered in time.

    If it runs as nobody, the other processes of nobody can stop it.
    """
    import select
    import time

    assert process.stdout
    fd = process.stdout.fileno()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    asleep = 0.0
    end = time.monotonic() + _SECONDS
    while asleep < _MOST_SLEEP and time.monotonic() < end:
        if poll.poll(_TICK * 1000):
            return os.read(fd, 64)
        # One that is ready to run is only waiting for a CPU.
        asleep += _TICK * is_asleep(f"/proc/{process.pid}/stat")
    return b""
