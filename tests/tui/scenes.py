"""The pictures of docs/images: `make screenshots` makes them, test_pictures.py compares.

They are of a made-up machine with a clock that stands still, so that they change only when what
is shown does.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from process_hardening.tui.screens.export import picture_of
from tui.machine import HARDENED, Driver, FakeMachine, process, usual, watching

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"


async def _change(watch: Driver) -> None:
    kept = [p for p in usual() if p.pid not in (880, 603, 1733)]
    changed = [process(880, "sh", ppid=871), process(603, "ssh-agent", **HARDENED)]
    watch.machine.postures = [*kept, *changed, process(3000, "curl")]
    await watch.press("s")
    await watch.look()
    await watch.until(lambda: "Lost hardening" in watch.text())


async def _lose_proc(watch: Driver) -> None:
    watch.machine.problem = "/proc: no proc file system: mount it to read the posture"
    await watch.look()


async def _attack(watch: Driver) -> None:
    await watch.press("v", "enter")
    await watch.until(lambda: "Result:" in watch.text())


@dataclass(frozen=True)
class Scene:
    """What a picture shows: keys are pressed, then something happens."""

    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    happens: Callable[[Driver], Awaitable[None]] | None = None
    no_color: bool = False


SCENES = {
    "processes": Scene((132, 34), ("down",)),
    "narrow": Scene((80, 24)),
    "light": Scene((80, 24), ("l",)),
    "no-color": Scene((80, 24), no_color=True),
    "changes": Scene((110, 30), happens=_change),
    "tree": Scene((80, 24), ("t", "p")),
    "explain": Scene((100, 30), ("enter",)),
    "host": Scene((100, 34), ("h", "down", "down")),
    "verify": Scene((100, 24), happens=_attack),
    "help": Scene((100, 46), ("question_mark",)),
    "nothing": Scene((80, 24), happens=_lose_proc),
}


async def picture(scene: Scene) -> str:
    """The SVG of a scene."""
    os.environ.pop("NO_COLOR", None)
    if scene.no_color:
        os.environ["NO_COLOR"] = "1"  # textual takes it out again
    async with watching(FakeMachine(), scene.size) as watch:
        watch.screen.watcher.interval = 10.0  # shown, and longer than the picture takes
        watch.screen.show_state()
        await watch.press(*scene.keys)
        if scene.happens:
            await scene.happens(watch)
        await watch.pilot.wait_for_animation()
        return picture_of(watch.app)


def main() -> None:
    """Make all pictures."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    FOLDER.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        path = FOLDER / f"tui-{name}.svg"
        path.write_text(asyncio.run(picture(scene)) + "\n")
        print(path, file=sys.stderr)


if __name__ == "__main__":
    main()
