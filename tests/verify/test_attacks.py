"""The attacks as data."""

from __future__ import annotations

import fnmatch
import re
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Literal

import pytest

import support
from process_hardening.errors import CommandError
from process_hardening.verify import BUILT_IN, TOOL, Attack, find_attacks, list_attacks
from process_hardening.verify.attacks.perf_event_open import find_flag
from process_hardening.verify.attacks.tools.debugpy_client import reserve_port
from process_hardening.verify.lab.core_guard import CORE_FILE, CORE_PIPE
from process_hardening.verify.model import CHANGES, KILLS, LAUNCHES, READS

ATTACKS = list_attacks()
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_in_the_table_of_the_page(attack: Attack) -> None:
    """By its name or a pattern; the last row stands for all third-party tools."""
    page = (ROOT / "docs/verify.md").read_text()
    table = page.split("\n## Attacks\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    names = [name for cell in cells for name in re.findall(r"`(.+?)`", cell)]
    is_tool = attack.kind == TOOL and not attack.runtimes
    assert is_tool or any(fnmatch.fnmatchcase(attack.name, name) for name in names)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_describes_itself(attack: Attack) -> None:
    """No text is empty, and kind, effect and core pattern are known values."""
    texts = {field.name: getattr(attack, field.name) for field in fields(attack)}
    assert all(value for value in texts.values() if isinstance(value, str))
    assert attack.kind in (BUILT_IN, TOOL)
    assert attack.effect in (READS, CHANGES, KILLS, LAUNCHES)
    assert attack.core_pattern in (None, CORE_FILE, CORE_PIPE)


def test_the_flags_of_perf_events_are_where_the_compiler_puts_bit_fields() -> None:
    """The first byte of the bit fields inherit and exclude_kernel, on x86-64 and on s390x."""
    orders: dict[Literal["little", "big"], list[int]] = {
        "little": [0x02, 0x20],
        "big": [0x40, 0x04],
    }
    for order, first_bytes in orders.items():
        flags = [find_flag(number, order).to_bytes(8, order) for number in (1, 5)]
        assert flags == [bytes([byte, *bytes(7)]) for byte in first_bytes]


def test_a_reserved_port_is_given_to_nobody_but_the_server_that_asks_for_it() -> None:
    """Between a look for a free port and the start of debugpy, another program could take it."""
    with reserve_port() as reserved:
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind(reserved.getsockname())
        with socket.create_server(reserved.getsockname()) as server:  # sets SO_REUSEADDR
            socket.create_connection(server.getsockname()).close()


def test_names_are_unique() -> None:
    """A name finds one attack."""
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)


def test_attacks_are_found_in_the_order_of_the_table() -> None:
    """The order of the names does not matter."""
    found = find_attacks(["gdb", "proc-mem", "ptrace-attach"])
    assert [attack.name for attack in found] == ["ptrace-attach", "proc-mem", "gdb"]


def test_an_unknown_name_is_an_error() -> None:
    """The message names the command that lists the attacks."""
    with pytest.raises(CommandError, match=r"'poke' is not an attack: .*--list"):
        find_attacks(["gdb", "poke"])


def test_there_are_at_least_20_attacks_of_which_8_use_tools() -> None:
    """The specification's number."""
    assert len(ATTACKS) >= 20
    assert len(list_attacks((TOOL,))) >= 8


def test_an_ssh_agent_of_a_user_without_a_name_is_missing() -> None:
    """For such a user, ssh-keygen makes no key that the agent could hold."""
    support.require_root()
    for tool in ("ssh-agent", "setpriv"):
        support.find_tool(tool)
    code = """
from process_hardening.verify import find_attacks
print(find_attacks(["ssh-agent"])[0].find_missing())
"""
    argv = ["setpriv", "--reuid=54321", "--clear-groups", sys.executable, "-c", code]
    result = support.run(argv, cwd="/")
    assert result.stdout == "ssh-keygen makes no key for uid 54321, which has no user name\n"
    assert support.run([*argv[3:]], cwd="/").stdout == "None\n"  # the control: root has a name


def test_perf_events_are_opened_once_even_if_one_cannot_be_opened() -> None:
    """The attack calls it again and again while its target starts."""
    (sampling,) = find_attacks(["launch-perf"])
    if sampling.find_missing():
        support.fail_or_skip("kernel.perf_event_paranoid of at most 2")
    program = Path(__file__).with_name("programs") / "opens_events.py"
    done = support.run([sys.executable, str(program)])
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_the_facade_loads_nothing_until_it_is_used() -> None:
    """Importing process_hardening.verify does not import dataclasses, ctypes or an attack."""
    program = "import sys, process_hardening.verify; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "process_hardening.verify" in loaded
    assert not loaded & {"dataclasses", "ctypes", "json", "subprocess"}
    assert not any(name.startswith("process_hardening.verify.") for name in loaded)
    assert not {name for name in loaded if name.startswith("process_hardening.verify.")}
