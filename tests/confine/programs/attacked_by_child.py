"""Hold a secret and start a child that attacks this process, every thread of it.

Usage: attacked_by_child.py subprocess.Popen|popen_confined
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import process_hardening as ph

ATTACK = str(Path(__file__).with_name("attack_parent.py"))
STARTS: dict[str, Callable[..., subprocess.Popen[bytes]]] = {
    "subprocess.Popen": subprocess.Popen,
    "popen_confined": ph.popen_confined,
}

secret = ctypes.create_string_buffer(os.environ["SECRET"].encode())
place = (str(ctypes.addressof(secret)), str(len(secret.value)))
sys.exit(STARTS[sys.argv[1]]([sys.executable, "-S", ATTACK, *place], env={}).wait())
