"""Checks whether this kernel fixes CVE-2026-46333: stealing files from exiting processes."""

from __future__ import annotations

import re

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
_SECONDS = 20


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
    from subprocess import SubprocessError

    from process_hardening.separate import isolated_python, start_separate

    try:
        with start_separate(isolated_python(_PROBE)) as process:
            try:
                output, _ = process.communicate(timeout=_SECONDS)
            finally:
                process.kill()
    except (OSError, ValueError, SubprocessError):
        return None
    return {b"1 0\n": FIXED, b"1 1\n": VULNERABLE}.get(output)
