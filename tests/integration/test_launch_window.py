"""The launch window: what is opened between exec and hardening stays open.

programs/window.c starts the victim and opens its /proc/PID/mem as early as it can. In-process
hardening comes too late for such an attacker; a program that is born hardened has no window.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from victims import Chat, make_chat_argv

LAUNCHES = 15
CHANCES = 50
"""In how many launches in-process hardening must come too late once: mostly it is the first."""


def launch(method: str, chat: str, programs: Path) -> tuple[bool, int]:
    """Attack one launch; returns whether the key leaked, and how many images could be opened.

    The first of these images is the attacker's own, before its child becomes the victim.
    """
    with Chat([str(programs / "window"), *make_chat_argv(method, chat)]) as victim:
        outcome, text, _, opened = victim.answer().split()
        assert victim.still_works()
        leaked = text == victim.key
        assert leaked or (outcome, text) == ("SAFE", "-"), (outcome, text)
        return leaked, int(opened)


@pytest.fixture(scope="module")
def control(programs: Path) -> None:
    """Every launch of an unhardened victim leaks its key, or no test here can conclude."""
    launches = [launch("plain", str(programs / "chat.py"), programs) for _ in range(LAUNCHES)]
    assert all(leaked for leaked, _ in launches), "inconclusive"


@pytest.mark.usefixtures("control")
def test_in_process_hardening_comes_too_late(chat: str, programs: Path) -> None:
    """With hardening as the first statement of main(), some launches still leak."""
    assert any(launch("pre_main", chat, programs)[0] for _ in range(CHANCES))


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize("method", ["execute-only", "reexec"])
def test_a_program_born_hardened_has_no_window(method: str, chat: str, programs: Path) -> None:
    """No launch of an execute-only image leaks: what was opened before it is of no use."""
    launches = [launch(method, chat, programs) for _ in range(LAUNCHES)]
    assert not any(leaked for leaked, _ in launches)
    # The attacker did come in time: it has opened the interpreter that became the image.
    assert max(opened for _, opened in launches) >= 2
