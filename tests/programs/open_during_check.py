"""Open a debug window when a watch has seen none and is about to check this process.

Prints whether the process is inspectable within the window, and what the watch has put back.
"""

import threading
from types import FrameType

import process_hardening as ph

SECONDS = 0.5
checking, opened, checked = threading.Event(), threading.Event(), threading.Event()
drifts: list[ph.Drift] = []


def pause(frame: FrameType, event: str, _: object) -> None:
    """In the thread of the watch: give the window time to open, before the check."""
    if frame.f_code is not ph.pre_main_hardening.__code__:
        return
    if event == "call" and not checking.is_set():
        checking.set()
        opened.wait(SECONDS)
    elif event == "return" and checking.is_set():
        checked.set()


ph.pre_main_hardening()
threading.setprofile(pause)
with ph.watch(0.01, on_drift=drifts.append) as one:
    threading.setprofile(None)
    checking.wait()
    with ph.debuggable():
        opened.set()
        checked.wait()
        print(ph.status().inspectable, [drift.steps for drift in drifts])
