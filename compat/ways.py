"""The ways in which a program is run. A way is a row of WAYS."""

from __future__ import annotations

import sys
from typing import NamedTuple

PLACE = "/srv"
"""Where a workload finds its folders: the scratch folder is bound there in its mount namespace."""


class Way(NamedTuple):
    """How a workload is run.

    title -- its column in the table
    start -- the words before each program that the workload starts
    around -- the words before the workload itself
    """

    title: str
    start: tuple[str, ...] = ()
    around: tuple[str, ...] = ()


PLAIN = "plain"
WAYS = {
    PLAIN: Way("plain"),
    "harden": Way("`harden`", start=("harden", "--")),
    "children": Way("`harden --children`", start=("harden", "--children", "--")),
    # Without a user namespace there is no tmpfs with the program's name.
    "memory": Way(
        "`harden`, in a memfd",
        start=(sys.executable, f"{PLACE}/bin/filtered.py", "setns=EPERM", "--", "harden", "--"),
    ),
    # One domain for all of it: what is confined apart cannot signal each other.
    "confine": Way("`confine`", around=("confine", "--")),
}
PROTECTED = {name: way for name, way in WAYS.items() if name != PLAIN}
"""The ways that are compared with the plain one."""
