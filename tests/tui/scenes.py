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
from process_hardening.tui.view import FRESH_SECONDS
from tui.machine import Driver, FakeMachine, node, usual, watching

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"


async def _restart_hardened(watch: Driver) -> None:
    others = [posture for posture in watch.machine.postures if not 500 <= posture.pid < 510]
    for _ in range(9):
        await watch.look()
    watch.machine.postures = [*others, *node(hardened=True)]
    await watch.look()
    await watch.press("slash", *"node", "enter")
    await watch.until(lambda: "Hardened" in watch.text())
    watch.app.clear_notifications()  # how long they stay is a matter of time
    await watch.until(lambda: "Hardened" not in watch.text())


async def _wait(watch: Driver) -> None:
    """Let programs be started one after the other, and one end for a while."""
    everything = usual()
    for number in (4, 7, 8, 12, 14, 12, 14, len(everything)):
        watch.machine.postures = everything[:number]
        for _ in range(3):
            await watch.look(40.0)
    watch.machine.time += FRESH_SECONDS
    await watch.look()


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
    begins: int | None = None  # with so many processes; None: all
    no_color: bool = False
    only_ascii: bool = False


SCENES = {
    "80x24-dark": Scene((80, 24), happens=_wait, begins=3),
    "80x24-light": Scene((80, 24), ("t",), happens=_wait, begins=3),
    "120x40-dark": Scene((120, 40), happens=_wait, begins=3),
    "120x40-light": Scene((120, 40), ("t",), happens=_wait, begins=3),
    "high-contrast": Scene((80, 24), ("t", "t", "down", "right"), happens=_wait, begins=3),
    "ascii": Scene((80, 24), ("down", "right"), happens=_wait, begins=3, only_ascii=True),
    "no-color": Scene((80, 24), no_color=True),
    "wide": Scene((150, 34), ("down", "right", "down")),
    "restarted": Scene((80, 24), happens=_restart_hardened),
    "more": Scene((100, 40), ("slash", *"node", "enter", "enter")),
    "host": Scene((100, 34), ("h", "down", "down")),
    "host-80x24": Scene((80, 24), ("h", "down", "down")),
    "verify": Scene((100, 24), happens=_attack),
    "attack": Scene((80, 24), ("a",)),
    "help": Scene((100, 46), ("question_mark",)),
    "nothing": Scene((80, 24), happens=_lose_proc),
}


async def picture(scene: Scene) -> str:
    """The SVG of a scene."""
    os.environ.pop("NO_COLOR", None)
    if scene.no_color:
        os.environ["NO_COLOR"] = "1"  # textual takes it out again
    machine = FakeMachine(usual()[: scene.begins])
    async with watching(machine, scene.size, only_ascii=scene.only_ascii) as watch:
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
